#include "cim_model/models/phenomenological.h"

#include <boost/numeric/odeint/integrate/integrate_n_steps.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta4.hpp>
#include <catch2/catch.hpp>
#include <cmath>

#include "loop_helpers.h"

using namespace opoloop;

namespace {

LoopParameters bench(double pump, double dt, std::int64_t rounds) {
  LoopParameters p;
  p.model = ModelKind::phenomenological;
  p.law = LawKind::linear;
  p.pump = pump;
  p.dt = dt;
  p.rounds = rounds;
  p.cavity_noise = 0;
  p.record_noise = 0;
  return p;
}

}  // namespace

TEST_CASE("the saturating gain is the flow of dx/dt = p x − μ x³") {
  for (const double p : {-0.7, 0.0, 1e-13, 0.4, 2.0}) {
    for (const double x0 : {1e-3, 0.5, -3.0}) {
      std::vector<double> x = {x0};
      boost::numeric::odeint::integrate_n_steps(
          boost::numeric::odeint::runge_kutta4<std::vector<double>>(),
          [&](const std::vector<double>& y, std::vector<double>& rate, double) {
            rate[0] = p * y[0] - 0.8 * y[0] * y[0] * y[0];
          },
          x, 0.0, 1e-4, 4000);
      CHECK(saturating_gain(x0, p, 0.4, 0.8) == Approx(x[0]).epsilon(1e-10));
    }
  }
}

TEST_CASE("phenomenological: small signals grow by (A + dt ξλ) G'(0), threshold where that is 1") {
  // Two pulses, J = ±1, λ = 1 in the mode (1, ±1).
  const double dt = 0.3, xi = 0.5;
  const double threshold = -std::log(std::exp(-dt) + dt * xi) / dt;
  for (const double J : {1.0, -1.0}) {
    for (const double away : {-0.1, 0.1}) {
      LoopParameters p = bench(threshold + away, dt, 80);
      p.xi = xi;
      p.start_sd = 1e-9;
      double before = 0, after = 0;
      observe_loop(IsingModel(2, {{0, 1, J}}), p, 1, [&](const LoopObservation& o) {
        const double mode = o.model.amplitude()[0] + J * o.model.amplitude()[1];
        if (o.round == 40) before = mode;
        if (o.round == 80) after = mode;
      });
      CHECK(std::pow(after / before, 1.0 / 40) == Approx(std::exp(away * dt)).epsilon(1e-9));
    }
  }
}

TEST_CASE("phenomenological: steady amplitude of a lone pulse and, clipped, of a driven pair") {
  const double dt = 0.3, p = 1.5;
  // x = A G(x): 1 + μ x² (e^{2p dt} − 1)/p = e^{2(p−1) dt}.
  std::vector<double> x;
  LoopParameters parameters = bench(p, dt, 400);
  parameters.start_sd = 0.1;
  const auto keep = [&](const LoopObservation& o) {
    x.assign(o.model.amplitude().begin(), o.model.amplitude().end());
  };
  observe_loop(uncoupled(3), parameters, 1, keep);
  const double lone = std::sqrt(std::expm1(2 * (p - 1) * dt) * p / std::expm1(2 * p * dt));
  for (const double v : x) CHECK(std::abs(v) == Approx(lone).epsilon(1e-9));
  // dt → 0: the √(p − 1) of (M1).
  CHECK(std::sqrt(std::expm1(2 * (p - 1) * 1e-6) * p / std::expm1(2 * p * 1e-6)) ==
        Approx(std::sqrt(p - 1)).epsilon(1e-5));

  // Far into the clip the feedback is ±limit: x = A G(x) + dt · limit, solved by iteration.
  parameters.law = LawKind::clipped;
  parameters.limit = 0.2;
  parameters.xi = 3;
  observe_loop(IsingModel(2, {{0, 1, -1.0}}), parameters, 2, keep);
  double fixed = 1;
  for (int k = 0; k < 1000; ++k)
    fixed =
        std::exp(-dt) * fixed * std::exp(p * dt) / std::sqrt(1 + std::expm1(2 * p * dt) / p * fixed * fixed) +
        dt * 0.2;
  CHECK(std::abs(x[0]) == Approx(fixed).epsilon(1e-9));
  CHECK(x[0] == Approx(-x[1]).epsilon(1e-9));
}

TEST_CASE("phenomenological: r₁ and r₃ make each mode an autoregression of variance (r₁² + K²r₃²)/(1 − ρ²)") {
  // Modes (x₁ ± x₂)/√2 of pairs: x ← A G' x + r₁ ± dt ξ J (G' x + r₃), so K = dt ξ, ρ = (A ± KJ) G'.
  const double dt = 0.3, p = 0.4, xi = 0.4;
  const int pairs = 3000;
  std::vector<IsingEdge> edges;
  for (int k = 0; k < pairs; ++k) edges.push_back({2 * k, 2 * k + 1, -1.0});
  LoopParameters parameters = bench(p, dt, 700);
  parameters.xi = xi;
  parameters.cavity_noise = 1e-5;
  parameters.record_noise = 6e-5;
  double even = 0, odd = 0, record = 0;
  std::int64_t m = 0;
  observe_loop({2 * pairs, edges}, parameters, 9, [&](const LoopObservation& o) {
    if (o.round < 150 || o.round % 100 != 0) return;  // the slow mode keeps 0.94 a round
    const auto x = o.model.amplitude();
    for (std::size_t k = 0; k < static_cast<std::size_t>(2 * pairs); k += 2) {
      even += std::pow(x[k] + x[k + 1], 2) / 2;
      odd += std::pow(x[k] - x[k + 1], 2) / 2;
      record += std::pow(o.measured[k] - std::exp(p * dt) * x[k], 2);
      ++m;
    }
  });
  const double K = dt * xi;
  const auto variance = [&](double sign) {
    const double rho = (std::exp(-dt) + sign * K) * std::exp(p * dt);
    return (1e-10 + K * K * 36e-10) / (1 - rho * rho);
  };
  const double tolerance = 5 * std::sqrt(2.0 / static_cast<double>(m));
  CHECK(even / static_cast<double>(m) == Approx(variance(-1)).epsilon(tolerance));
  CHECK(odd / static_cast<double>(m) == Approx(variance(1)).epsilon(tolerance));
  CHECK(record / static_cast<double>(m) == Approx(36e-10).epsilon(tolerance));
}

TEST_CASE("phenomenological: unset noises are those of the vacuum and of a homodyne detector") {
  LoopParameters p = bench(0.2, 0.25, 1);
  p.cavity_noise.reset();
  p.record_noise.reset();
  p.g2 = 1e-6;
  p.measured_loss = 1.5;
  p.detection_efficiency = 0.6;
  p.start_sd = 0;
  const int n = 40000;
  double cavity = 0, record = 0;
  observe_loop(uncoupled(n), p, 3, [&](const LoopObservation& o) {
    for (std::size_t i = 0; i < n; ++i) {
      if (o.round == 0) record += o.measured[i] * o.measured[i];
      if (o.round == 1) cavity += o.model.amplitude()[i] * o.model.amplitude()[i];
    }
  });
  const double tolerance = 5 * std::sqrt(2.0 / n);
  CHECK(cavity / n == Approx(1e-6 * 0.25 / 2).epsilon(tolerance));
  CHECK(record / n == Approx(1e-6 * 2.5 / (4 * 0.6 * 1.5 * 0.25)).epsilon(tolerance));
}

TEST_CASE("phenomenological: the tap behind the crystal sees each pulse's own gain") {
  // x̃ = G(x), G(x) ≈ x e^{p_i dt}: with a spread of gains the record shows them, round by round.
  const double dt = 0.3, p = 0.6;
  LoopParameters parameters = bench(p, dt, 3);
  parameters.start_sd = 1e-6;
  parameters.imperfections.gain_spread = 0.2;
  const std::vector<double> gains = gain_pattern(parameters.imperfections, 5);
  observe_loop(uncoupled(5), parameters, 1, [&](const LoopObservation& o) {
    for (std::size_t i = 0; i < 5; ++i) {
      CHECK(o.measured[i] / o.model.amplitude()[i] ==
            Approx(std::exp(p * (1 + gains[i]) * dt)).epsilon(1e-9));
    }
  });
}
