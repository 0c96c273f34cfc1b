// Time to solution of SK instances, N = 100, J = ±1, one thread: the emulator beside the software baselines.
//
// Every device is tuned with the same care: a grid over its steps (and, for the emulator, over laws and
// presets) is scored on training instances made here by a seeded generator; the best setting of each device
// is then measured on the test instances of $OPOLOOP_DATA, whose ground energies are known. Throughput
// TTS(99%) is the wall time of the batch per trajectory times the runs to solution; latency is the wall time
// until one batch first succeeds. Expectation: median of the emulator below 1.5 ms and below both baselines.

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "bench/driver/tts_measure.h"
#include "core/random.h"
#include "driver/device.h"
#include "driver/problem_io.h"

using namespace opoloop;
using namespace opoloop::bench;

namespace {

std::shared_ptr<const Problem> training_instance(int k) {
  RandomSequence random(9000 + static_cast<std::uint64_t>(k), Stream::generator);
  std::vector<IsingEdge> edges;
  for (int i = 0; i < 100; ++i) {
    for (int j = i + 1; j < 100; ++j) edges.push_back({i, j, random.below(2) == 0 ? -1.0 : 1.0});
  }
  Problem problem;
  problem.ising = IsingModel(100, std::move(edges));
  problem.name = fmt::format("training-{}", k);
  // The best of a long run of the emulator stands for the ground energy; a wrong one would hurt all alike.
  Job job;
  job.problem = std::make_shared<Problem>(problem);
  job.settings.runs = 1024;
  job.settings.steps = 3000;
  const Result result = make_device("emulator:?preset=sk-cfc")->run(job);
  double best = INFINITY;
  for (const Sample& s : result.samples) best = std::min(best, s.energy_best);
  problem.best_known_energy = best;
  return std::make_shared<Problem>(problem);
}

std::vector<std::shared_ptr<const Problem>> test_instances() {
  const auto folder = public_data_folder() / "medium" / "cim_optimizer";
  std::vector<std::shared_ptr<const Problem>> found;
  std::ifstream energies(folder / "SK1_energies.csv");
  std::string line;
  while (std::getline(energies, line)) {
    std::istringstream fields(line);
    std::string key, n, energy;
    std::getline(fields, key, ',');
    std::getline(fields, n, ',');
    std::getline(fields, energy, ',');
    if (n != "100") continue;
    LoadOptions options;
    options.array = key;
    options.matrix_is_weights = true;  // these energies are those of +½ sᵀJs
    Problem problem = open_problem((folder / "SK1.npz").string(), options);
    problem.name = "SK1 " + key;
    problem.best_known_energy = std::stod(energy);
    found.push_back(std::make_shared<Problem>(std::move(problem)));
  }
  return found;
}

}  // namespace

int main() {
  const auto tests = test_instances();
  if (tests.empty()) {
    fmt::print("skipped: SK instances not found (set OPOLOOP_DATA)\n");
    return 0;
  }
  std::vector<std::shared_ptr<const Problem>> training;
  for (int k = 0; k < 8; ++k) training.push_back(training_instance(k));

  const std::map<std::string, std::vector<std::string>> families = {
      {"emulator: CFC", {"emulator:?preset=sk-cfc-short", "emulator:?preset=sk-cfc"}},
      {"emulator: CAC", {"emulator:?preset=sk-cac-short", "emulator:?preset=sk-cac"}},
      {"emulator: SFC", {"emulator:?preset=sk-sfc-short", "emulator:?preset=sk-sfc"}},
      {"annealing:", {"annealing:", "annealing:?schedule=linear"}},
      {"dsb:", {"dsb:", "dsb:?dt=0.8", "dsb:?dt=1.5"}},
      {"bsb:", {"bsb:", "bsb:?dt=0.8", "bsb:?dt=1.25"}},
  };
  const std::vector<std::int64_t> grid = {25, 50, 100, 150, 200, 300, 500, 800, 1200, 2000, 3200};
  fmt::print(
      "Time to solution (99%), SK N = 100, J = ±1, {} test instances, one thread, 512 runs a measurement\n\n",
      tests.size());
  fmt::print("{:<16} {:<32} {:>6} {:>9} {:>11} {:>11} {:>11} {:>11}\n", "device",
             "setting (best on training)", "steps", "µs/step", "median P", "TTS steps", "TTS ms",
             "latency ms");
  std::map<std::string, double> medians;
  for (const auto& [family, uris] : families) {
    Setting best;
    double best_score = INFINITY;
    for (const std::string& uri : uris) {
      for (const std::int64_t steps : grid) {
        double log_sum = 0;
        for (std::size_t k = 0; k < training.size(); ++k) {
          const Score s = measure({uri, steps}, training[k], 256, 100 + k);
          log_sum += std::log(s.tts_ms);
        }
        if (log_sum < best_score) {
          best_score = log_sum;
          best = {uri, steps};
        }
      }
    }
    std::vector<double> p, ms, steps, latency, us;
    for (std::size_t k = 0; k < tests.size(); ++k) {
      const Score s = measure(best, tests[k], 512, 1000 + k);
      p.push_back(s.p);
      ms.push_back(s.tts_ms);
      steps.push_back(s.tts_steps);
      latency.push_back(s.latency_ms);
      us.push_back(s.us_per_step);
    }
    medians[family] = median(ms);
    fmt::print("{:<16} {:<32} {:>6} {:>9.3f} {:>11.3f} {:>11.0f} {:>11.3f} {:>11.2f}\n", family, best.uri,
               best.steps, median(us), median(p), median(steps), median(ms), median(latency));
  }
  const double cim = std::min(medians["emulator: CFC"], medians["emulator: CAC"]);
  fmt::print("\nexpected: emulator below 1.5 ms — {:.3f} ms, {}\n", cim, cim < 1.5 ? "met" : "MISSED");
  fmt::print("expected: emulator below annealing — {:.3f} ms, ratio {:.2f}\n", medians["annealing:"],
             medians["annealing:"] / cim);
  fmt::print("expected: emulator below dsb — {:.3f} ms, ratio {:.2f}\n", medians["dsb:"],
             medians["dsb:"] / cim);
  return 0;
}
