#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "driver/device.h"
#include "driver/run_recorder.h"
#include "driver/statistics.h"
#include "hamiltonian/problem.h"

namespace opoloop {

inline constexpr int kRunFileSchemaVersion = 1;

/// An HDF5 run file, schema "opoloop-run" version 1 (docs/run-file.md). Opened before the run, so that a
/// killed run leaves a file that h5py and h5dump open with everything flushed so far; attribute
/// `complete` turns 1 only in finish(). Amplitudes arrive through the RunRecorder interface and are written
/// by a thread of the file's own.
class RunFile final : public RunRecorder {
 public:
  struct Header {
    std::string command_line;
    std::uint64_t seed = 0;
    std::string device_uri;
    double flush_every_s = 2.0;
  };

  /// Creates `path` (the directory must exist; an existing file is replaced) and writes the root attributes
  /// and /problem. Throws Error with the system's reason where that fails.
  RunFile(const std::string& path, const Problem& problem, const Header& header);
  ~RunFile() override;
  RunFile(const RunFile&) = delete;
  RunFile& operator=(const RunFile&) = delete;

  void begin(int trajectories, int n, std::int64_t rounds, std::int64_t every, double dt, bool has_error,
             bool has_measured) override;
  void record(const TileObservation& observation) override;

  /// Drains the writer, writes /device, /runs, /statistics and complete = 1 (0 after an interruption), closes.
  void finish(const Result& result, const SolveStatistics& statistics);

  const std::string& path() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One line each of what `opoloop check` found; ok is false where the file breaks the schema.
struct RunFileCheck {
  bool ok = false;
  bool complete = false;
  std::vector<std::string> lines;
};
RunFileCheck check_run_file(const std::string& path);

/// What a report or another tool reads back. Throws InputError where the file is not a run file.
struct RunFileContents {
  std::string path;
  std::vector<std::pair<std::string, std::string>> attributes;  ///< root attributes as text, in file order
  std::string problem_name;
  std::int64_t n = 0;
  std::int64_t edges = 0;
  ProblemKind problem_kind = ProblemKind::ising;
  std::optional<double> best_known_energy;
  double total_weight = 0;                                      ///< max_cut only
  std::map<std::string, ParameterValue> device_parameters;
  std::string device_uri;
  std::vector<std::string> adaptations;
  bool complete = false;
  std::vector<double> energy_final, energy_best;
  std::vector<std::int64_t> round_best;
  std::vector<std::vector<std::int8_t>> spins_best;
  std::vector<std::pair<std::string, std::string>> statistics;  ///< name, value as text with unit
  // Trajectories: [trajectory][logged round][...]; empty where none were logged.
  std::vector<std::int64_t> log_rounds;
  std::vector<double> log_pump;
  std::vector<std::vector<std::vector<float>>> amplitude;
  std::vector<std::vector<double>> energy;
};
RunFileContents read_run_file(const std::string& path);

}  // namespace opoloop
