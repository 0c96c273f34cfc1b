#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/accuracy_options.h"
#include "cli/verb.h"

namespace opoloop {

/// Options of `opoloop experiment tts` alone.
struct TtsArguments {
  std::vector<std::string> files, generators;
  std::string lengths;
  std::optional<int> runs;
  double share = 0.99;
};

/// Options of `opoloop experiment NAME`; each experiment says which it takes.
struct ExperimentOptions {
  std::string name;
  bool quick = false;
  std::optional<int> threads;
  std::uint64_t seed = 1;
  std::vector<std::string> only;
  std::optional<int> instances;      ///< of each family and size; sparsity: images; applications: seeds
  std::vector<int> spins;            ///< gap-tts, tts
  std::vector<std::string> devices;  ///< tts, applications; sparsity: one; inference-time: one more
  TtsArguments tts;
  std::string config, out, resume, report;
  std::string array;          ///< share of the points: "I/N" or "slurm"; experiments made of points only
  bool retry_failed = false;  ///< the same
  std::string file;           ///< sweep: its configuration; merge: the experiment file
  std::string pictures;       ///< applications: folder of SVG files
  AccuracyFlags accuracy;
  bool json = false;
};

/// Throws InputError where --out, --resume or --report name a place that cannot be written, or a file that
/// would be lost there.
void require_output_places(const ExperimentOptions& options);

/// Where the rows of an experiment go and how it reports: what all experiments share.
class ExperimentRun {
 public:
  /// Throws InputError where a file of --out is there.
  ExperimentRun(const ExperimentOptions& options, const Streams& streams);

  int threads() const { return threads_; }
  /// --out, or --resume where only that is given; empty: nothing is saved.
  const std::string& file() const { return file_; }

  /// Catches Ctrl-C and writes the first, incomplete file, so that a bad path fails before the work.
  void begin(std::function<void(bool complete)> save);
  /// One line about where the run is, on a terminal only.
  void progress(std::size_t done, std::size_t of, const std::string& what) const;
  /// Saves if the last time is a while ago.
  void save_now_and_then();
  /// Saves, and says where an interrupted run can be gone on with. Returns the exit code.
  int end(bool complete, std::size_t rows);
  /// Names the files that were written.
  void print_files() const;

 private:
  const ExperimentOptions& options_;
  const Streams& streams_;
  int threads_;
  std::string file_;
  std::function<void(bool)> save_;
  std::chrono::steady_clock::time_point start_, saved_;
};

int run_accuracy(const ExperimentOptions& options, const std::string& command_line, const Streams& streams);
int run_applications(const ExperimentOptions& options, const std::string& command_line,
                     const Streams& streams);
int run_published(const ExperimentOptions& options, const std::string& command_line, const Streams& streams);
int run_gap_tts(const ExperimentOptions& options, const std::string& command_line, const Streams& streams);
int run_inference_time(const ExperimentOptions& options, const std::string& command_line,
                       const Streams& streams);
int run_tts(const ExperimentOptions& options, const std::string& command_line, const Streams& streams);
int run_sparsity(const ExperimentOptions& options, const std::string& command_line, const Streams& streams);
int run_sweep(const ExperimentOptions& options, const std::string& command_line, const Streams& streams);

}  // namespace opoloop
