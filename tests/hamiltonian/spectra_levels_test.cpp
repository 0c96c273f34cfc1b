// lowest_levels, the state space, and the modes of J.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "hamiltonian/spectra/lowest_levels.h"
#include "hamiltonian/spectra/machine_modes.h"
#include "hamiltonian/spectra/single_flip_chain.h"
#include "hamiltonian/spectra/state_space.h"
#include "hamiltonian/spectra/transverse_field.h"
#include "tests/hamiltonian/spectra_helpers.h"

using namespace opoloop;
using namespace opoloop::test;

namespace {

/// I − 2uuᵀ turned diagonal: Q diag(values) Q, levels known and hidden from the eye.
class Reflected final : public SymmetricOperator {
 public:
  explicit Reflected(std::vector<double> values) : values_(std::move(values)), u_(values_.size()) {
    RandomSequence random(5, Stream::generator);
    double norm = 0;
    for (double& u : u_) {
      u = random.normal();
      norm += u * u;
    }
    for (double& u : u_) u /= std::sqrt(norm);
  }
  std::int64_t size() const override { return static_cast<std::int64_t>(values_.size()); }
  double upper_bound() const override { return *std::max_element(values_.begin(), values_.end()); }
  void apply(const double* x, double* y) const override {
    std::copy(x, x + values_.size(), y);
    reflect(y);
    for (std::size_t k = 0; k < values_.size(); ++k) y[k] *= values_[k];
    reflect(y);
  }
  std::vector<double> vector(std::size_t k) const {
    std::vector<double> v(values_.size(), 0.0);
    v[k] = 1;
    reflect(v.data());
    return v;
  }

 private:
  void reflect(double* v) const {
    double dot = 0;
    for (std::size_t k = 0; k < u_.size(); ++k) dot += u_[k] * v[k];
    for (std::size_t k = 0; k < u_.size(); ++k) v[k] -= 2 * dot * u_[k];
  }
  std::vector<double> values_;
  std::vector<double> u_;
};

std::vector<double> spread(std::vector<double> first, std::size_t size) {
  while (first.size() < size)
    first.push_back(3 + 10 * static_cast<double>(first.size()) / static_cast<double>(size));
  return first;
}

}  // namespace

TEST_CASE("lowest levels come as often as they occur") {
  const std::vector<double> lowest = {-2, -2, -2, -1, -1, 0.5, 0.5, 0.5, 0.5, 1};
  const Reflected op(spread(lowest, 300));
  for (const int count : {1, 2, 4, 7, 10}) {
    const Levels levels = lowest_levels(op, count);
    CAPTURE(count);
    REQUIRE(levels.converged);
    REQUIRE(static_cast<int>(levels.values.size()) == count);
    for (std::size_t k = 0; k < levels.values.size(); ++k) {
      CHECK(levels.values[k] == Approx(lowest[k]).epsilon(0).margin(1e-9));
      CHECK(levels.residuals[k] < 1e-7);
      for (std::size_t other = 0; other <= k; ++other) {
        double dot = 0;
        for (std::size_t i = 0; i < 300; ++i) dot += levels.vectors[k][i] * levels.vectors[other][i];
        CHECK(dot == Approx(k == other ? 1 : 0).epsilon(0).margin(1e-9));
      }
    }
  }
}

TEST_CASE("known eigenvectors are left out, whatever their level") {
  const Reflected op(spread({0, 0.2, 0.2, 0.9}, 200));
  const Levels levels = lowest_levels(op, 2, {}, {op.vector(0), op.vector(1)});
  REQUIRE(levels.converged);
  CHECK(levels.values[0] == Approx(0.2).epsilon(0).margin(1e-9));
  CHECK(levels.values[1] == Approx(0.9).epsilon(0).margin(1e-9));
  const Reflected small({1, 2, 3});
  const Levels rest = lowest_levels(small, 5, {}, {small.vector(0)});
  REQUIRE(rest.values.size() == 2);
  CHECK(rest.values[0] == Approx(2));
  CHECK(rest.values[1] == Approx(3));
  CHECK(lowest_levels(Reflected({4}), 1).values.at(0) == Approx(4));
}

TEST_CASE("a search that does not converge, or is stopped, says so") {
  const Reflected op(spread({0, 1e-9, 2e-9}, 2000));
  LevelOptions options;
  options.max_products = 20;
  const Levels given_up = lowest_levels(op, 2, options);
  CHECK_FALSE(given_up.converged);
  CHECK_FALSE(given_up.interrupted);
  CHECK(given_up.products <= 20);
  options.max_products = 20000;
  options.stop = [] { return true; };
  const Levels stopped = lowest_levels(op, 2, options);
  CHECK_FALSE(stopped.converged);
  CHECK(stopped.interrupted);
}

TEST_CASE("energies of all states are those of the model") {
  for (const bool field : {false, true}) {
    const IsingModel model = random_model(7, field, 3);
    for (const Parity parity : {Parity::all, Parity::even, Parity::odd}) {
      const StateSpace space{7, parity};
      if (field && space.half()) {
        CHECK_THROWS_AS(state_energies(model, space), InputError);
        continue;
      }
      const auto energy = state_energies(model, space);
      REQUIRE(static_cast<std::int64_t>(energy.size()) == space.size());
      for (std::int64_t x = 0; x < space.size(); ++x) {
        CHECK(energy[static_cast<std::size_t>(x)] == Approx(plain_energy(model, x)).epsilon(0).margin(1e-13));
      }
    }
  }
  CHECK_THROWS_WITH(state_energies(ring_model(21, 1), {21, Parity::even}),
                    Catch::Contains("21") && Catch::Contains("20"));
}

TEST_CASE("operators give the same bits on any number of threads") {
  const IsingModel model = random_model(14, false, 8);
  for (const Parity parity : {Parity::all, Parity::even, Parity::odd}) {
    const StateSpace space{14, parity};
    const auto energy = state_energies(model, space);
    std::vector<double> x(energy.size()), one(energy.size()), three(energy.size());
    RandomSequence random(1, Stream::generator);
    for (double& v : x) v = random.normal();
    TransverseFieldOperator(space, energy, 0.7, 0.3, 1).apply(x.data(), one.data());
    TransverseFieldOperator(space, energy, 0.7, 0.3, 3).apply(x.data(), three.data());
    CHECK(one == three);
    // Against the definition, on some states of every block.
    for (std::int64_t s = 0; s < space.size(); s += 37) {
      double sum = 0;
      for (int i = 0; i < 14; ++i) {
        sum += (space.half() && i == 13 ? space.mirror_sign() : 1.0) *
               x[static_cast<std::size_t>(space.neighbour(s, i))];
      }
      const auto at = static_cast<std::size_t>(s);
      CHECK(one[at] == Approx(0.7 * energy[at] * x[at] - 0.3 * sum).epsilon(0).margin(1e-12));
    }
    ChainOperator(space, energy, FlipRule::metropolis, 0.8, 1).apply(x.data(), one.data());
    ChainOperator(space, energy, FlipRule::metropolis, 0.8, 3).apply(x.data(), three.data());
    CHECK(one == three);
  }
}

TEST_CASE("modes of a ring's couplings are its cosines, in pairs") {
  for (const int n : {8, 101}) {
    const Modes modes = coupling_modes(ring_model(n, 1e-24), 4);
    CAPTURE(n);
    REQUIRE(modes.converged);
    REQUIRE(modes.values.size() == 4);
    for (int k = 0; k < 4; ++k) {
      const double cosine = 2 * std::cos(2 * std::numbers::pi * ((k + 1) / 2) / n);
      CHECK(modes.values[static_cast<std::size_t>(k)] * 1e24 == Approx(cosine).epsilon(0).margin(1e-8));
    }
  }
}

TEST_CASE("modes of the loop's Jacobian are those of the dense matrix") {
  for (const bool field : {false, true}) {
    for (const int n : {1, 9, 90}) {
      const IsingModel model = random_model(n, field, 4);
      const IsingModel extended = field ? with_ancilla(model) : model;
      const auto size = extended.size();
      RandomSequence random(6, Stream::generator);
      std::vector<double> x;
      for (int i = 0; i < size; ++i) x.push_back(0.3 * random.normal());
      Eigen::MatrixXd jacobian = Eigen::MatrixXd::Zero(size, size);
      for (const IsingEdge& edge : extended.edges()) {
        jacobian(edge.i, edge.j) = jacobian(edge.j, edge.i) = 0.8 * edge.J;
      }
      for (int i = 0; i < size; ++i) {
        const double amplitude = x[static_cast<std::size_t>(i)];
        jacobian(i, i) = -(1 - 0.4) - 3 * amplitude * amplitude;
      }
      auto expected = eigenvalues(jacobian);
      std::reverse(expected.begin(), expected.end());
      const Modes modes = jacobian_modes(model, 0.8, 0.4, x, 3);
      CAPTURE(n, field);
      REQUIRE(modes.converged);
      REQUIRE(modes.values.size() == std::min<std::size_t>(3, expected.size()));
      for (std::size_t k = 0; k < modes.values.size(); ++k) {
        CHECK(modes.values[k] == Approx(expected[k]).epsilon(0).margin(1e-8));
      }
      x.push_back(0);
      CHECK_THROWS_AS(jacobian_modes(model, 0.8, 0.4, x, 3), InputError);
    }
  }
}
