#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "hamiltonian/applications/constrained_qubo.h"
#include "hamiltonian/brute_force.h"

// The theorems of docs/applications/penalties.md, against every state of small problems.

namespace opoloop {
namespace {

using Catch::Matchers::Contains;

std::vector<std::int8_t> bits(std::uint32_t state, std::int32_t n) {
  std::vector<std::int8_t> x;
  for (std::int32_t i = 0; i < n; ++i) x.push_back(static_cast<std::int8_t>(state >> i & 1U));
  return x;
}

QuboModel random_qubo(std::int32_t n, RandomSequence& random) {
  QuboModel qubo;
  qubo.n = n;
  qubo.offset = random.normal();
  for (std::int32_t i = 0; i < n; ++i) {
    qubo.linear.push_back(random.normal());
    for (std::int32_t j = i + 1; j < n; ++j) {
      if (random.uniform() < 0.6) qubo.terms.push_back({i, j, random.normal()});
    }
  }
  return qubo;
}

ConstrainedQubo random_conflicts(std::int32_t n, RandomSequence& random) {
  ConstrainedQubo problem;
  problem.objective = random_qubo(n, random);
  for (std::int32_t i = 0; i < n; ++i) {
    for (std::int32_t j = i + 1; j < n; ++j) {
      if (random.uniform() < 0.3) problem.conflicts.push_back({i, j});
    }
  }
  return problem;
}

ConstrainedQubo random_groups(std::int32_t groups, std::int32_t members, RandomSequence& random) {
  ConstrainedQubo problem;
  problem.objective = random_qubo(groups * members, random);
  for (std::int32_t g = 0; g < groups; ++g) {
    problem.groups.emplace_back();
    for (std::int32_t k = 0; k < members; ++k) problem.groups.back().push_back(g * members + k);
  }
  return problem;
}

/// True where every ground state is feasible, false where none is; both at once fails the test.
bool ground_is_feasible(const ConstrainedQubo& problem, double penalty) {
  const BruteForceResult ground = brute_force(to_ising(penalised(problem, penalty)), 1, 64);
  int feasible = 0;
  for (const auto& spins : ground.ground_states) {
    std::vector<std::int8_t> x;
    for (const std::int8_t s : spins) x.push_back(s > 0 ? 1 : 0);
    feasible += broken_constraints(problem, x).violation == 0 ? 1 : 0;
  }
  const int all = static_cast<int>(ground.ground_states.size());
  CHECK((feasible == 0 || feasible == all));
  return feasible == all;
}

}  // namespace

TEST_CASE("penalties: E is the objective plus P times the violation, for every state") {
  RandomSequence random(3, Stream::generator);
  for (ConstrainedQubo problem : {random_conflicts(7, random), random_groups(3, 3, random)}) {
    const double penalty = 1.7;
    const QuboModel whole = penalised(problem, penalty);
    const IsingModel ising = to_ising(whole);
    for (std::uint32_t state = 0; state < 1U << problem.objective.n; ++state) {
      const auto x = bits(state, problem.objective.n);
      double violation = 0;
      for (const Conflict& c : problem.conflicts) {
        violation += x[static_cast<std::size_t>(c.i)] * x[static_cast<std::size_t>(c.j)];
      }
      for (const auto& group : problem.groups) {
        int taken = 0;
        for (const std::int32_t k : group) taken += x[static_cast<std::size_t>(k)];
        violation += (1 - taken) * (1 - taken);
      }
      CHECK(broken_constraints(problem, x).violation == violation);
      const double expected = problem.objective.energy(x) + penalty * violation;
      CHECK(whole.energy(x) == Approx(expected).margin(1e-12));
      std::vector<std::int8_t> spins;
      for (const std::int8_t b : x) spins.push_back(b != 0 ? 1 : -1);
      CHECK(ising.energy(spins) == Approx(expected).margin(1e-12));
    }
  }
}

TEST_CASE("penalties: conflicts, the rule is above the exact threshold of each instance") {
  RandomSequence random(5, Stream::generator);
  int needed = 0;
  for (int draw = 0; draw < 40; ++draw) {
    const ConstrainedQubo problem = random_conflicts(9, random);
    const double bound = penalty_bound(problem), smallest = smallest_penalty(problem);
    CHECK(bound >= smallest);
    if (bound > 0) CHECK(ground_is_feasible(problem, bound * (1 + 1e-9)));
    if (smallest < 1e-6) continue;
    ++needed;
    CHECK(ground_is_feasible(problem, smallest * (1 + 1e-6)));
    CHECK_FALSE(ground_is_feasible(problem, smallest * (1 - 1e-6)));
  }
  CHECK(needed > 20);
}

TEST_CASE("penalties: one-hot groups, the rule is above the exact threshold of each instance") {
  RandomSequence random(7, Stream::generator);
  int needed = 0;
  for (int draw = 0; draw < 40; ++draw) {
    const ConstrainedQubo problem = one_hot_gauge(random_groups(3, 3, random));
    const double bound = penalty_bound(problem), smallest = smallest_penalty(problem);
    CHECK(bound >= smallest);
    CHECK(ground_is_feasible(problem, bound * (1 + 1e-9)));
    if (smallest < 1e-6) continue;
    ++needed;
    CHECK(ground_is_feasible(problem, smallest * (1 + 1e-6)));
    CHECK_FALSE(ground_is_feasible(problem, smallest * (1 - 1e-6)));
  }
  CHECK(needed > 20);
}

TEST_CASE("penalties: both bounds are reached, so no smaller rule holds for all instances") {
  // Two gains a ≤ b that exclude each other: below P = a both are taken.
  ConstrainedQubo pair;
  pair.objective.n = 2;
  pair.objective.linear = {-3, -5};
  pair.conflicts = {{0, 1}};
  CHECK(penalty_bound(pair) == 3);
  CHECK(smallest_penalty(pair) == Approx(3));
  // K + 1 equidistant points in K clusters: below P = d one point is left out.
  ConstrainedQubo points;
  points.objective.n = 12;
  points.objective.linear.assign(12, 0.0);
  for (std::int32_t i = 0; i < 4; ++i) {
    points.groups.push_back({3 * i, 3 * i + 1, 3 * i + 2});
    for (std::int32_t j = i + 1; j < 4; ++j) {
      for (std::int32_t k = 0; k < 3; ++k) points.objective.terms.push_back({3 * i + k, 3 * j + k, 2.5});
    }
  }
  CHECK(penalty_bound(points) == Approx(2.5));
  CHECK(smallest_penalty(points) == Approx(2.5));
  CHECK_FALSE(ground_is_feasible(points, 2.49));
  CHECK(ground_is_feasible(points, 2.51));
}

TEST_CASE("penalties: the gauge keeps F on feasible states and has no negative coefficient") {
  RandomSequence random(11, Stream::generator);
  const ConstrainedQubo problem = random_groups(3, 4, random);
  const ConstrainedQubo gauged = one_hot_gauge(problem);
  for (const double w : gauged.objective.linear) CHECK(w >= 0);
  for (const QuboTerm& t : gauged.objective.terms) CHECK(t.q > 0);
  for (std::int32_t a = 0; a < 4; ++a) {
    for (std::int32_t b = 4; b < 8; ++b) {
      for (std::int32_t c = 8; c < 12; ++c) {
        std::vector<std::int8_t> x(12, 0);
        for (const std::int32_t i : {a, b, c}) x[static_cast<std::size_t>(i)] = 1;
        CHECK(gauged.objective.energy(x) == Approx(problem.objective.energy(x)).margin(1e-12));
      }
    }
  }
}

TEST_CASE("penalties: problems outside the rules are refused") {
  RandomSequence random(13, Stream::generator);
  ConstrainedQubo both = random_groups(2, 2, random);
  CHECK_THROWS_WITH(penalty_bound(both), Contains("negative"));
  both.conflicts = {{0, 2}};
  CHECK_THROWS_WITH(penalty_bound(both), Contains("conflicts and groups"));
  ConstrainedQubo outside = random_groups(2, 2, random);
  outside.groups.pop_back();
  CHECK_THROWS_WITH(one_hot_gauge(outside), Contains("every variable"));
  ConstrainedQubo large = random_conflicts(21, random);
  CHECK_THROWS_AS(smallest_penalty(large), InputError);
  ConstrainedQubo impossible;
  impossible.objective.n = 1;
  impossible.objective.linear = {0};
  impossible.groups = {{0}, {}};
  CHECK_THROWS_WITH(smallest_penalty(impossible), Contains("no state"));
  CHECK_THROWS_AS(broken_constraints(large, std::vector<std::int8_t>(3, 0)), InputError);
}

}  // namespace opoloop
