#include "master_equation.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>

#include "cim_model/models/positive_p.h"
#include "loop_helpers.h"

// The pulse models against the full quantum state, for one and two pulses.

using namespace opoloop;

namespace {

LoopParameters parameters_of(ModelKind model, double pump, double g2, double dt, std::int64_t rounds) {
  LoopParameters p;
  p.model = model;
  p.law = LawKind::linear;
  p.pump = pump;
  p.g2 = g2;
  p.dt = dt;
  p.rounds = rounds;
  return p;
}

/// ⟨X²⟩ of one pulse of a normally ordered, a symmetrically ordered or a measured model; average over pulses.
double x2_of(const LoopParameters& p, const std::vector<PulseVariable>& v, std::size_t i) {
  switch (p.model) {
    case ModelKind::positive_p:
      return normally_ordered({v[0].values[i], v[1].values[i]}, {v[2].values[i], v[3].values[i]}).x2;
    case ModelKind::truncated_wigner:
      return v[0].values[i] * v[0].values[i] / p.g2;
    case ModelKind::gaussian:
      return v[1].values[i] / 2 + v[0].values[i] * v[0].values[i];
    default:
      return (v[1].values[i] + v[2].values[i] + 0.5) / 2 + v[0].values[i] * v[0].values[i];
  }
}

/// Samples ⟨X²⟩ of n free pulses every `every` round trips after twice as many.
Mean sample_x2(const LoopParameters& p, int n, std::int64_t every, std::uint64_t seed) {
  Mean x2;
  const TrajectoryResult r = observe_loop(uncoupled(n), p, seed, [&](const LoopObservation& o) {
    if (o.round < 2 * every || o.round % every != 0) return;
    const auto v = o.model.variables();
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) x2.add(x2_of(p, v, i));
  });
  REQUIRE_FALSE(r.diverged);
  return x2;
}

}  // namespace

TEST_CASE("master equation: squeezed vacuum and the exact steady state of [Wolinsky & Carmichael 1988]") {
  // Linear: ⟨X²⟩ = loss/4(loss − p), ⟨Y²⟩ = loss/4(loss + p).
  const QuantumMoments linear = single_pulse(2, 0.8, 0, 40);
  CHECK(linear.x2 == Approx(2 / (4 * 1.2)).epsilon(1e-6));
  CHECK(linear.y2 == Approx(2 / (4 * 2.8)).epsilon(1e-6));
  // Nonlinear: P(α, α⁺) ∝ [(A² − α²)(A² − α⁺²)]^{1/g² − 1} e^{2αα⁺} on |α|, |α⁺| ≤ A = √p/g at loss 1 (Phys.
  // Rev. Lett. 60, 1836; here from the zero of the probability current of (c)). α = A sin θ makes the
  // integrand smooth and periodic, so the trapezium rule converges at once.
  const double p = 1, g2 = 0.3, A = std::sqrt(p / g2);
  double norm = 0, photons = 0, square = 0;
  const int points = 200;
  for (int i = 0; i < points; ++i) {
    for (int k = 0; k < points; ++k) {
      const double a = std::numbers::pi * ((i + 0.5) / points - 0.5);
      const double b = std::numbers::pi * ((k + 0.5) / points - 0.5);
      const double alpha = A * std::sin(a), plus = A * std::sin(b);
      const double weight = std::pow(std::cos(a) * std::cos(b), 2 / g2 - 1) * std::exp(2 * alpha * plus);
      norm += weight, photons += weight * alpha * plus, square += weight * alpha * alpha;
    }
  }
  const QuantumMoments exact = single_pulse(1, p, g2, 24);
  CHECK(exact.highest < 1e-12);
  CHECK(exact.photons == Approx(photons / norm).epsilon(1e-5));
  CHECK(exact.x2 - exact.y2 == Approx(square / norm).epsilon(1e-5));  // Re ⟨a²⟩
}

TEST_CASE("positive-P gives the quantum ⟨X²⟩ at g² = 0.3, where truncated Wigner is far off") {
  const double p = 0.8, g2 = 0.3, dt = 0.02;
  const double exact = single_pulse(1, p, g2, 20).x2;
  const Mean positive_p = sample_x2(parameters_of(ModelKind::positive_p, p, g2, dt, 1500), 1000, 250, 1);
  // The Euler step makes the normally ordered part larger by 1/(1 − a dt/2), with a = 1 − p near x = 0.
  const double step = (exact - 0.25) * (1 - p) * dt / 2;
  CAPTURE(exact, positive_p.value(), positive_p.standard_error());
  CHECK(std::abs(positive_p.value() - exact) < 5 * positive_p.standard_error() + step);
  // (M2) leaves out terms of relative order g².
  const Mean wigner = sample_x2(parameters_of(ModelKind::truncated_wigner, p, g2, dt, 1500), 1000, 250, 1);
  CHECK(std::abs(wigner.value() - exact) > 10 * wigner.standard_error());
}

TEST_CASE("(d) and its extended moments near threshold: without feedback the state is the unmeasured one") {
  // V + 2 Var μ = 2⟨X²⟩ whatever is measured, as long as the state is nearly Gaussian.
  const double j = 1, p = 1.6, dt = 0.01;
  SECTION("g² = 0.005: both agree with the master equation") {
    const double exact = single_pulse(1 + j, p, 0.005, 32).x2;
    for (const ModelKind model : {ModelKind::gaussian, ModelKind::gaussian_moments}) {
      const Mean x2 = sample_x2(parameters_of(model, p, 0.005, dt, 1500), 600, 300, 2);
      CAPTURE(name_of(model), exact, x2.value(), x2.standard_error());
      CHECK(std::abs(x2.value() - exact) < 5 * x2.standard_error());
    }
  }
  SECTION("g² = 0.1: the extended moments are nearer") {
    const double exact = single_pulse(1 + j, p, 0.1, 24).x2;
    const Mean d = sample_x2(parameters_of(ModelKind::gaussian, p, 0.1, dt, 1500), 1000, 300, 3);
    const Mean nm = sample_x2(parameters_of(ModelKind::gaussian_moments, p, 0.1, dt, 1500), 1000, 300, 3);
    CAPTURE(exact, d.value(), nm.value(), d.standard_error(), nm.standard_error());
    CHECK(std::abs(d.value() - exact) > 5 * d.standard_error());  // (d) is 8% off
    CHECK(std::abs(nm.value() - exact) < 0.5 * std::abs(d.value() - exact));
    CHECK(nm.value() < exact);  // and from the other side
    CHECK(d.value() > exact);
  }
}

TEST_CASE("two pulses by measured feedback: (d) and the Wiseman-Milburn master equation") {
  const double p = 0.5, j = 1, K = 0.4, dt = 0.02;
  const int levels = 8, pairs = 1500;
  const auto [J, eta] = GENERATE(std::make_pair(1.0, 1.0), std::make_pair(-1.0, 0.6));
  const double g2 = 0.01;
  const Eigen::MatrixXd one = Eigen::MatrixXd::Identity(levels, levels);
  const Eigen::MatrixXd a = kronecker(annihilation(levels), one), b = kronecker(one, annihilation(levels));
  MasterEquation equation(levels * levels);
  equation.add_pulse(a, 1 + j, p, g2);
  equation.add_pulse(b, 1 + j, p, g2);
  equation.add_feedback(a, b, K * J, j, eta);
  equation.add_feedback(b, a, K * J, j, eta);
  const Eigen::MatrixXd rho = equation.steady_state();
  CHECK(rho.trace() == Approx(1).epsilon(1e-9));
  const double x2 = moments_of(rho, a).x2;
  const Eigen::MatrixXd x_a = (a + a.transpose()) / 2, x_b = (b + b.transpose()) / 2;
  const double xx = expectation(rho, x_a * x_b);
  CHECK(J * xx > 0.02);

  std::vector<IsingEdge> edges;
  for (int k = 0; k < pairs; ++k) edges.push_back({2 * k, 2 * k + 1, J});
  LoopParameters parameters = parameters_of(ModelKind::gaussian, p, g2, dt, 1600);
  parameters.xi = K;
  parameters.detection_efficiency = eta;
  Mean found_x2, found_xx;
  observe_loop({2 * pairs, edges}, parameters, 4, [&](const LoopObservation& o) {
    if (o.round < 300 || o.round % 200 != 0) return;
    const auto v = o.model.variables();
    for (std::size_t i = 0; i < 2 * static_cast<std::size_t>(pairs); i += 2) {
      found_x2.add((x2_of(parameters, v, i) + x2_of(parameters, v, i + 1)) / 2);
      found_xx.add(v[0].values[i] * v[0].values[i + 1]);
    }
  });
  // An Euler step raises the variance of a mode by 1/(1 − a dt/2), a ≤ 1 + j − p + K = 1.9; and a round
  // trip's delay is of that order too. (d) leaves out g² · photons ≈ 1e-3 of ⟨X²⟩.
  const double step = 1.9 * dt / 2;
  CAPTURE(x2, found_x2.value(), found_x2.standard_error(), xx, found_xx.value(), found_xx.standard_error());
  CHECK(std::abs(found_x2.value() - x2) < 5 * found_x2.standard_error() + (x2 - 0.25) * step + 1e-3);
  CHECK(std::abs(found_xx.value() - xx) < 5 * found_xx.standard_error() + std::abs(xx) * step + 1e-3);
}
