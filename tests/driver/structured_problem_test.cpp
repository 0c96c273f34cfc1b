// Problems with structure that users bring: they must work at default settings, at any overall scale.

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <limits>
#include <memory>

#include "core/random.h"
#include "driver/device.h"
#include "driver/statistics.h"
#include "hamiltonian/qubo_model.h"

using namespace opoloop;

namespace {

/// k × k assignment as a QUBO: x_{rc} = 1 puts r on c, cost uniform in [0, 1), and (Σ − 1)² · penalty for
/// every row and column. The optimum is found over all permutations.
Problem assignment(int k, double penalty, double scale, std::uint64_t seed) {
  RandomSequence random(seed, Stream::generator);
  const int n = k * k;
  QuboModel qubo;
  qubo.n = n;
  std::vector<double> cost;
  for (int i = 0; i < n; ++i) cost.push_back(random.uniform());
  for (int i = 0; i < n; ++i)
    qubo.linear.push_back(scale * (cost[static_cast<std::size_t>(i)] - 2 * penalty));
  qubo.offset = scale * 2 * k * penalty;
  for (int a = 0; a < n; ++a) {
    for (int b = a + 1; b < n; ++b) {
      if (a / k == b / k || a % k == b % k) qubo.terms.push_back({a, b, scale * 2 * penalty});
    }
  }
  std::vector<int> order;
  for (int i = 0; i < k; ++i) order.push_back(i);
  double best = std::numeric_limits<double>::infinity();
  do {
    double sum = 0;
    for (int r = 0; r < k; ++r)
      sum += cost[static_cast<std::size_t>(r * k + order[static_cast<std::size_t>(r)])];
    best = std::min(best, sum);
  } while (std::next_permutation(order.begin(), order.end()));
  Problem problem;
  problem.ising = to_ising(qubo);
  problem.kind = ProblemKind::qubo;
  problem.best_known_energy = scale * best;
  return problem;
}

}  // namespace

TEST_CASE("a 3 x 3 assignment with one-hot penalties is solved at any overall scale, no flag given") {
  const double penalty = GENERATE(1.0, 3.0, 10.0);
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
    for (const double scale : {1e-3, 1e-2, 1.0, 37.0, 1e3}) {
      CAPTURE(penalty, seed, scale);
      auto problem = std::make_shared<const Problem>(assignment(3, penalty, scale, seed));
      Job job;
      job.problem = problem;
      const Result result = make_device("emulator:")->run(job);
      // The sums of 45 rounded products may differ from the sum of three costs by a few units in the last
      // place.
      const double target = *problem->best_known_energy + 1e-12 * scale * penalty * 100;
      int solved = 0;
      for (const Sample& s : result.samples) solved += s.energy_best <= target;
      CHECK(solved >= 0.9 * static_cast<double>(result.samples.size()));
      CHECK(result.samples.size() == 128);
    }
  }
}

TEST_CASE("a 5 x 5 assignment is found by at least one run of the default batch") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    auto problem = std::make_shared<const Problem>(assignment(5, 2.0, 1.0, seed));
    Job job;
    job.problem = problem;
    const Result result = make_device("emulator:")->run(job);
    double best = std::numeric_limits<double>::infinity();
    for (const Sample& s : result.samples) best = std::min(best, s.energy_best);
    CHECK(best <= *problem->best_known_energy + 1e-9);
  }
}
