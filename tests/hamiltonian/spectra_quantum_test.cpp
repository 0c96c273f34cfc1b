// Δ(s) against dense diagonalisation, two-spin and free-fermion closed forms.

#include <Eigen/Dense>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "hamiltonian/generators.h"
#include "hamiltonian/spectra/quantum_gap.h"
#include "tests/hamiltonian/spectra_helpers.h"

using namespace opoloop;
using namespace opoloop::test;

namespace {

/// H(s) over all states from its definition; c multiplies H_P.
Eigen::MatrixXd plain_hamiltonian(const IsingModel& model, double s, double c) {
  const int n = model.size();
  const Eigen::Index size = Eigen::Index{1} << n;
  Eigen::MatrixXd H = Eigen::MatrixXd::Zero(size, size);
  for (Eigen::Index x = 0; x < size; ++x) {
    H(x, x) = s * c * plain_energy(model, x);
    for (int i = 0; i < n; ++i) H(x, x ^ (Eigen::Index{1} << i)) = -(1 - s);
  }
  return H;
}

Eigen::MatrixXd in_sector(const IsingModel& model, double s, double c) {
  const Eigen::MatrixXd H = plain_hamiltonian(model, s, c);
  if (model.has_field()) return H;
  const Eigen::MatrixXd basis = parity_basis(model.size(), 1);
  return basis.transpose() * H * basis;
}

QuantumGap gap_of(const IsingModel& model, int points, ProblemScaling scaling = ProblemScaling::norm) {
  QuantumSettings settings;
  settings.points = points;
  settings.scaling = scaling;
  return quantum_gap(model, settings);
}

}  // namespace

TEST_CASE("levels and gaps of annealing are those of the dense matrix") {
  struct Case {
    int n;
    bool field;
    int points;
  };
  for (const Case& c : {Case{2, true, 5}, Case{5, false, 5}, Case{7, true, 5}, Case{8, false, 5},
                        Case{8, true, 3}, Case{10, false, 3}}) {
    const IsingModel model = random_model(c.n, c.field, 60 + static_cast<std::uint64_t>(c.n));
    const QuantumGap gap = gap_of(model, c.points);
    CAPTURE(c.n, c.field);
    REQUIRE(gap.status == GapStatus::found);
    CHECK(gap.even_sector == !c.field);
    CHECK(gap.final_degeneracy == 1);
    for (const GapPoint& point : gap.curve) {
      const auto exact = eigenvalues(in_sector(model, point.s, gap.scale));
      CAPTURE(point.s);
      REQUIRE(point.converged);
      for (std::size_t k = 0; k < point.levels.size(); ++k) {
        CHECK(point.levels[k] == Approx(exact[k]).epsilon(0).margin(1e-8));
      }
      CHECK(point.gap == Approx(exact[1] - exact[0]).epsilon(0).margin(1e-8));
    }
  }
}

TEST_CASE("degenerate final ground states: the gap is to the first level that stays away") {
  // An antiferromagnetic ring of odd length has one broken bond, anywhere: n ground states up to reversal,
  // and translations make levels equal in pairs at every s.
  for (const int n : {3, 7, 9}) {
    const IsingModel model = ring_model(n, -1);
    const QuantumGap gap = gap_of(model, 4);
    CAPTURE(n);
    REQUIRE(gap.final_degeneracy == n);
    REQUIRE(gap.status == GapStatus::found);
    for (const GapPoint& point : gap.curve) {
      const auto exact = eigenvalues(in_sector(model, point.s, gap.scale));
      CAPTURE(point.s);
      REQUIRE(point.converged);
      REQUIRE(point.levels.size() >= static_cast<std::size_t>(n) + 1);
      for (std::size_t k = 0; k < point.levels.size(); ++k) {
        CHECK(point.levels[k] == Approx(exact[k]).epsilon(0).margin(1e-8));
      }
      CHECK(point.gap == Approx(exact[static_cast<std::size_t>(n)] - exact[0]).epsilon(0).margin(1e-8));
    }
    CHECK(gap.curve.back().gap > 0.1);
  }
}

TEST_CASE("two spins and one spin in a field: closed forms of gap, minimum and matrix element") {
  // Even states of a pair: H = −2s Z − 2(1−s) X with c = 2/J. One spin: H = −s Z − (1−s) X.
  struct Case {
    IsingModel model;
    double size;
  };
  for (const Case& c : {Case{IsingModel(2, {{0, 1, -3.0}}), 2}, Case{IsingModel(1, {}, {0.25}), 1}}) {
    const QuantumGap gap = gap_of(c.model, 11);
    REQUIRE(gap.status == GapStatus::found);
    for (const GapPoint& point : gap.curve) {
      CHECK(point.gap == Approx(2 * c.size * std::hypot(point.s, 1 - point.s)));
    }
    REQUIRE(gap.minima.size() == 1);
    CHECK(gap.minima[0].gap == Approx(c.size * std::numbers::sqrt2));
    CHECK(gap.minima[0].s == Approx(0.5).epsilon(0).margin(1e-3));
    CHECK(gap.minima[0].slope_element == Approx(c.size * std::numbers::sqrt2));
    CHECK(gap.adiabatic_time == Approx(1 / (c.size * std::numbers::sqrt2)));
  }
}

TEST_CASE("the transverse-field Ising ring has its free-fermion levels") {
  // H = −Γ Σσˣ − J Σσᶻσᶻ, even sector: fermions with momenta k = (2m+1)π/n (P. Pfeuty, Ann. Phys. 57, 79
  // (1970), doi 10.1016/0003-4916(70)90270-8), ε_k = 2√(J² + Γ² − 2JΓ cos k), E = −½ Σ ε_k plus pairs.
  const int n = 10;
  const QuantumGap gap = gap_of(ring_model(n, 2), 6);
  REQUIRE(gap.status == GapStatus::found);
  CHECK(gap.final_degeneracy == 1);
  for (const GapPoint& point : gap.curve) {
    std::vector<double> modes;
    for (int m = 0; m < n; ++m) {
      const double k = (2 * m + 1) * std::numbers::pi / n;
      const double J = point.s, gamma = 1 - point.s;
      modes.push_back(2 * std::sqrt(J * J + gamma * gamma - 2 * J * gamma * std::cos(k)));
    }
    double ground = 0;
    for (const double mode : modes) ground -= mode / 2;
    std::vector<double> levels;
    for (unsigned occupied = 0; occupied < 1U << n; ++occupied) {
      if (__builtin_popcount(occupied) % 2 != 0) continue;
      double level = ground;
      for (int m = 0; m < n; ++m) level += (occupied >> m & 1U) != 0 ? modes[static_cast<std::size_t>(m)] : 0;
      levels.push_back(level);
    }
    std::sort(levels.begin(), levels.end());
    CAPTURE(point.s);
    REQUIRE(point.converged);
    for (std::size_t k = 0; k < point.levels.size(); ++k) {
      CHECK(point.levels[k] == Approx(levels[k]).epsilon(0).margin(1e-8));
    }
  }
  // Smallest at s = ½: 4 sin(π/2n).
  REQUIRE(gap.minima.size() == 1);
  CHECK(gap.minima[0].s == Approx(0.5).epsilon(0).margin(1e-3));
  CHECK(gap.minima[0].gap == Approx(4 * std::sin(std::numbers::pi / (2 * n))));
}

TEST_CASE("the minimum is no higher than any point of a fine dense grid") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const IsingModel model = random_model(6, false, 80 + seed);
    const QuantumGap gap = gap_of(model, 15);
    REQUIRE(!gap.minima.empty());
    const GapPoint& smallest = gap.minima[gap.smallest];
    double lowest = 1e9;
    double where = 0;
    for (int k = 1; k <= 400; ++k) {
      const double s = k / 400.0;
      const auto exact = eigenvalues(in_sector(model, s, gap.scale));
      if (exact[1] - exact[0] < lowest) {
        lowest = exact[1] - exact[0];
        where = s;
      }
    }
    CAPTURE(seed, where);
    CHECK(smallest.gap <= lowest + 1e-9);
    CHECK(smallest.gap == Approx(lowest).margin(1e-3));
    CHECK(smallest.s == Approx(where).margin(5e-3));
    // ⟨1|dH/ds|0⟩ from dense vectors.
    if (smallest.s < 1) {
      const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> dense(in_sector(model, smallest.s, gap.scale));
      const Eigen::MatrixXd slope = in_sector(model, 1, gap.scale) - in_sector(model, 0, gap.scale);
      const double element = std::abs(dense.eigenvectors().col(1).dot(slope * dense.eigenvectors().col(0)));
      CHECK(smallest.slope_element == Approx(element).epsilon(1e-6));
      CHECK(gap.adiabatic_time >= element / (smallest.gap * smallest.gap) * (1 - 1e-6));
    }
  }
}

TEST_CASE("scalings of the problem, and problems without a gap") {
  const IsingModel ring = ring_model(6, 2.5);
  CHECK(gap_of(ring, 3).scale == Approx(1 / 2.5));
  CHECK(gap_of(ring, 3, ProblemScaling::coupling).scale == Approx(1 / 2.5));
  CHECK(gap_of(ring, 3, ProblemScaling::none).scale == 1);
  CHECK(gap_of(ring, 3, ProblemScaling::none).curve.back().gap == Approx(10));
  CHECK(parse_problem_scaling("coupling") == ProblemScaling::coupling);
  CHECK_THROWS_AS(parse_problem_scaling("unit"), InputError);

  CHECK(gap_of(IsingModel(4, {}), 3).status == GapStatus::no_levels);
  CHECK(gap_of(IsingModel(1, {}), 3).status == GapStatus::no_levels);
  const QuantumGap loose = gap_of(IsingModel(9, {{0, 1, 1.0}}), 3);
  CHECK(loose.status == GapStatus::too_degenerate);
  CHECK(loose.final_degeneracy == 128);
  CHECK_THROWS_AS(gap_of(ring, 1), InputError);
  CHECK_THROWS_AS(gap_of(ring_model(21, 1), 3), InputError);
}

TEST_CASE("Δ(s) does not depend on threads; a curve that cannot be finished says so") {
  const IsingModel model = random_model(9, false, 5);
  QuantumSettings settings;
  settings.points = 7;
  const QuantumGap one = quantum_gap(model, settings);
  settings.threads = 3;
  const QuantumGap three = quantum_gap(model, settings);
  REQUIRE(one.minima.size() == three.minima.size());
  for (std::size_t k = 0; k < one.curve.size(); ++k) CHECK(one.curve[k].gap == three.curve[k].gap);
  for (std::size_t k = 0; k < one.minima.size(); ++k) CHECK(one.minima[k].gap == three.minima[k].gap);

  settings.levels.max_products = 30;
  const QuantumGap starved = quantum_gap(model, settings);
  CHECK(starved.status == GapStatus::not_converged);
  CHECK(std::isnan(starved.curve[3].gap));
  settings.levels.stop = [] { return true; };
  CHECK(quantum_gap(model, settings).status == GapStatus::interrupted);
}
