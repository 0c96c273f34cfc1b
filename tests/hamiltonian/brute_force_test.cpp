#include "hamiltonian/brute_force.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/random.h"

using namespace opoloop;

namespace {

/// Every state, the energy of each by IsingModel::energy: the slow way.
struct Slow {
  double energy = 1e300;
  std::set<std::vector<std::int8_t>> states;
};

Slow enumerate(const IsingModel& model, double tolerance) {
  Slow slow;
  std::vector<std::int8_t> spins(static_cast<std::size_t>(model.size()));
  for (std::uint32_t word = 0; word < 1U << model.size(); ++word) {
    for (std::size_t i = 0; i < spins.size(); ++i) spins[i] = (word >> i & 1U) != 0 ? 1 : -1;
    const double energy = model.energy(spins);
    if (energy < slow.energy - tolerance) slow.states.clear();
    if (energy > slow.energy + tolerance) continue;
    slow.energy = std::min(slow.energy, energy);
    slow.states.insert(spins);
  }
  return slow;
}

IsingModel random_model(int n, std::uint64_t seed, bool integers, bool field) {
  RandomSequence random(seed, Stream::generator);
  const auto value = [&] { return integers ? static_cast<double>(random.below(5)) - 2 : random.normal(); };
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) edges.push_back({i, j, value()});
  }
  std::vector<double> h;
  for (int i = 0; field && i < n; ++i) h.push_back(value());
  return {n, edges, h, 0.25};
}

}  // namespace

TEST_CASE("brute force agrees with plain enumeration") {
  for (const bool integers : {true, false}) {
    for (const bool field : {true, false}) {
      for (const int n : {1, 2, 3, 5, 8, 13}) {
        const IsingModel model = random_model(n, static_cast<std::uint64_t>(n), integers, field);
        const Slow slow = enumerate(model, integers ? 0.0 : 1e-9);
        const BruteForceResult fast = brute_force(model, 1, 1 << 14);
        INFO("n = " << n << ", integers " << integers << ", field " << field);
        CHECK(fast.complete);
        CHECK(fast.energy == Approx(slow.energy).epsilon(1e-12));
        CHECK(fast.degeneracy == static_cast<std::int64_t>(slow.states.size()));
        CHECK(std::set<std::vector<std::int8_t>>(fast.ground_states.begin(), fast.ground_states.end()) ==
              slow.states);
        CHECK(fast.ground_states.size() == slow.states.size());
      }
    }
  }
}

TEST_CASE("brute force does not depend on the number of threads") {
  const IsingModel model = random_model(15, 4, true, false);
  const BruteForceResult one = brute_force(model, 1, 10);
  const BruteForceResult three = brute_force(model, 3, 10);
  CHECK(one.energy == three.energy);
  CHECK(one.degeneracy == three.degeneracy);
  CHECK(one.ground_states == three.ground_states);
  CHECK(one.evaluated == 1 << 14);
}

TEST_CASE("brute force keeps degeneracy through rounding where couplings are not exact") {
  // A frustrated ring of 12 with |J| = 1/√12: 12 places for the broken bond, two signs.
  std::vector<IsingEdge> edges;
  for (int i = 0; i < 12; ++i) edges.push_back({i, (i + 1) % 12, (i == 0 ? -1.0 : 1.0) / std::sqrt(12.0)});
  const BruteForceResult ring = brute_force(IsingModel(12, edges));
  CHECK(ring.degeneracy == 24);
  CHECK(ring.energy == Approx(-10 / std::sqrt(12.0)));
}

TEST_CASE("brute force limits: no couplings, a cap on states, too many spins, an early stop") {
  const BruteForceResult free_spins = brute_force(IsingModel(16, {}), 2, 7);
  CHECK(free_spins.degeneracy == 1 << 16);
  CHECK(free_spins.ground_states.size() == 7);
  CHECK_THROWS_AS(brute_force(IsingModel(25, {})), InputError);
  const BruteForceResult stopped = brute_force(random_model(20, 1, true, true), 1, 1, [] { return true; });
  CHECK_FALSE(stopped.complete);
  CHECK(stopped.evaluated < 1 << 20);
}
