#include "cim_model/models/gaussian.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "loop_helpers.h"

using namespace opoloop;

// All at g² = 1e-8: photon numbers of order one are then 1e-8 of saturation, and the equations of μ are
// linear.

namespace {

LoopParameters gaussian(double pump, double j, double dt, std::int64_t rounds, int substeps = 1) {
  LoopParameters p;
  p.model = ModelKind::gaussian;
  p.law = LawKind::linear;
  p.pump = pump;
  p.measured_loss = j;
  p.g2 = 1e-8;
  p.dt = dt;
  p.rounds = rounds;
  p.substeps = substeps;
  return p;
}

/// u = V − ½ in the steady state at μ = 0: j u² η + a u = p/2 with a = 1 − p + j.
double steady_u(double p, double j, double eta = 1) {
  const double a = 1 - p + j;
  return (-a + std::sqrt(a * a + 2 * eta * j * p)) / (2 * eta * j);
}

std::span<const double> mu_of(const LoopObservation& o) {
  return o.model.variables()[0].values;
}
std::span<const double> variance_of(const LoopObservation& o) {
  return o.model.variables()[1].values;
}

double five_sigma_of_variance(std::int64_t m) {
  return 5 * std::sqrt(2.0 / static_cast<double>(m));
}

/// Injects K times what was measured of the same pulse: self-feedback, which no coupling matrix here can
/// hold.
class SelfFeedback final : public FeedbackLaw {
 public:
  explicit SelfFeedback(double K) : K_(K) {}
  void start(int) override {}
  void inject(const Feedback& feedback, std::span<double> injection) override {
    for (std::size_t i = 0; i < injection.size(); ++i) injection[i] = K_ * feedback.measured[i];
  }

 private:
  double K_;
};

}  // namespace

TEST_CASE("conditional variance settles at ½ + [−a + √(a² + 2jp)]/2j") {
  for (const double p : {0.0, 0.5, 1.5}) {
    for (const double j : {0.3, 1.0, 4.0}) {
      if (p >= 1 + j) continue;
      for (const double eta : {1.0, 0.4}) {
        LoopParameters parameters = gaussian(p, j, 0.02, 4000);
        parameters.detection_efficiency = eta;
        double V = 0;
        observe_loop(uncoupled(1), parameters, 1, [&](const LoopObservation& o) { V = variance_of(o)[0]; });
        CHECK(V == Approx(0.5 + steady_u(p, j, eta)).epsilon(1e-6));  // g²μ² shifts it by 1e-8
      }
    }
  }
}

TEST_CASE("above threshold the conditional variance solves its equation at g²μ² = p − 1 − j") {
  // Deterministic part of (d) with μ at its fixed point: 0 = −2(1−p+j)V − 6ν V + 1 + j + 2ν − 2j(V−½)², ν =
  // g²μ².
  const double p = 3, j = 1, nu = p - 1 - j;
  double V = 0, x2 = 0;
  observe_loop(uncoupled(1), gaussian(p, j, 0.01, 4000), 1, [&](const LoopObservation& o) {
    V = variance_of(o)[0];
    x2 = std::pow(o.model.amplitude()[0], 2);
  });
  CHECK(x2 == Approx(nu).epsilon(1e-3));  // fluctuations of x: g·√(…) ≈ 1e-4 · 0.3, five times that of x²
  const double residual = -2 * (1 - p + j) * V - 6 * nu * V + 1 + j + 2 * nu - 2 * j * (V - 0.5) * (V - 0.5);
  CHECK(std::abs(residual) < 1e-2);
}

TEST_CASE("without feedback the total variance of q is (1 + j)/2(1 + j − p), whatever is measured") {
  // Measuring does not change the unconditional state: V + 2 Var μ. A wrong back-action breaks it.
  const int n = 6000;
  for (const double j : {0.5, 2.0}) {
    const double p = 0.8, a = 1 - p + j, dt = 0.1;
    for (const int substeps : {1, 3}) {
      const auto every = static_cast<std::int64_t>(std::ceil(5 / a / dt));
      double mu2 = 0, V = 0;
      std::int64_t m = 0;
      observe_loop(uncoupled(n), gaussian(p, j, dt, 12 * every, substeps), 2, [&](const LoopObservation& o) {
        if (o.round < 3 * every || o.round % every != 0) return;
        for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) mu2 += std::pow(mu_of(o)[i], 2);
        V = variance_of(o)[0];
        m += n;
      });
      const double u = steady_u(p, j);
      // Var μ of the Euler step of dt/substeps is j u²/2a times 1/(1 − a dt/2): taken out before comparing.
      const double variance = mu2 / static_cast<double>(m) * (1 - a * dt / substeps / 2);
      const double total = V + 2 * variance;
      CHECK(0.5 + u + j * u * u / a == Approx((1 + j) / (2 * (1 + j - p))).epsilon(1e-12));
      CHECK(std::abs(total - (1 + j) / (2 * (1 + j - p))) < 2 * variance * five_sigma_of_variance(m) + 1e-6);
    }
  }
}

TEST_CASE("the record is correlated with what follows: Cov[μ̃(t+τ), μ̃(t)] = (p/4a) e^{−aτ}") {
  const double p = 0.5, j = 1, a = 1 - p + j, dt = 0.2, g = 1e-4;
  const int n = 2000;
  const std::int64_t rounds = 1000;
  std::vector<std::vector<double>> past;
  std::vector<double> covariance(4, 0.0);
  std::int64_t m = 0;
  observe_loop(uncoupled(n), gaussian(p, j, dt, rounds), 3, [&](const LoopObservation& o) {
    past.insert(past.begin(), {o.measured.begin(), o.measured.end()});
    if (past.size() > 4) past.pop_back();
    if (o.round < 50) return;
    for (std::size_t lag = 0; lag < 4; ++lag) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i)
        covariance[lag] += past[0][i] * past[lag][i] / (g * g);
    }
    m += n;
  });
  const double u = steady_u(p, j);
  // Exact for the Euler step: the noise of round k enters the record (√(1/4j) dW/dt) and the step (√j u dW).
  const auto exact = [&](double lag_rounds, double step) {
    const double phi = 1 - a * step;
    return euler_variance(a, std::sqrt(j) * u, step) * std::pow(phi, lag_rounds) +
           u / 2 * std::pow(phi, lag_rounds - 1);
  };
  CHECK(exact(0.7 / 1e-7, 1e-7) == Approx(p / (4 * a) * std::exp(-a * 0.7)).epsilon(1e-6));
  const double var = euler_variance(a, std::sqrt(j) * u, dt) + 1 / (4 * j * dt);
  // Products of nearly white records scatter by Var; the small correlation adds below 30% to the variance.
  const double five_sigma = 5 * 1.15 * var / std::sqrt(static_cast<double>(m));
  CHECK(std::abs(covariance[0] / static_cast<double>(m) - var) < five_sigma * std::sqrt(2.0));
  for (std::size_t lag = 1; lag < 4; ++lag) {
    CAPTURE(lag);
    CHECK(std::abs(covariance[lag] / static_cast<double>(m) - exact(static_cast<double>(lag), dt)) <
          five_sigma);
    // With fresh noise in the record the second term would be missing.
    CHECK(u / 2 * std::pow(1 - a * dt, static_cast<double>(lag) - 1) > 2 * five_sigma);
  }
}

TEST_CASE("self-feedback inj = K μ̃: Var μ = (√j u + K/2√j)² / 2(a − K)") {
  const double p = 0.5, j = 1, K = 0.4, a = 1 - p + j;
  const int n = 6000;
  const double u = steady_u(p, j);
  const double b = std::sqrt(j) * u + K / (2 * std::sqrt(j));
  CHECK(b * b / (2 * (a - K)) == Approx(0.0561).epsilon(2e-3));  // fresh measurement noise: 0.0286
  for (const int substeps : {1, 4}) {
    const double dt = 0.05;
    LoopParameters parameters = gaussian(p, j, dt, 1000, substeps);
    Gaussian model(parameters, n);
    SelfFeedback law(K);
    double mu2 = 0;
    std::int64_t m = 0;
    LoopOptions options;
    options.seed = 4;
    options.observer = [&](const LoopObservation& o) {
      if (o.round < 200 || o.round % 100 != 0) return;  // 100 rounds: 5.5 relaxation times 1/(a − K)
      for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) mu2 += std::pow(mu_of(o)[i], 2);
      m += n;
    };
    run_loop(uncoupled(n), parameters, model, law, options);
    // One round: μ ← φ μ + K dt μ + noise, with φ = (1 − a dt/S)^S and back-action noise φ^{…}-weighted over
    // the sub-steps; the record's noise K/(2√j) ΔW enters each sub-step through the held injection.
    const int S = substeps;
    const double h = dt / S;
    const double phi = 1 - a * h;
    double gain = 0;  // of a held injection over the round
    for (int s = 0; s < S; ++s) gain += h * std::pow(phi, s);
    double noise = 0;  // Σ over sub-steps of (coefficient of ΔW_s)², ΔW_s ~ N(0, h)
    for (int s = 0; s < S; ++s) {
      const double coefficient =
          std::sqrt(j) * u * std::pow(phi, S - 1 - s) + K / (2 * std::sqrt(j)) * gain / dt;
      noise += coefficient * coefficient * h;
    }
    const double factor = std::pow(phi, S) + K * gain;
    const double expected = noise / (1 - factor * factor);
    if (S == 1) CHECK(expected == Approx(euler_variance(a - K, b, dt)).epsilon(1e-12));
    CHECK(mu2 / static_cast<double>(m) == Approx(expected).epsilon(five_sigma_of_variance(m)));
  }
}

TEST_CASE("two pulses by measured feedback: the 2 × 2 Lyapunov equation") {
  // Modes ± of dμ = (−a + K P) μ dt + (√j u + K P/2√j) dW, P the swap of the two pulses times J.
  const double p = 0.5, j = 1, K = 0.5, a = 1 - p + j, dt = 0.05;
  const int pairs = 3000;
  const double u = steady_u(p, j);
  for (const double J : {1.0, -1.0}) {
    std::vector<IsingEdge> edges;
    for (int k = 0; k < pairs; ++k) edges.push_back({2 * k, 2 * k + 1, J});
    LoopParameters parameters = gaussian(p, j, dt, 1000);
    parameters.xi = K;
    double sum2 = 0, difference2 = 0;
    std::int64_t m = 0;
    observe_loop({2 * pairs, edges}, parameters, 5, [&](const LoopObservation& o) {
      if (o.round < 200 || o.round % 100 != 0) return;
      const auto mu = mu_of(o);
      for (std::size_t k = 0; k < mu.size(); k += 2) {
        sum2 += std::pow(mu[k] + mu[k + 1], 2) / 2;
        difference2 += std::pow(mu[k] - mu[k + 1], 2) / 2;
        ++m;
      }
    });
    const double r = std::sqrt(j) * u, k = K * J, s = 1 / (2 * std::sqrt(j));
    CHECK(sum2 / static_cast<double>(m) ==
          Approx(euler_variance(a - k, r + k * s, dt)).epsilon(five_sigma_of_variance(m)));
    CHECK(difference2 / static_cast<double>(m) ==
          Approx(euler_variance(a + k, r - k * s, dt)).epsilon(five_sigma_of_variance(m)));
  }
}

TEST_CASE("threshold with measurement is 1 + j − ξ λ_max") {
  const IsingModel pair(2, {{0, 1, 1}});
  for (const double away : {-0.1, 0.1}) {
    LoopParameters parameters = gaussian(1 + 1 - 0.4 + away, 1, 0.02, 6000);
    parameters.xi = 0.4;
    double x = 0;
    observe_loop(pair, parameters, 6,
                 [&](const LoopObservation& o) { x = std::abs(o.model.amplitude()[0]); });
    // Above: x² = p − 1 − j + ξ = 0.1, give or take noise of order g = 1e-4. Below: noise only.
    if (away > 0) CHECK(x * x == Approx(0.1).epsilon(0.02));
    if (away < 0) CHECK(x < 0.01);
  }
}
