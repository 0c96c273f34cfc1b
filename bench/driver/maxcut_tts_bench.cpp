// Time to the best known cut on public max-cut instances, one thread: the emulator beside the software
// baselines.
//
// Every device gets the best number of steps of a grid on the instance itself, so each is shown at its best.
// Expectation: annealing wins on sparse G1 and on random graphs of 500 spins; the table says where.

#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "bench/driver/tts_measure.h"
#include "driver/problem_io.h"

using namespace opoloop;
using namespace opoloop::bench;

namespace {

struct Instance {
  std::string file;
  std::string array;  // of an npz collection
  double best_cut;
};

std::shared_ptr<const Problem> open(const Instance& instance) {
  const auto path = public_data_folder() / instance.file;
  if (!std::filesystem::exists(path)) return nullptr;
  LoadOptions options;
  options.array = instance.array;
  options.matrix_is_weights = !instance.array.empty();
  Problem problem = open_problem(path.string(), options);
  problem.best_known_energy = problem.energy_of_cut(instance.best_cut);
  return std::make_shared<Problem>(std::move(problem));
}

}  // namespace

int main() {
  const std::vector<Instance> instances = {
      {"small/biqmac/rudy/g05_100.0", "", 1430},
      {"small/cim_optimizer/MC50_N200_1.txt", "", 5501},
      {"small/gset/G1.txt", "", 11624},
      {"small/gset/G43.txt", "", 6660},
  };
  const std::vector<std::string> devices = {"emulator:", "emulator:?preset=sk-cac",
                                            "annealing:", "dsb:", "bsb:"};
  fmt::print(
      "Time to the best known cut (99%), one thread, 64 runs a measurement\n\n{:<12} {:<28} {:>7} {:>7} "
      "{:>13} {:>12}\n",
      "instance", "device", "steps", "P", "TTS steps", "TTS ms");
  for (const Instance& instance : instances) {
    const auto problem = open(instance);
    if (problem == nullptr) {
      fmt::print("{}: skipped, not found (set OPOLOOP_DATA)\n", instance.file);
      continue;
    }
    std::string winner;
    double winning = INFINITY;
    for (const std::string& device : devices) {
      Score best;
      best.tts_ms = INFINITY;
      std::int64_t best_steps = 0;
      for (const std::int64_t steps : {100, 300, 1000, 3000, 10000}) {
        const Score score = measure({device, steps}, problem, 64, 11);
        if (score.p > 0 && score.tts_ms < best.tts_ms) {
          best = score;
          best_steps = steps;
        }
      }
      fmt::print("{:<12} {:<28} {:>7} {:>7.3f} {:>13.0f} {:>12.2f}\n", problem->name, device, best_steps,
                 best.p, best.tts_steps, best.tts_ms);
      if (best.tts_ms < winning) {
        winning = best.tts_ms;
        winner = device;
      }
    }
    fmt::print("{:<12} least time: {}\n\n", problem->name,
               winner.empty() ? "nobody reached the cut" : winner);
  }
  return 0;
}
