#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "driver/device.h"
#include "driver/run_file.h"
#include "hamiltonian/qama/qama_scores.h"

namespace opoloop {

inline constexpr int kQamaRunSchemaVersion = 1;

/// A solved batch of QAMA problems, for an HDF5 file of schema "opoloop-qama" (docs/run-file.md): the root
/// attributes and /device of a run file, and one group /qama in place of /problem and /runs. It owns no
/// arrays.
struct QamaRun {
  std::string command_line;
  std::uint64_t seed = 0;
  std::string device_uri;
  std::string name, source, sha256;  ///< of the input
  QamaSpec spec;
  QamaShape shape;
  double scale = 1;                        ///< s
  std::span<const float> u;                ///< [d]
  std::span<const std::uint8_t> masked;    ///< [B, N] or empty
  std::span<const float> J, h;             ///< [B, H, N, N], [B, H, N]
  std::span<const std::int8_t> x;          ///< [B, H, N, q]
  std::span<const double> energy;          ///< [B], NaN where not answered
  std::span<const std::uint8_t> answered;  ///< [B]
  std::span<const float> output;           ///< [B, N, H·d], NaN where not answered
  std::string failure;                     ///< empty where all were answered
  int only = -1;                           ///< the one problem that was asked for; -1: all
  int runs = 0;
  std::int64_t steps = 0;
  std::map<std::string, ParameterValue> parameters;
  std::vector<std::string> adaptations;
  double scores_s = 0, solve_s = 0, read_out_s = 0;
};

/// Writes `path` complete or not at all. Throws Error with the reason where that fails.
void write_qama_run(const std::string& path, const QamaRun& run);

/// True where the file is HDF5 of that schema, whatever its version.
bool is_qama_run(const std::string& path);

/// The check of `opoloop check`: shapes, and every energy recomputed from J, h, x and the coefficients.
RunFileCheck check_qama_run(const std::string& path);

}  // namespace opoloop
