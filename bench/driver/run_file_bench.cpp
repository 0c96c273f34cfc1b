// What logging costs the thread that computes: all 128 trajectories of a batch, every round trip.
//
// Expected (issue 2): under 30% of the run at N = 100 and 5% at N = 500, with round trips of 0.35 and 8.5 µs
// per trajectory, which is 1.14 and 0.24 GB/s of amplitudes.
//
// Usage: bench_run_file [folder] [seconds]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include <unistd.h>

#include "core/clock.h"
#include "core/error.h"
#include "driver/run_file.h"

using namespace opoloop;

namespace {

/// CPU seconds of this thread and of the whole process: what a busy machine cannot distort as much as a
/// clock.
double cpu_seconds(clockid_t which) {
  timespec t{};
  ::clock_gettime(which, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

constexpr int kTiles = 8;

/// Logs `rounds` round trips of a batch of 128, each after `busy_us` of computing (spinning stands for it).
/// Returns wall seconds of the loop without finish(); `drained` with the writer done.
double log_rounds(const std::string& path, int n, std::int64_t rounds, double busy_us, bool record,
                  double* drained) {
  Problem problem;
  problem.ising = IsingModel(n, {{0, 1, 1.0}});
  RunFile file(path, problem, {});
  std::vector<float> x(static_cast<std::size_t>(n) * kTileLanes * kTiles, 0.5F);
  std::vector<double> energy(kTileLanes, -1.0);
  if (record) file.begin(kTiles * kTileLanes, n, rounds, 1, 0.1, false, false);
  const auto start = Clock::now();
  for (std::int64_t k = 0; k <= rounds; ++k) {
    const auto busy = Clock::now();
    while (seconds_since(busy) * 1e6 < busy_us) {
    }
    for (int tile = 0; record && tile < kTiles; ++tile) {
      const float* rows =
          x.data() + static_cast<std::size_t>(tile) * static_cast<std::size_t>(n) * kTileLanes;
      file.record({k, static_cast<std::uint32_t>(tile * kTileLanes), kTileLanes, 0.1 * static_cast<double>(k),
                   1, n, rows, nullptr, nullptr, energy.data()});
    }
  }
  const double wall = seconds_since(start);
  Result result;
  file.finish(result, solve_statistics(result, std::nullopt));
  if (drained != nullptr) *drained = seconds_since(start);
  ::unlink(path.c_str());
  return wall;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string path = std::string(argc > 1 ? argv[1] : "/tmp") + "/opoloop-run-file-bench.h5";
  const double seconds = argc > 2 ? std::atof(argv[2]) : 1.0;
  struct Case {
    int n;
    double us;       // per (round trip × trajectory)
    double allowed;  // share of the run that logging may cost
  };
  std::printf("%6s %14s %16s %18s %16s %10s\n", "N", "needed GB/s", "accepted GB/s", "accepted+drained",
              "cost of logging", "allowed");
  for (const Case c : {Case{100, 0.35, 0.30}, Case{500, 8.5, 0.05}}) {
    const double bytes_per_round = 128.0 * c.n * 4;
    const double us_per_round = 128 * c.us;
    const auto full_speed = static_cast<std::int64_t>(seconds * 1e9 / bytes_per_round);
    double drained = 0;
    const double thread_before = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
    const double process_before = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
    const double flat_out = log_rounds(path, c.n, full_speed, 0, true, &drained);
    const double gigabytes = bytes_per_round * static_cast<double>(full_speed) * 1e-9;
    const double thread_cpu = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - thread_before;
    const double writer_cpu = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - process_before - thread_cpu;
    const auto rounds = static_cast<std::int64_t>(seconds * 1e6 / us_per_round);
    const double plain = log_rounds(path, c.n, rounds, us_per_round, false, nullptr);
    const double logged = log_rounds(path, c.n, rounds, us_per_round, true, nullptr);
    std::printf("N = %d: CPU seconds per GB: %.2f in record(), %.2f in the writer\n", c.n,
                thread_cpu / gigabytes, writer_cpu / gigabytes);
    std::printf("%6d %14.2f %16.2f %18.2f %15.1f%% %9.0f%%\n", c.n, bytes_per_round / us_per_round * 1e-3,
                bytes_per_round * static_cast<double>(full_speed) / flat_out * 1e-9,
                bytes_per_round * static_cast<double>(full_speed) / drained * 1e-9,
                100 * (logged / plain - 1), 100 * c.allowed);
  }
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
