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

/// Logs up to this size are compressed (shuffle, deflate, fletcher32) by finish(); larger ones stay as they
/// were written: noise mantissas hardly compress, and it would take longer than the run (docs/run-file.md).
inline constexpr std::int64_t kPackedLogBytes = 32 << 20;

/// An HDF5 run file, schema "opoloop-run" version 1 (docs/run-file.md). It exists from before the run, so
/// that a killed run leaves a file that h5py and h5dump open with everything written so far; attribute
/// `complete` turns 1 only in finish(). Amplitudes arrive through the RunRecorder interface and are written
/// by a thread of the file's own (driver/trajectory_log.h).
///
/// The file is never rewritten under its name: each stage (header and problem; room for the trajectories;
/// results) is built as `path`.part and renamed. Only the results of a large log are added in place.
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

  /// Drains the writer, writes /device, /runs, /statistics and complete = 1 (0 after an interruption),
  /// closes. Throws Error where something could not be written; what was written before stays valid.
  void finish(const Result& result, const SolveStatistics& statistics);

  /// For a job that was refused: deletes the file, or puts back the one that it replaced.
  void discard();

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

/// What a report or another tool reads back.
struct RunFileContents {
  std::string path;
  std::vector<std::pair<std::string, std::string>> attributes;  ///< root attributes as text, in file order
  std::string problem_name;
  std::string problem_sha256;  ///< of the file's bytes; empty: generated
  std::int64_t n = 0;
  std::int64_t edges = 0;
  ProblemKind problem_kind = ProblemKind::ising;
  std::optional<double> best_known_energy;
  double total_weight = 0;  ///< max_cut only
  std::map<std::string, ParameterValue> device_parameters;
  std::string device_uri;
  std::vector<std::string> adaptations;
  bool complete = false;
  bool finished = false;        ///< /runs and /statistics are there
  std::string stopped_by;       ///< "time limit", "interrupt"; empty: nothing, or a file that does not say
  std::int64_t runs_asked = 0;  ///< 0: a file that does not say
  std::vector<double> energy_final, energy_best;
  std::vector<std::int64_t> round_best;
  std::vector<std::int64_t> rounds;
  std::vector<bool> diverged, success_final, success_best;
  std::vector<std::uint32_t> trajectory;  ///< random stream of each run
  std::vector<ClippingCounts> clipping;   ///< empty where the device has no converters
  std::vector<std::vector<std::int8_t>> spins_best;
  std::vector<std::string> warnings;
  std::vector<std::pair<std::string, std::string>> statistics;  ///< name, value as text with unit
  /// The numbers behind `statistics`: one value, or value, low, high of a 95% interval; and what they mean.
  struct Statistic {
    std::vector<double> values;
    std::string units;
    std::string description;
    bool lower_bound = false;  ///< no run succeeded: the value is the least it can be
  };
  std::map<std::string, Statistic> statistic;
  // Trajectories: [trajectory][logged row][...]; empty where none were logged. Rows may be thinned (below);
  // rows a trajectory does not have are NaN.
  std::int64_t logged_trajectories = 0;  ///< in the file
  std::int64_t logged_rows = 0;          ///< in the file
  std::vector<std::int64_t> log_rounds;
  std::vector<double> log_pump;
  std::vector<std::vector<std::vector<float>>> amplitude;  ///< of the first trajectories, as many as fit
  std::vector<std::vector<double>> energy;
  std::vector<std::vector<double>> energy_so_far;  ///< lowest of all logged rows up to this one
};

/// What read_run_file() takes into memory of a log that may be larger than memory.
struct RunFileReadLimits {
  std::int64_t rows = 4000;                    ///< every k-th row, so that at most about so many are kept
  std::int64_t amplitude_bytes = 256LL << 20;  ///< as many trajectories as fit, at least one
};

/// Throws InputError where the file is not a run file or belongs to a newer schema.
RunFileContents read_run_file(const std::string& path, const RunFileReadLimits& limits = {});

/// Hands every row of a run file's trajectories to `recorder`, as the run itself did: how the amplitudes of a
/// remote run reach the run file of this one. Nothing where the file has none. Throws InputError where it is
/// not such a file.
void replay_trajectories(const std::string& path, RunRecorder& recorder);

}  // namespace opoloop
