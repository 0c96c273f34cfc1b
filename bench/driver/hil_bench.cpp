// Turnaround of a loop closed over shared memory: measurement handed over → answer checked and read, with the
// reference controller spinning in a thread of its own (or, given its path, examples/hil/controller.c as
// another process, built with -O3).
//
// Expected (issue 5): p50 under 3 µs at N = 100. At N = 2000 the law alone reads 16 MB of couplings a round.
// Both sides spin: with fewer than two idle processors the numbers are the scheduler's.
//
// Usage: bench_hil [rounds] [path of the C controller]
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "driver/hil/controller.h"
#include "driver/hil/plant.h"
#include "hamiltonian/generators.h"

using namespace opoloop;
using namespace opoloop::hil;

namespace {

LoopParameters parameters_of(LawKind law, std::int64_t rounds) {
  LoopParameters p;
  p.law = law;
  p.rounds = rounds;
  p.dt = 0.1;
  p.pump = Schedule::ramp(-0.5, 1, 0.9);
  p.amplitude_clamp = 1.5;
  p.start_sd = 0.1;
  return p;
}

void report(const char* carrier, int n, const PlantReport& r, double expected_us) {
  const auto us = [&](double q) { return static_cast<double>(r.rounds.turnaround.percentile_ns(q)) / 1000; };
  std::printf("%-4s N %5d  %8lld rounds  p50 %8.2f  p90 %8.2f  p99 %8.2f  p99.9 %8.2f  max %9.2f us", carrier,
              n, static_cast<long long>(r.rounds.rounds), us(0.5), us(0.9), us(0.99), us(0.999),
              static_cast<double>(r.rounds.turnaround.max_ns()) / 1000);
  std::printf("  plant %.2f us a round", r.rounds.plant.mean_ns() / 1000);
  if (expected_us > 0)
    std::printf("  (expected p50 < %g: %s)", expected_us, us(0.5) < expected_us ? "yes" : "NO");
  std::printf("\n");
}

PlantReport measure(const std::string& place, int n, std::int64_t rounds, const char* program) {
  const Problem sk = sherrington_kirkpatrick(n, CouplingKind::gaussian, false, 1);
  PlantSettings settings;
  auto carrier = open_carrier(place, Side::plant, 0);
  const std::string name = carrier->name();
  std::thread peer([&] {
    if (program == nullptr) {
      run_controller(open_carrier(name, Side::controller, 5), {});
    } else if (std::system((std::string(program) + " " + name + " >/dev/null").c_str()) != 0) {
      std::fprintf(stderr, "the controller failed\n");
    }
  });
  PlantReport r = run_plant(sk.ising, parameters_of(LawKind::cfc, rounds), std::move(carrier), settings);
  peer.join();
  return r;
}

/// Whether lock-step at this size gives the bits of the law in process (the tests do N = 100).
bool same_bits(const std::string& place, int n, LawKind law, std::int64_t rounds) {
  const Problem sk = sherrington_kirkpatrick(n, CouplingKind::gaussian, false, 1);
  PlantSettings settings;
  std::vector<double> over_wire, here;
  const auto into = [](std::vector<double>& all) {
    return [&all](const LoopObservation& seen) {
      all.insert(all.end(), seen.amplitude.begin(), seen.amplitude.end());
    };
  };
  settings.observer = into(over_wire);
  settings.faults = place.starts_with("udp") ? Faults{0.02, 0.02, 0.05, 0.01, 3} : Faults{};
  auto carrier = open_carrier(place, Side::plant, 0);
  const std::string name = carrier->name();
  std::thread peer([&] { run_controller(open_carrier(name, Side::controller, 5), {}); });
  run_plant(sk.ising, parameters_of(law, rounds), std::move(carrier), settings);
  peer.join();
  settings.observer = into(here);
  run_in_process(sk.ising, parameters_of(law, rounds), settings);
  return over_wire == here;
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t rounds = argc > 1 ? std::atoll(argv[1]) : 20000;
  if (rounds < 1 || argc > 3) {
    std::fprintf(stderr, "usage: bench_hil [rounds] [path of the C controller]\n");
    return 2;
  }
  const char* program = argc > 2 ? argv[2] : nullptr;
  const std::string shm = "shm:bench-" + std::to_string(::getpid());
  std::printf("%s\n", describe_scheduling().c_str());
  report("shm", 100, measure(shm, 100, rounds, program), 3);
  report("shm", 2000, measure(shm, 2000, std::max<std::int64_t>(rounds / 50, 10), program), 0);
  report("udp", 100, measure("udp:0", 100, rounds, program), 0);
  report("udp", 2000, measure("udp:0", 2000, std::max<std::int64_t>(rounds / 50, 10), program), 0);
  bool all = true;
  for (const LawKind law : {LawKind::linear, LawKind::cac, LawKind::cfc}) {
    for (const std::string& place : {shm, std::string("udp:0")}) {
      const bool same = same_bits(place, 2000, law, 20);
      std::printf("%-6s N 2000 over %s%s: %s\n", name_of(law).c_str(), place.substr(0, 3).c_str(),
                  place == shm ? "" : " with faults", same ? "bit-identical" : "DIFFERENT");
      all = all && same;
    }
  }
  return all ? 0 : 1;
}
