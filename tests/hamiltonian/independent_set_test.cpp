// The maximum-independent-set family: its optimum by looking at every state, its gap by the quantum solver.

#include <catch2/catch.hpp>
#include <cmath>

#include "core/error.h"
#include "hamiltonian/brute_force.h"
#include "hamiltonian/generators.h"
#include "hamiltonian/qubo_model.h"
#include "hamiltonian/spectra/quantum_gap.h"

using namespace opoloop;

namespace {

double smallest_gap(std::int32_t n, std::int32_t cliques, double p, std::uint64_t seed) {
  QuantumSettings settings;
  settings.points = 24;
  const QuantumGap gap = quantum_gap(independent_set(n, cliques, p, 2, seed).ising, settings);
  REQUIRE(gap.status == GapStatus::found);
  return gap.minima[gap.smallest].gap;
}

}  // namespace

TEST_CASE("the planted independent set is the one largest: brute force") {
  for (const auto& [n, cliques] :
       {std::pair{3, 1}, std::pair{7, 2}, std::pair{12, 3}, std::pair{13, 6}, std::pair{14, 2}}) {
    for (const double p : {0.0, 0.5, 1.0}) {
      for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        const Problem problem = independent_set(n, cliques, p, 1.25, seed);
        INFO(problem.source);
        const BruteForceResult exact = brute_force(problem.ising);
        CHECK(problem.ising.size() == n);
        CHECK(exact.energy == Approx(-(cliques + 1)).margin(1e-9));
        CHECK(*problem.best_known_energy == -(cliques + 1));
        CHECK(exact.degeneracy == 1);
        int taken = 0;
        for (const std::int8_t s : exact.ground_states[0]) taken += s > 0 ? 1 : 0;
        CHECK(taken == cliques + 1);
      }
    }
  }
}

TEST_CASE("the edges of the family are those it promises") {
  // Cliques of 3, 3, 2 nodes, all joined to all four free ones: 3 + 3 + 1 and 8 · 4 edges.
  CHECK(to_qubo(independent_set(12, 3, 1, 2, 1).ising).terms.size() == 7 + 32);
  // p = 0 leaves the two free nodes of each clique's own.
  CHECK(to_qubo(independent_set(12, 3, 0, 2, 1).ising).terms.size() == 7 + 16);
  CHECK_THROWS_WITH(independent_set(6, 3, 1, 2, 1), Catch::Contains("mis: cliques"));
  CHECK_THROWS_WITH(independent_set(12, 3, 1, 1, 1), Catch::Contains("mis: penalty"));
  CHECK_THROWS_WITH(independent_set(12, 3, 1.5, 2, 1), Catch::Contains("mis: p"));
}

TEST_CASE("the family's gap closes faster than exponentially, and edges close it") {
  // Cliques of two: n = 4, 7, 10 with m = 1, 2, 3. Each step takes more off than the one before.
  const double one = smallest_gap(4, 1, 1, 1), two = smallest_gap(7, 2, 1, 1),
               three = smallest_gap(10, 3, 1, 1);
  CHECK(two / one < 0.4);
  CHECK(three / two < 0.2);
  CHECK(three / two < two / one);
  // What the optimum does not need is what makes it hard: the same instance without.
  CHECK(three < 0.2 * smallest_gap(10, 3, 0, 1));
  // Labels play no part.
  CHECK(smallest_gap(7, 2, 1, 2) == Approx(two).epsilon(1e-5));
}
