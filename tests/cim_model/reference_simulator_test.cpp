#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "cim_model/engine.h"
#include "cim_model/loop.h"
#include "cim_model/presets.h"

using namespace opoloop;

// The public reference simulator of the field, github.com/mcmahon-lab/cim-optimizer (commit 4df29c5, CAC.py),
// was run here (PyTorch 1.13, one thread, float32, torch.manual_seed(1)) with its own settings for this class
// (optimal_params.py, sk_100_fc_params: 3000 steps, dt 0.05, r −0.2, α 0.7, β 0.3, γ 0.010, δ 12, μ 0.8, ρ 1.2,
// τ 150) on the ±1 SK instances of 100 spins it ships. It is called with J = −w, w being the file's matrix. Of
// 2048 runs a instance, so many had the ground energy at some step. If preset cim-optimizer-sk100 is the same
// dynamics, its rates agree within sampling error.

namespace {

struct Count {
  const char* instance;
  double ground_energy;
  int successes;
};
constexpr int kReferenceRuns = 2048;
constexpr Count kReference[] = {
    {"SK1_N100_0", -734, 1338}, {"SK1_N100_1", -740, 1093}, {"SK1_N100_2", -768, 2048},
    {"SK1_N100_3", -738, 1896}, {"SK1_N100_4", -752, 294},  {"SK1_N100_5", -748, 1209},
};

std::filesystem::path instance_folder() {
  const char* set = std::getenv("OPOLOOP_DATA");
  return std::filesystem::path(set != nullptr ? set : "../shared/data") / "small" / "cim_optimizer";
}

/// "n edges", then "i j w" counted from 1; J = −w.
IsingModel read_instance(const std::filesystem::path& path) {
  std::ifstream file(path);
  int n = 0, m = 0;
  REQUIRE(file >> n >> m);
  std::vector<IsingEdge> edges;
  for (int k = 0; k < m; ++k) {
    int i = 0, j = 0;
    double w = 0;
    REQUIRE(file >> i >> j >> w);
    edges.push_back({i - 1, j - 1, -w});
  }
  return {n, edges};
}

/// Standard errors between two proportions, pooled; two certain outcomes agree.
double deviation(int a, int runs_a, int b, int runs_b) {
  const double pooled = static_cast<double>(a + b) / (runs_a + runs_b);
  if (pooled == 0 || pooled == 1) return 0;
  const double error = std::sqrt(pooled * (1 - pooled) * (1.0 / runs_a + 1.0 / runs_b));
  return std::abs(static_cast<double>(a) / runs_a - static_cast<double>(b) / runs_b) / error;
}

}  // namespace

TEST_CASE("success rates agree with the public reference simulator at its published settings") {
  int seen = 0;
  for (const Count& reference : kReference) {
    const auto path = instance_folder() / (std::string(reference.instance) + ".txt");
    if (!std::filesystem::exists(path)) continue;
    ++seen;
    const IsingModel problem = read_instance(path);
    const LoopParameters parameters = loop_preset("cim-optimizer-sk100", problem);
    const auto coupling = make_coupling(problem);
    EngineOptions options;
    options.seed = 2026;
    options.trajectories = 2048;
    int successes = 0;
    for (const TrajectoryResult& r : Engine(problem, *coupling, parameters).run(options)) {
      CHECK(r.energy_best >= reference.ground_energy);
      successes += r.energy_best == reference.ground_energy;
    }
    CAPTURE(reference.instance, successes, reference.successes);
    CHECK(deviation(successes, options.trajectories, reference.successes, kReferenceRuns) < 4.5);

    // And the plain loop, which shares no code with the engine's inner loop.
    int plain = 0;
    const int plain_runs = 60;
    for (int t = 0; t < plain_runs; ++t) {
      LoopOptions one;
      one.seed = 2027;
      one.trajectory = static_cast<std::uint32_t>(t);
      plain += run_loop(problem, parameters, one).energy_best == reference.ground_energy;
    }
    CAPTURE(plain);
    CHECK(deviation(plain, plain_runs, reference.successes, kReferenceRuns) < 4.5);
  }
  if (seen == 0) WARN("skipped: no SK1_N100 instances in " << instance_folder() << " (set OPOLOOP_DATA)");
}
