#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>

#include "cim_model/engine.h"
#include "cim_model/loop.h"
#include "cim_model/presets.h"
#include "core/public_data.h"
#include "hamiltonian/formats/file_bytes.h"
#include "hamiltonian/formats/npy.h"
#include "hamiltonian/formats/zip_archive.h"
#include "hamiltonian/problem_file.h"

using namespace opoloop;

// The public reference simulator of the field, github.com/mcmahon-lab/cim-optimizer (commit 4df29c5, CAC.py),
// was run here (PyTorch 1.13, one thread, float32, torch.manual_seed(1)) with its own settings for this class
// (optimal_params.py, sk_100_fc_params: 3000 steps, dt 0.05, r −0.2, α 0.7, β 0.3, γ 0.010, δ 12, μ 0.8,
// ρ 1.2, τ 150) on the ±1 SK instances of 100 spins it ships. It is called with J = −w, w being the file's
// matrix. Of 2048 runs an instance, so many had the ground energy at some step. If preset cim-optimizer-sk100
// is the same dynamics, its rates agree within sampling error.

namespace {

struct Count {
  const char* instance;
  double ground_energy;
  int successes;
};
constexpr int kReferenceRuns = 2048;
constexpr Count kReference[] = {
    {"N100_0", -734, 1338}, {"N100_1", -740, 1093}, {"N100_2", -768, 2048},
    {"N100_3", -738, 1896}, {"N100_4", -752, 294},  {"N100_5", -748, 1209},
};

/// The instances that are there: small holds the first as a graph file, medium all of them in one archive of
/// dense matrices w. J = −w.
std::map<std::string, IsingModel> instances() {
  std::map<std::string, IsingModel> found;
  const auto graph = public_data_folder() / "small" / "cim_optimizer" / "SK1_N100_0.txt";
  if (std::filesystem::exists(graph)) found["N100_0"] = load_problem(graph.string()).ising;
  const auto archive = public_data_folder() / "medium" / "cim_optimizer" / "SK1.npz";
  if (std::filesystem::exists(archive)) {
    constexpr std::uint64_t limit = 1 << 26;
    const std::string bytes = read_file_bytes(archive.string(), limit);
    ZipArchive zip(bytes, archive.string(), limit);
    for (const Count& reference : kReference) {
      const std::string member = zip.read(std::string(reference.instance) + ".npy");
      const NpyArray array = parse_npy(member, reference.instance);
      const std::vector<double> w = array.numbers();
      REQUIRE(array.shape == std::vector<std::int64_t>{100, 100});
      std::vector<IsingEdge> edges;
      for (int i = 0; i < 100; ++i) {
        for (int j = i + 1; j < 100; ++j) edges.push_back({i, j, -w[static_cast<std::size_t>(100 * i + j)]});
      }
      found[reference.instance] = IsingModel(100, edges);
    }
  }
  return found;
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
  const auto problems = instances();
  for (const Count& reference : kReference) {
    const auto known = problems.find(reference.instance);
    if (known == problems.end()) continue;
    const IsingModel& problem = known->second;
    const LoopParameters parameters = loop_preset("cim-optimizer-sk100", problem);
    const auto coupling = make_coupling(problem);
    EngineOptions options;
    options.seed = 2026;
    options.trajectories = 1024;
    int successes = 0;
    for (const TrajectoryResult& r : Engine(problem, *coupling, parameters).run(options)) {
      if (r.energy_best < reference.ground_energy) FAIL("better than the ground state: " << r.energy_best);
      successes += r.energy_best == reference.ground_energy;
    }
    CAPTURE(reference.instance, successes, reference.successes);
    CHECK(deviation(successes, options.trajectories, reference.successes, kReferenceRuns) < 4.5);

    // And the plain loop, which shares no code with the engine's inner loop.
    int plain = 0;
    const int plain_runs = 30;
    for (int t = 0; t < plain_runs; ++t) {
      LoopOptions one;
      one.seed = 2027;
      one.trajectory = static_cast<std::uint32_t>(t);
      plain += run_loop(problem, parameters, one).energy_best == reference.ground_energy;
    }
    CAPTURE(plain);
    CHECK(deviation(plain, plain_runs, reference.successes, kReferenceRuns) < 4.5);
  }
  if (problems.empty())
    WARN("skipped: no SK1 instances under " << public_data_folder() << " (set OPOLOOP_DATA)");
}
