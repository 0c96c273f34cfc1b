#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace opoloop {

// `opoloop experiment inference-time`: what one forward pass of attention costs, over tokens N and heads H,
// by softmax, by QAMA on each solver, and on machines as published (docs/experiments.md). One row a method at
// a size; tables, pictures and machine times are functions of the rows alone.

/// One way to compute a forward pass.
struct InferenceMethod {
  std::string name;
  std::string what;  ///< in words
  std::string device;
  std::optional<int> runs;
  std::optional<std::int64_t> steps;
};
/// Softmax, the two published solvers, ours, and `extra_device` where one is named. Softmax has no device.
std::vector<InferenceMethod> inference_methods(const std::string& extra_device);

struct InferenceSize {
  int batch = 0, heads = 0, tokens = 0;  ///< B, H, N
};

struct InferencePlan {
  std::vector<int> tokens = {16, 32, 64, 128, 256, 512, 1024};
  std::vector<int> heads = {1, 4, 8};
  int width = 64;               ///< d of a head
  int repetitions = 3;          ///< the quickest counts
  bool published = true;        ///< also B = 128, H = 8, N = 49, the size the paper prints a time for
  int batch_spins = 32768;      ///< B is such that B·H·N is about this, between 2 and 128
  int reference_sweeps = 1000;  ///< of the annealing whose energy is the yardstick beside all methods'

  /// A subset that takes about a minute on two cores.
  static InferencePlan quick();
  /// The published size first, then all others, small ones first.
  std::vector<InferenceSize> sizes() const;
};

struct InferenceOptions {
  InferencePlan plan;
  std::string device;  ///< one more, e.g. "opoloop://host:8000"; empty: none
  int threads = 1;
  std::uint64_t seed = 1;
};

/// Times are wall times of the quickest repetition, of the whole batch, on `threads` threads.
struct InferenceRow {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  std::string method;
  std::string device;
  std::string problem;  ///< why a number is missing; empty where none is
  double batch = kNone, heads = kNone, tokens = kNone, width = kNone;
  double spins = kNone;  ///< of one problem, H·N
  double threads = kNone;
  double scores_s = kNone, solve_s = kNone, read_out_s = kNone;
  double total_s = kNone;
  double runs = kNone, steps = kNone;  ///< of the solver, a problem
  double energy = kNone;               ///< mean over the batch
  double reference_energy = kNone;     ///< mean of the least that any method or the long annealing found
  double found = kNone;                ///< share of problems solved as well as by whoever did best
  double memory_mib = kNone;           ///< resident memory at its highest during the passes, less that before
};

/// Measures what is missing in `rows`; false where it was interrupted. Energies do not depend on threads,
/// times do. Throws InputError where the plan makes no sense.
bool measure_inference(const InferenceOptions& options, std::vector<InferenceRow>& rows,
                       const std::function<void(std::size_t done, std::size_t of)>& after_each = {});

void save_inference(const std::string& path, const std::vector<InferenceRow>& rows,
                    const InferenceOptions& options, const std::string& command_line, bool complete);
/// Throws InputError where the file is of another experiment, seed or plan.
std::vector<InferenceRow> load_inference(const std::string& path, const InferenceOptions& options);

}  // namespace opoloop
