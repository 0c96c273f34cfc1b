#include "cim_model/models/gaussian_moments.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "loop_helpers.h"

using namespace opoloop;

namespace {

LoopParameters moments(double pump, double g2, double dt, std::int64_t rounds) {
  LoopParameters p;
  p.model = ModelKind::gaussian_moments;
  p.law = LawKind::linear;
  p.pump = pump;
  p.g2 = g2;
  p.dt = dt;
  p.rounds = rounds;
  return p;
}

}  // namespace

TEST_CASE(
    "at small g² the extended moments are (d), path by path, below and above threshold, with feedback") {
  for (const double pump : {0.5, 3.0}) {
    LoopParameters p = moments(pump, 1e-12, 0.02, 1500);
    p.detection_efficiency = 0.7;
    p.measured_loss = 0.8;
    p.substeps = 2;
    p.xi = 0.3;
    const IsingModel pair(2, {{0, 1, -1}});
    std::vector<std::array<double, 3>> extended;
    observe_loop(pair, p, 1, [&](const LoopObservation& o) {
      const auto v = o.model.variables();
      extended.push_back({o.model.amplitude()[0], o.measured[0], v[1].values[0] + v[2].values[0] + 0.5});
    });
    p.model = ModelKind::gaussian;
    observe_loop(pair, p, 1, [&](const LoopObservation& o) {
      const auto& e = extended[static_cast<std::size_t>(o.round)];
      // They differ by g² photons of fluctuation, 1e-12 a time unit, grown by e^{rate·time} above threshold.
      REQUIRE(o.model.amplitude()[0] == Approx(e[0]).epsilon(1e-6).margin(1e-13));
      REQUIRE(o.measured[0] == Approx(e[1]).epsilon(1e-6).margin(1e-13));
      REQUIRE(o.model.variables()[1].values[0] == Approx(e[2]).epsilon(1e-6));
    });
  }
}

TEST_CASE("the other quadrature is not measured: V_p = n − m + ½ = (1 + j + 2ν)/2(1 + j + p + ν), ν = g²μ²") {
  const double j = 1;
  for (const double p : {0.9, 3.0}) {
    const double nu = p > 1 + j ? p - 1 - j : 0;
    for (const double eta : {1.0, 0.3}) {
      LoopParameters parameters = moments(p, 1e-12, 0.01, 4000);
      parameters.detection_efficiency = eta;
      double V_p = 0;
      observe_loop(uncoupled(1), parameters, 2, [&](const LoopObservation& o) {
        const auto v = o.model.variables();
        V_p = v[1].values[0] - v[2].values[0] + 0.5;
      });
      CHECK(V_p == Approx((1 + j + 2 * nu) / (2 * (1 + j + p + nu))).epsilon(1e-4));
    }
  }
}

TEST_CASE(
    "photons of the fluctuations saturate: with an idle detector n, m solve the Gaussian closure at μ = 0") {
  // η → 0 leaves μ at 0 and the equations of n and m alone: two algebraic equations at p above threshold,
  // where the linearised ones have no steady state.
  const double j = 0.5, p = 1.7, g2 = 0.05;
  LoopParameters parameters = moments(p, g2, 0.005, 12000);
  parameters.measured_loss = j;
  parameters.detection_efficiency = 1e-12;
  double n = 0, m = 0;
  observe_loop(uncoupled(1), parameters, 3, [&](const LoopObservation& o) {
    n = o.model.variables()[1].values[0];
    m = o.model.variables()[2].values[0];
  });
  CHECK(n > 1);
  CHECK(-2 * (1 + j) * n + 2 * p * m - 2 * g2 * (2 * n * n + m * m) == Approx(0).margin(1e-4));
  CHECK(-2 * (1 + j) * m + 2 * p * n + p - g2 * m - 6 * g2 * n * m == Approx(0).margin(1e-4));
}
