#include "hamiltonian/ising_model.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "hamiltonian/problem.h"
#include "hamiltonian/qubo_model.h"

using namespace opoloop;

namespace {

std::vector<std::int8_t> spins_of(int n, unsigned bits) {
  std::vector<std::int8_t> s(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) s[static_cast<std::size_t>(i)] = (bits >> i & 1U) ? 1 : -1;
  return s;
}

IsingModel asymmetric_five() {
  return {5, {{0, 1, 1.5}, {3, 1, -0.25}, {2, 4, 2}, {0, 4, -3}}, {0.5, -1, 0, 2, 0.125}, 7};
}

}  // namespace

TEST_CASE("energy is the formula of the header, over all states of an asymmetric 5-spin instance") {
  const IsingModel model = asymmetric_five();
  double J[5][5] = {};
  for (const IsingEdge& e : model.edges()) J[e.i][e.j] = J[e.j][e.i] = e.J;
  for (unsigned bits = 0; bits < 32; ++bits) {
    const auto s = spins_of(5, bits);
    double expected = 7;
    for (std::size_t i = 0; i < 5; ++i) {
      expected -= model.field()[i] * s[i];
      for (std::size_t j = 0; j < 5; ++j) expected -= 0.5 * J[i][j] * s[i] * s[j];
    }
    CHECK(model.energy(s) == Approx(expected).epsilon(1e-14));
  }
}

TEST_CASE("Ising to QUBO and back keeps every energy, constant included") {
  const IsingModel model = asymmetric_five();
  const QuboModel qubo = to_qubo(model);
  const IsingModel back = to_ising(qubo);
  for (unsigned bits = 0; bits < 32; ++bits) {
    const auto s = spins_of(5, bits);
    std::vector<std::int8_t> x;
    for (const auto v : s) x.push_back(static_cast<std::int8_t>((1 + v) / 2));
    CHECK(qubo.energy(x) == Approx(model.energy(s)).epsilon(1e-13));
    CHECK(back.energy(s) == Approx(model.energy(s)).epsilon(1e-13));
  }
}

TEST_CASE("the ancilla carries the field") {
  const IsingModel model = asymmetric_five();
  const IsingModel wide = with_ancilla(model);
  REQUIRE(wide.size() == 6);
  CHECK_FALSE(wide.has_field());
  for (unsigned bits = 0; bits < 64; ++bits) {
    const auto s = spins_of(6, bits);
    CHECK(model.energy(drop_ancilla(s)) == Approx(wide.energy(s)).epsilon(1e-13));
  }
}

TEST_CASE("bad edges are refused by name") {
  using Edges = std::vector<IsingEdge>;
  CHECK_THROWS_AS(IsingModel(0, Edges{}), InputError);
  CHECK_THROWS_AS(IsingModel(3, Edges{{0, 3, 1}}), InputError);
  CHECK_THROWS_AS(IsingModel(3, Edges{{-1, 2, 1}}), InputError);
  CHECK_THROWS_AS(IsingModel(3, Edges{{1, 1, 1}}), InputError);
  CHECK_THROWS_AS(IsingModel(3, Edges{{0, 1, 1}, {1, 0, 1}}), InputError);
  CHECK_THROWS_AS(IsingModel(3, Edges{{0, 1, std::numeric_limits<double>::quiet_NaN()}}), InputError);
  CHECK_THROWS_AS(IsingModel(3, Edges{}, {1, 2}), InputError);
}

TEST_CASE("max-cut: the cut of an energy is the weight across it") {
  // A triangle with one heavy edge, J = −w.
  Problem problem;
  problem.ising = IsingModel(3, {{0, 1, -1}, {1, 2, -1}, {0, 2, -5}});
  problem.kind = ProblemKind::max_cut;
  CHECK(problem.total_weight() == 7);
  CHECK(problem.cut_of_energy(problem.ising.energy(spins_of(3, 0b001))) == 6);
  CHECK(problem.cut_of_energy(problem.ising.energy(spins_of(3, 0b000))) == 0);
  CHECK(problem.energy_of_cut(6) == problem.ising.energy(spins_of(3, 0b001)));
}
