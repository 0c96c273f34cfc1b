// The QAMA operator at the published size (B = 128, H = 8, N = 49, d = 64: 392 spins a problem), by stage,
// with the mean energy beside that of the published annealing schedule on the same problems; how often the
// devices find the ground state of small problems; cost of a round trip, and time and memory of the operator,
// over N; and, with --million, a batch of 10⁶ spins.
//
// Expectations (two cores): forward below 100 ms on emulator: and 60 ms on annealing:, both at or below the
// mean energy of the published schedule; backward below 10 ms; ≥ 99% of 1,000 problems of at most 20 spins
// solved; a round trip's cost grows as H N². Published: 1,284 ms (annealing) and 503 ms (greedy sampling) on
// a GPU. Times are wall times, the best of several; CPU time over threads stands beside them, because other
// programs on a shared machine lengthen only the first.

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <string>

#include "attention/qama_operator.h"
#include "attention/softmax.h"
#include "core/clock.h"
#include "core/random.h"
#include "core/threads.h"
#include "driver/batch.h"
#include "experiments/machine_speed.h"
#include "hamiltonian/brute_force.h"
#include "hamiltonian/qama/qama_coupling.h"

using namespace opoloop;

namespace {

struct Cost {
  double wall_ms = 1e300;
  double cpu_ms = 1e300;  ///< CPU time over threads: the wall time of an idle machine
};

Cost best_of(int repetitions, int threads, const std::function<void()>& work) {
  Cost cost;
  for (int k = 0; k < repetitions; ++k) {
    const auto start = Clock::now();
    const std::clock_t cpu = std::clock();
    work();
    cost.cpu_ms =
        std::min(cost.cpu_ms, 1e3 * static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC / threads);
    cost.wall_ms = std::min(cost.wall_ms, 1e3 * seconds_since(start));
  }
  return cost;
}

struct Inputs {
  QamaShape shape;
  std::vector<float> Q, K, V, u;
};

Inputs random_inputs(const QamaShape& shape) {
  Inputs in{shape, {}, {}, {}, {}};
  RandomSequence random(1, Stream::generator);
  for (auto* v : {&in.Q, &in.K, &in.V}) {
    v->resize(shape.values());
    for (float& x : *v) x = static_cast<float>(random.normal());
  }
  in.u.resize(static_cast<std::size_t>(shape.width));
  for (float& x : in.u) x = static_cast<float>(random.normal());
  return in;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value / static_cast<double>(values.size());
  return sum;
}

QamaForward<float> forward(QamaOperator& attention, const Inputs& in) {
  return attention.forward<float>(in.shape, std::span<const float>(in.Q), std::span<const float>(in.K),
                                  std::span<const float>(in.V), std::span<const float>(in.u));
}

void published_size(int threads) {
  const Inputs in = random_inputs({128, 8, 49, 64});
  fmt::print("\nforward, B = 128, H = 8, N = 49, d = 64 ({} threads)\n", threads);
  fmt::print("{:44s} {:>9s} {:>9s} {:>9s} {:>9s} {:>9s} {:>11s}\n", "device", "wall ms", "cpu ms", "scores",
             "solve", "read-out", "mean energy");
  QamaForward<float> kept;
  const auto measure = [&](const char* device, std::optional<int> runs, double expected_ms) {
    QamaOptions options;
    options.device = device;
    options.threads = threads;
    options.runs = runs;
    QamaOperator attention(options);
    const Cost cost = best_of(5, threads, [&] { kept = forward(attention, in); });
    fmt::print("{:44s} {:9.1f} {:9.1f} {:9.1f} {:9.1f} {:9.1f} {:11.3f}", device, cost.wall_ms, cost.cpu_ms,
               1e3 * kept.scores_s, 1e3 * kept.solve_s, 1e3 * kept.read_out_s, mean(kept.energy));
    if (expected_ms > 0) fmt::print("  expected below {} ms", expected_ms);
    fmt::print("\n");
  };
  measure("annealing:?schedule=published", 1, 0);
  measure("annealing:?schedule=published&patience=50", 1, 0);
  measure("emulator:", {}, 100);
  measure("annealing:", {}, 60);

  QamaOptions options;
  options.threads = threads;
  const QamaOperator attention(options);
  QamaGradients<float> gradients;
  const Cost backward = best_of(5, threads, [&] {
    attention.backward<float>(kept, std::span<const float>(in.Q), std::span<const float>(in.K),
                              std::span<const float>(in.V), std::span<const float>(in.u),
                              std::span<const float>(kept.output), gradients);
  });
  fmt::print("backward {:.2f} ms wall, {:.2f} ms cpu  expected below 10 ms\n", backward.wall_ms,
             backward.cpu_ms);
  std::vector<float> output(in.shape.values());
  const Cost softmax = best_of(3, threads, [&] {
    softmax_attention<float>(in.shape, 0.125, in.Q.data(), in.K.data(), in.V.data(), {}, output.data(),
                             threads);
  });
  fmt::print("softmax attention of the same Q, K, V (Eigen) {:.2f} ms wall, {:.2f} ms cpu\n", softmax.wall_ms,
             softmax.cpu_ms);
}

std::vector<QamaProblem> small_problems(int count, int heads, int tokens, std::uint64_t seed) {
  std::vector<QamaProblem> problems;
  RandomSequence random(seed, Stream::generator);
  for (int p = 0; p < count; ++p) {
    std::vector<float> J, h;
    for (int i = 0; i < heads * tokens * tokens; ++i) J.push_back(static_cast<float>(random.normal()));
    for (int i = 0; i < heads * tokens; ++i) h.push_back(static_cast<float>(random.normal() / 3));
    problems.emplace_back(QamaSpec{}, heads, tokens, J, h);
  }
  return problems;
}

void ground_states(int threads) {
  fmt::print("\nground states of 1,000 problems of at most 20 spins, default settings (expected ≥ 990)\n");
  std::vector<QamaProblem> problems;
  const std::pair<int, int> sizes[] = {{1, 12}, {1, 16}, {2, 6}, {2, 8},  {2, 9},
                                       {4, 3},  {4, 4},  {3, 5}, {1, 18}, {8, 2}};
  std::uint64_t seed = 1000;
  for (const auto& [heads, tokens] : sizes) {
    for (QamaProblem& problem : small_problems(100, heads, tokens, seed++))
      problems.push_back(std::move(problem));
  }
  std::vector<double> ground(problems.size());
  parallel_for(static_cast<std::int64_t>(problems.size()), threads, [&](std::int64_t p) {
    ground[static_cast<std::size_t>(p)] =
        brute_force(problems[static_cast<std::size_t>(p)].to_dense(), 1, 1).energy;
  });
  for (const char* device : {"emulator:", "annealing:"}) {
    JobSettings settings;
    settings.threads = threads;
    const BatchResult result = make_device(device)->run_batch(problems, settings);
    int found = 0;
    for (std::size_t p = 0; p < problems.size(); ++p) {
      found += result.answers[p]->energy <= ground[p] + 1e-9 * (1 + std::abs(ground[p])) ? 1 : 0;
    }
    fmt::print("  {:12s} {} of {}  ({:.0f} ms)\n", device, found, problems.size(), 1e3 * result.wall_s);
  }
}

void scaling(const MachineSpeed& speed) {
  fmt::print("\none round trip's product, H = 8, 16 trajectories, one thread (peak {:.0f} GFLOP/s)\n",
             speed.fma_peak_gflops);
  fmt::print("{:>6s} {:>10s} {:>12s} {:>10s} {:>12s}\n", "N", "us", "ns / (H N²)", "GFLOP/s", "of the peak");
  for (const int N : {16, 32, 49, 64, 128, 197, 256, 512, 1024}) {
    const int H = 8;
    RandomSequence random(static_cast<std::uint64_t>(N), Stream::generator);
    std::vector<float> J(static_cast<std::size_t>(H * N * N)), h(static_cast<std::size_t>(H * N), 0.1F);
    for (float& value : J) value = static_cast<float>(random.below(1000)) / 1000 - 0.5F;
    const QamaCoupling coupling(QamaProblem({}, H, N, J, h));
    const auto size = static_cast<std::size_t>(coupling.size()) * 16;
    kernels::AlignedArray<float> x(size), field(size);
    for (std::size_t i = 0; i < size; ++i) x[i] = static_cast<float>(i % 7) - 3;
    const double pairs = static_cast<double>(H) * N * N;
    const int repeat = std::max(1, static_cast<int>(4e6 / pairs));
    const Cost cost = best_of(7, 1, [&] {
      for (int k = 0; k < repeat; ++k) coupling.apply(x.data(), field.data(), 1);
    });
    const double us = 1e3 * cost.cpu_ms / repeat;
    const double rate = 2 * 16 * pairs / us / 1e3;
    fmt::print("{:6d} {:10.1f} {:12.4f} {:10.1f} {:11.0f}%\n", N, us, 1e3 * us / pairs, rate,
               100 * rate / speed.fma_peak_gflops);
  }
}

/// Highest resident size of this process since the last call, in MiB; resets the kernel's mark.
double peak_resident_mib() {
  double peak = 0;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) peak = std::stod(line.substr(6)) / 1024;
  }
  std::ofstream("/proc/self/clear_refs") << "5";
  return peak;
}

/// The whole operator over N: J is kept twice (scores and problems), the rest grows as B·H·N.
void sizes(int threads) {
  const int B = 16;
  fmt::print("\nforward over N on emulator:, B = {}, H = 8, d = 64 ({} threads)\n", B, threads);
  fmt::print("{:>6s} {:>8s} {:>10s} {:>12s} {:>12s}\n", "N", "spins", "ms", "peak MiB", "2 J, MiB");
  for (const int N : {49, 128, 256, 512, 1024}) {
    const Inputs in = random_inputs({B, 8, N, 64});
    QamaOptions options;
    options.device = "emulator:";
    options.threads = threads;
    QamaOperator attention(options);
    peak_resident_mib();
    const Cost cost = best_of(1, threads, [&] { forward(attention, in); });
    fmt::print("{:6d} {:8d} {:10.0f} {:12.0f} {:12.0f}\n", N, 8 * N, cost.wall_ms, peak_resident_mib(),
               2 * 4.0 * static_cast<double>(in.shape.scores()) / (1 << 20));
  }
}

void million(int threads) {
  const Inputs in = random_inputs({512, 8, 256, 64});
  fmt::print("\nB·H·N = {} spins (J {:.2f} GiB)\n", in.shape.rows(),
             4.0 * static_cast<double>(in.shape.scores()) / (1 << 30));
  for (const char* device : {"emulator:", "annealing:"}) {
    QamaOptions options;
    options.device = device;
    options.threads = threads;
    QamaOperator attention(options);
    double energy = 0;
    const Cost cost = best_of(1, threads, [&] { energy = mean(forward(attention, in).energy); });
    fmt::print("  {:12s} {:.1f} s wall, {:.1f} s cpu, mean energy {:.2f}, peak {:.0f} MiB\n", device,
               cost.wall_ms / 1e3, cost.cpu_ms / 1e3, energy, peak_resident_mib());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = std::min(2, available_threads());
  const MachineSpeed speed = measure_machine_speed();
  fmt::print("{}: {:.0f} GFLOP/s float32 peak a thread, memory {:.1f} GB/s\n", speed.instruction_set,
             speed.fma_peak_gflops, speed.memory_gb_per_s);
  published_size(threads);
  ground_states(threads);
  scaling(speed);
  sizes(threads);
  if (argc > 1 && std::strcmp(argv[1], "--million") == 0) million(threads);
  return 0;
}
