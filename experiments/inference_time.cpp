#include "experiments/inference_time.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attention/qama_operator.h"
#include "attention/softmax.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/random.h"
#include "experiments/sweep_rows.h"

namespace opoloop {
namespace {

using Row = InferenceRow;

constexpr const char* kExperiment = "inference-time";
constexpr const char* kSoftmax = "softmax";
/// Repetitions of a pass that takes longer would only make people wait.
constexpr double kLongPass_s = 2;

constexpr std::array<TextField<Row>, 3> kTexts = {{
    {"method", &Row::method, "How the forward pass was computed."},
    {"device", &Row::device, "URI of the solver; empty for softmax."},
    {"problem", &Row::problem, "Why a number is missing."},
}};

constexpr std::array<NumberField<Row>, 16> kNumbers = {{
    {"batch", "1", &Row::batch, "Problems of a pass, B."},
    {"heads", "1", &Row::heads, "Heads, H."},
    {"tokens", "1", &Row::tokens, "Tokens, N."},
    {"width", "1", &Row::width, "Width of a head, d."},
    {"spins", "1", &Row::spins, "Spins of one problem."},
    {"threads", "1", &Row::threads, "Threads."},
    {"scores_s", "s", &Row::scores_s, "Scores and problems, the whole batch."},
    {"solve_s", "s", &Row::solve_s, "Solver, the whole batch."},
    {"read_out_s", "s", &Row::read_out_s, "Read-out, the whole batch."},
    {"total_s", "s", &Row::total_s, "The forward pass, the whole batch."},
    {"runs", "1", &Row::runs, "Trajectories or reads of a problem."},
    {"steps", "1", &Row::steps, "Round trips or sweeps of a run."},
    {"energy", "1", &Row::energy, "Energy, mean over the batch."},
    {"reference_energy", "1", &Row::reference_energy, "Least energy found by anybody, mean over the batch."},
    {"found", "1", &Row::found, "Share of problems with the least energy found by anybody."},
    {"memory_mib", "MiB", &Row::memory_mib, "Resident memory the passes added at most."},
}};

std::string plan_text(const InferenceOptions& o) {
  const InferencePlan& p = o.plan;
  return fmt::format(
      "N={} H={} d={} repetitions={} published={} batch_spins={} reference_sweeps={} threads={} device={}",
      fmt::join(p.tokens, ","), fmt::join(p.heads, ","), p.width, p.repetitions, p.published, p.batch_spins,
      p.reference_sweeps, o.threads, o.device);
}

/// Standard normal Q, K, V and u, the same for the same seed and size.
struct Inputs {
  QamaShape shape;
  std::vector<float> Q, K, V, u;

  Inputs(const InferenceSize& size, int width, std::uint64_t seed)
      : shape{size.batch, size.heads, size.tokens, width} {
    RandomSequence random(seed * 1000003 + static_cast<std::uint64_t>(size.heads * 4096 + size.tokens),
                          Stream::generator);
    for (auto* values : {&Q, &K, &V}) {
      values->resize(shape.values());
      for (float& x : *values) x = static_cast<float>(random.normal());
    }
    u.resize(static_cast<std::size_t>(width));
    for (float& x : u) x = static_cast<float>(random.normal());
  }
};

/// A number of /proc/self/status in MiB, 0 where the system has none.
double status_mib(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(name, 0) == 0) return std::stod(line.substr(name.size())) / 1024;
  }
  return 0;
}

/// Highest resident memory between construction and added_mib(), less what was there before.
class MemoryMark {
 public:
  MemoryMark() : before_(status_mib("VmRSS:")) { std::ofstream("/proc/self/clear_refs") << "5"; }
  double added_mib() const { return std::max(0.0, status_mib("VmHWM:") - before_); }

 private:
  double before_;
};

QamaOptions qama_options(const InferenceMethod& method, const InferenceOptions& options) {
  QamaOptions qama;
  qama.device = method.device;
  qama.threads = options.threads;
  qama.seed = options.seed;
  qama.runs = method.runs;
  qama.steps = method.steps;
  return qama;
}

QamaForward<float> forward(QamaOperator& attention, const Inputs& in) {
  return attention.forward<float>(in.shape, std::span<const float>(in.Q), std::span<const float>(in.K),
                                  std::span<const float>(in.V), std::span<const float>(in.u));
}

/// Fills times, memory and energies; returns the energy of each problem, empty for softmax.
std::vector<double> measure_method(const InferenceMethod& method, const Inputs& in,
                                   const InferenceOptions& options, Row& row) {
  std::vector<double> energies;
  const MemoryMark memory;
  std::vector<float> output(method.device.empty() ? in.shape.values() : 0);
  std::optional<QamaOperator> attention;
  if (!method.device.empty()) attention.emplace(qama_options(method, options));
  for (int k = 0; k < options.plan.repetitions && !interrupted(); ++k) {
    const auto start = Clock::now();
    if (!attention) {
      const double scale = 1 / std::sqrt(static_cast<double>(in.shape.width));
      softmax_attention<float>(in.shape, scale, in.Q.data(), in.K.data(), in.V.data(), {}, output.data(),
                               options.threads);
    }
    QamaForward<float> pass;
    if (attention) pass = forward(*attention, in);
    const double total_s = seconds_since(start);
    if (!(row.total_s <= total_s)) {
      row.total_s = total_s;
      if (attention) {
        row.scores_s = pass.scores_s;
        row.solve_s = pass.solve_s;
        row.read_out_s = pass.read_out_s;
      }
    }
    if (attention) {
      energies = std::move(pass.energy);  // every repetition has the same: same seed
      row.runs = pass.runs;
      row.steps = static_cast<double>(pass.steps);
    }
    if (total_s > kLongPass_s) break;
  }
  row.memory_mib = memory.added_mib();
  return energies;
}

/// All methods at one size.
std::vector<Row> measure_size(const InferenceSize& size, const std::vector<InferenceMethod>& methods,
                              const InferenceOptions& options) {
  const Inputs in(size, options.plan.width, options.seed);
  std::vector<Row> rows;
  std::vector<std::vector<double>> energies;
  for (const InferenceMethod& method : methods) {
    Row row;
    row.method = method.name;
    row.device = method.device;
    row.batch = size.batch;
    row.heads = size.heads;
    row.tokens = size.tokens;
    row.width = options.plan.width;
    row.spins = size.heads * size.tokens;
    row.threads = options.threads;
    energies.emplace_back();
    try {
      energies.back() = measure_method(method, in, options, row);
    } catch (const Error& error) {
      row.problem = error.what();  // a device too small, a server that is gone: the others go on
    }
    rows.push_back(std::move(row));
    if (interrupted()) return rows;
  }
  Row longest;
  const InferenceMethod reference{"reference", "", "annealing:", 1, options.plan.reference_sweeps};
  InferenceOptions once = options;
  once.plan.repetitions = 1;
  std::vector<double> least = measure_method(reference, in, once, longest);
  if (interrupted()) return rows;
  for (const auto& of_method : energies) {
    for (std::size_t p = 0; p < of_method.size(); ++p) least[p] = std::min(least[p], of_method[p]);
  }
  const auto count = static_cast<double>(least.size());
  for (std::size_t m = 0; m < rows.size(); ++m) {
    if (energies[m].empty()) continue;
    rows[m].energy = rows[m].reference_energy = rows[m].found = 0;
    for (std::size_t p = 0; p < least.size(); ++p) {
      rows[m].energy += energies[m][p] / count;
      rows[m].reference_energy += least[p] / count;
      rows[m].found += energies[m][p] <= least[p] + 1e-6 * (1 + std::abs(least[p])) ? 1 / count : 0;
    }
  }
  return rows;
}

}  // namespace

std::vector<InferenceMethod> inference_methods(const std::string& extra_device) {
  std::vector<InferenceMethod> methods = {
      {kSoftmax, "softmax attention (Eigen)", "", {}, {}},
      {"published annealing",
       "T 1000 to 0.001 by factors of 0.99, five flips a step, descent",
       "annealing:?schedule=published",
       1,
       {}},
      {"published greedy", "200 random starts, three sweeps that only go down",
       "annealing:?t_hot=1e-30&t_cold=1e-30&descend=false", 200, 3},
      {"annealing", "annealing:, its own budget", "annealing:", {}, {}},
      {"emulator", "the simulated machine, its own budget", "emulator:", {}, {}},
  };
  if (!extra_device.empty()) methods.push_back({extra_device, "as named by --device", extra_device, {}, {}});
  return methods;
}

InferencePlan InferencePlan::quick() {
  InferencePlan plan;
  plan.tokens = {16, 64, 256};
  plan.heads = {1, 8};
  plan.repetitions = 2;
  return plan;
}

std::vector<InferenceSize> InferencePlan::sizes() const {
  std::vector<InferenceSize> sizes;
  for (const int N : tokens) {
    for (const int H : heads) sizes.push_back({std::clamp(batch_spins / (H * N), 2, 128), H, N});
  }
  std::sort(sizes.begin(), sizes.end(), [](const InferenceSize& a, const InferenceSize& b) {
    return std::pair(a.heads * a.tokens, a.heads) < std::pair(b.heads * b.tokens, b.heads);
  });
  if (published) sizes.insert(sizes.begin(), {128, 8, 49});
  return sizes;
}

bool measure_inference(const InferenceOptions& options, std::vector<Row>& rows,
                       const std::function<void(std::size_t, std::size_t)>& after_each) {
  if (options.plan.repetitions < 1)
    throw_parameter_error("repetitions", options.plan.repetitions, "at least 1");
  const auto methods = inference_methods(options.device);
  const auto sizes = options.plan.sizes();
  std::size_t done = 0;
  for (const InferenceSize& size : sizes) {
    ++done;
    if (std::any_of(rows.begin(), rows.end(), [&](const Row& row) {
          return row.batch == size.batch && row.heads == size.heads && row.tokens == size.tokens;
        })) {
      continue;
    }
    auto measured = unless_interrupted([&] { return measure_size(size, methods, options); });
    if (!measured) return false;
    for (Row& row : *measured) rows.push_back(std::move(row));
    if (after_each) after_each(done, sizes.size());
  }
  return true;
}

void save_inference(const std::string& path, const std::vector<Row>& rows, const InferenceOptions& options,
                    const std::string& command_line, bool complete) {
  Sweep sweep{kExperiment, command_line, plan_text(options), options.seed, complete, {}};
  add_columns<Row>(sweep, rows, kTexts, kNumbers);
  write_sweep_file(path, sweep);
}

std::vector<Row> load_inference(const std::string& path, const InferenceOptions& options) {
  const Sweep sweep = read_own_sweep(path, kExperiment, options.seed);
  if (sweep.plan != plan_text(options)) {
    throw InputError(
        fmt::format("{}: was made with another plan ({}); give the same --quick, --threads and --device",
                    path, sweep.plan));
  }
  return rows_of<Row>(sweep, kTexts, kNumbers);
}

}  // namespace opoloop
