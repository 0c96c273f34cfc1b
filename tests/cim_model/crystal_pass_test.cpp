#include "cim_model/models/crystal_pass.h"

#include <Eigen/Dense>
#include <boost/numeric/odeint.hpp>
#include <catch2/catch.hpp>
#include <cmath>

using namespace opoloop;
namespace odeint = boost::numeric::odeint;

namespace {

/// A pulse well above threshold with squeezed fluctuations, met by a strong pump: every term counts.
CrystalMoments busy_start() {
  return {4.0, 3.0, 0.9, 0.12, 0.25, 0.25, 0.0, 0.0};
}

double photons(const CrystalMoments& m) {
  // ⟨a†a⟩ = ⟨X²⟩ + ⟨Y²⟩ − ½ for either mode.
  return m[kMeanX] * m[kMeanX] + m[kSignalXX] + m[kSignalYY] - 0.5 +
         2 * (m[kMeanPump] * m[kMeanPump] + m[kPumpXX] + m[kPumpYY] - 0.5);
}

Eigen::Matrix2d invariant_matrix(const CrystalMoments& m) {
  Eigen::Matrix2d x, y;
  x << m[kSignalXX], m[kCrossXX], m[kCrossXX], m[kPumpXX];
  y << m[kSignalYY], m[kCrossYY], m[kCrossYY], m[kPumpYY];
  return x * y;
}

CrystalMoments dormand_prince(CrystalMoments m, double interaction) {
  odeint::integrate_adaptive(
      odeint::make_controlled(1e-13, 1e-13, odeint::runge_kutta_dopri5<CrystalMoments>()), CrystalEquations(),
      m, 0.0, interaction, interaction / 100);
  return m;
}

double largest_difference(const CrystalMoments& a, const CrystalMoments& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

}  // namespace

TEST_CASE("a crystal pass keeps the photons, a†a + 2 b†b, and the symplectic eigenvalues") {
  const CrystalMoments in = busy_start();
  const CrystalMoments out = dormand_prince(in, 0.4);
  CHECK(std::abs(out[kMeanX] - in[kMeanX]) > 0.3);  // something happened
  CHECK(std::abs(out[kCrossXX]) > 0.05);
  CHECK(photons(out) == Approx(photons(in)).epsilon(1e-10));
  const Eigen::Matrix2d before = invariant_matrix(in), after = invariant_matrix(out);
  CHECK(after.trace() == Approx(before.trace()).epsilon(1e-10));
  CHECK(after.determinant() == Approx(before.determinant()).epsilon(1e-10));
}

TEST_CASE("a weak signal sees the undepleted gain e^{x_b s}, its variances e^{±2 x_b s}") {
  // ε so weak that the signal takes nothing from the pump: x_b = 1e6, s = 3e-7.
  const CrystalMoments out = crystal_pass({1e-3, 1e6, 0.25, 0.25, 0.25, 0.25, 0, 0}, 3e-7, 8);
  CHECK(out[kMeanX] == Approx(1e-3 * std::exp(0.3)).epsilon(1e-7));
  CHECK(out[kSignalXX] == Approx(0.25 * std::exp(0.6)).epsilon(1e-6));
  CHECK(out[kSignalYY] == Approx(0.25 * std::exp(-0.6)).epsilon(1e-6));
}

TEST_CASE("without fluctuations the pump depletes as x_b = E tanh(artanh(x_b(0)/E) − E s)") {
  const double x = 3, pump = 2, s = 0.3;
  const CrystalMoments out = crystal_pass({x, pump, 0, 0, 0, 0, 0, 0}, s, 200);
  const double E = std::sqrt(pump * pump + x * x / 2);
  const double left = E * std::tanh(std::atanh(pump / E) - E * s);
  CHECK(out[kMeanPump] == Approx(left).epsilon(1e-8));
  CHECK(out[kMeanX] == Approx(std::sqrt(2 * (E * E - left * left))).epsilon(1e-8));
}

TEST_CASE("Runge-Kutta steps of a pass against controlled Dormand-Prince: fourth order, few are enough") {
  // A pass of the emulator at dt = 0.2, j = 1, p = 4, x = 1.4/g, g² = 1e-3: ετ = 2√(g² dt), x_b = p dt/ετ.
  const double g2 = 1e-3, dt = 0.2, interaction = 2 * std::sqrt(g2 * dt);
  const CrystalMoments in = {1.4 / std::sqrt(g2), 4 * dt / interaction, 0.9, 0.12, 0.25, 0.25, 0, 0};
  const CrystalMoments exact = dormand_prince(in, interaction);
  double last = 0;
  for (const int steps : {2, 4, 8, 16}) {
    const double error = largest_difference(crystal_pass(in, interaction, steps), exact) / exact[kMeanX];
    CAPTURE(steps, error);
    if (steps == 8) CHECK(error < 1e-5);  // far below the 1/T_decay by which (e) and (d) differ
    if (steps > 4) CHECK(last / error == Approx(16).epsilon(0.3));  // next order: a factor 1 + O(step · x_b)
    last = error;
  }
}

TEST_CASE("the steps a pass takes by itself: error below 5e-4 of the amplitude, up to 5 times saturation") {
  const double g2 = 1e-3, dt = 0.2, interaction = 2 * std::sqrt(g2 * dt);
  for (const double x : {0.0, 0.1, 1.0, 5.0}) {
    for (const double p : {-2.0, 0.5, 4.0}) {
      const CrystalMoments in = {x / std::sqrt(g2), p * dt / interaction, 0.9, 0.12, 0.25, 0.25, 0, 0};
      const CrystalMoments exact = dormand_prince(in, interaction);
      const CrystalMoments out = crystal_pass(in, interaction, crystal_steps(in, interaction));
      const double scale = std::hypot(in[kMeanX], in[kMeanPump]);
      CAPTURE(x, p, crystal_steps(in, interaction), largest_difference(out, exact) / scale);
      CHECK(largest_difference(out, exact) < 5e-4 * scale);
    }
  }
}
