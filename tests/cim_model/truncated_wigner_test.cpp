#include "cim_model/models/truncated_wigner.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>

#include "loop_helpers.h"

using namespace opoloop;

namespace {

LoopParameters wigner(double pump, double g2, double dt, std::int64_t rounds) {
  LoopParameters p;
  p.model = ModelKind::truncated_wigner;
  p.law = LawKind::linear;
  p.pump = pump;
  p.g2 = g2;
  p.dt = dt;
  p.rounds = rounds;
  return p;
}

std::span<const double> quadrature(const LoopObservation& o) {
  return o.model.variables()[1].values;
}

/// Five standard errors of a sample variance of m independent normals, relative: √(2/m).
double five_sigma_of_variance(std::int64_t m) {
  return 5 * std::sqrt(2.0 / static_cast<double>(m));
}

}  // namespace

TEST_CASE("truncated Wigner starts in vacuum: variance g²/4 of either quadrature") {
  const double g2 = 0.04;
  const int n = 200000;
  double c2 = 0, s2 = 0, cs = 0;
  observe_loop(uncoupled(n), wigner(0, g2, 1e-9, 1), 1, [&](const LoopObservation& o) {
    if (o.round > 0) return;
    for (int i = 0; i < n; ++i) {
      const double c = o.model.amplitude()[static_cast<std::size_t>(i)];
      const double s = quadrature(o)[static_cast<std::size_t>(i)];
      c2 += c * c, s2 += s * s, cs += c * s;
    }
  });
  CHECK(c2 / n == Approx(g2 / 4).epsilon(five_sigma_of_variance(n)));
  CHECK(s2 / n == Approx(g2 / 4).epsilon(five_sigma_of_variance(n)));
  CHECK(std::abs(cs / n) < 5 * g2 / 4 / std::sqrt(n));
}

TEST_CASE("below threshold: ⟨c²⟩ = g²/4(1 − p), ⟨s²⟩ = g²/4(1 + p)") {
  // g² small enough that c² in the drift and in the noise is 1e-8 of the rest.
  const double p = 0.6, g2 = 1e-8, dt = 0.05;
  const int n = 8000;
  double c2 = 0, s2 = 0;
  std::int64_t m = 0;
  observe_loop(uncoupled(n), wigner(p, g2, dt, 2000), 2, [&](const LoopObservation& o) {
    // Start within 1% of the stationary variance after 200 rounds (e^{−2·0.4·10}); then every 250 rounds,
    // five lifetimes of the slower quadrature, so samples are independent to e^{−10}.
    if (o.round < 500 || o.round % 250 != 0) return;
    for (int i = 0; i < n; ++i) {
      c2 += std::pow(o.model.amplitude()[static_cast<std::size_t>(i)], 2);
      s2 += std::pow(quadrature(o)[static_cast<std::size_t>(i)], 2);
      ++m;
    }
  });
  const double b = std::sqrt(g2 / 2);
  CHECK(euler_variance(1 - p, b, 1e-12) == Approx(g2 / (4 * (1 - p))).epsilon(1e-9));
  CHECK(c2 / static_cast<double>(m) ==
        Approx(euler_variance(1 - p, b, dt)).epsilon(five_sigma_of_variance(m)));
  CHECK(s2 / static_cast<double>(m) ==
        Approx(euler_variance(1 + p, b, dt)).epsilon(five_sigma_of_variance(m)));
}

TEST_CASE("above threshold: variances g²(p − ½)/4(p − 1) and (g²/4)(1 − 1/2p) about x² = p − 1") {
  const double p = 1.8, g2 = 1e-6, dt = 0.05;
  const int n = 8000;
  Mean amplitude;
  double c2 = 0, s2 = 0;
  std::int64_t m = 0;
  observe_loop(uncoupled(n), wigner(p, g2, dt, 1500), 3, [&](const LoopObservation& o) {
    // From vacuum noise of 5e-4 the amplitude saturates after ln(0.9/5e-4)/0.8 ≈ 10 lifetimes, a few pulses
    // that start near zero later: nobody is left after 40. Samples five relaxation times (5/1.6) apart.
    if (o.round < 1000 || o.round % 64 != 0) return;
    for (int i = 0; i < n; ++i) {
      const double away = std::abs(o.model.amplitude()[static_cast<std::size_t>(i)]) - std::sqrt(p - 1);
      amplitude.add(away);
      c2 += away * away;
      s2 += std::pow(quadrature(o)[static_cast<std::size_t>(i)], 2);
      ++m;
    }
  });
  const double b = std::sqrt(g2 * (p - 0.5));
  CHECK(euler_variance(2 * (p - 1), b, 1e-12) == Approx(g2 * (p - 0.5) / (4 * (p - 1))).epsilon(1e-9));
  CHECK(euler_variance(2 * p, b, 1e-12) == Approx(g2 / 4 * (1 - 1 / (2 * p))).epsilon(1e-9));
  // The next order in g² shifts mean and variance by a relative g² of order one: far below the sampling
  // error.
  CHECK(std::abs(amplitude.value()) < 5 * amplitude.standard_error() + 10 * g2);
  CHECK(c2 / static_cast<double>(m) ==
        Approx(euler_variance(2 * (p - 1), b, dt)).epsilon(five_sigma_of_variance(m)));
  CHECK(s2 / static_cast<double>(m) ==
        Approx(euler_variance(2 * p, b, dt)).epsilon(five_sigma_of_variance(m)));
}

// At p = 0 both quadratures are alike and n = c² + s² is a process of its own, by Itô's rule
//     dn = [−2n − 2n² + 2g²(n + ½)] dt + 2g √(n(n + ½)) dW,
// with the stationary density P(n) ∝ exp(−n/g²) (n + ½)^(−1 − 1/2g²), exact at any g². Read as a Stratonovich
// equation the same noise would give (n + ½)^(−½ − 1/2g²): the two differ by 19% in ⟨n⟩ at g² = ½.
TEST_CASE("the noise is an Itô one: exact photon number at p = 0 and strong saturation") {
  const double g2 = 0.5;
  const auto mean_n = [&](double exponent) {
    double norm = 0, first = 0;
    for (int k = 0; k < 400000; ++k) {
      const double photons = (k + 0.5) * 5e-5;
      const double weight = std::exp(-photons / g2) * std::pow(photons + 0.5, exponent);
      norm += weight;
      first += weight * photons;
    }
    return first / norm;
  };
  const double ito = mean_n(-1 - 1 / (2 * g2));
  const double stratonovich = mean_n(-0.5 - 1 / (2 * g2));

  const int n = 3000;
  const auto measured = [&](double dt) {
    Mean photons;  // of snapshots two lifetimes apart (correlation e^{−4}), each the mean of n pulses
    const auto every = static_cast<std::int64_t>(std::lround(2 / dt));
    observe_loop(uncoupled(n), wigner(0, g2, dt, 40 * every), 4, [&](const LoopObservation& o) {
      if (o.round == 0 || o.round % every != 0) return;
      double sum = 0;
      for (int i = 0; i < n; ++i) {
        sum += std::pow(o.model.amplitude()[static_cast<std::size_t>(i)], 2) +
               std::pow(quadrature(o)[static_cast<std::size_t>(i)], 2);
      }
      photons.add(sum / n);
    });
    return photons;
  };
  // Weak order 1: 2 m(dt) − m(2dt) is free of the first order in dt; what is left is of order dt² = 4e-4.
  const Mean fine = measured(0.02), coarse = measured(0.04);
  const double estimate = 2 * fine.value() - coarse.value();
  const double error = std::hypot(2 * fine.standard_error(), coarse.standard_error());
  CAPTURE(ito, stratonovich, estimate, error);
  CHECK(std::abs(estimate - ito) < 5 * error + 4e-4);
  CHECK(std::abs(estimate - stratonovich) > 10 * error);
}

TEST_CASE("two pulses with independent noise: correlation ξJ / (1 − p)") {
  // One trajectory of 2n pulses in n pairs. Modes c₁ ± c₂ decay at 1 − p ∓ ξJ.
  const double p = 0.3, xi = 0.35, dt = 0.1, g2 = 1e-8;
  const int pairs = 4000;
  for (const double J : {1.0, -1.0}) {
    std::vector<IsingEdge> edges;
    for (int k = 0; k < pairs; ++k) edges.push_back({2 * k, 2 * k + 1, J});
    LoopParameters parameters = wigner(p, g2, dt, 1000);
    parameters.xi = xi;
    double product = 0, square = 0;
    std::int64_t m = 0;
    observe_loop({2 * pairs, edges}, parameters, 5, [&](const LoopObservation& o) {
      if (o.round < 200 || o.round % 150 != 0) return;  // 150 rounds: five lifetimes of the slow mode
      const auto c = o.model.amplitude();
      for (std::size_t k = 0; k < static_cast<std::size_t>(2 * pairs); k += 2) {
        product += c[k] * c[k + 1];
        square += (c[k] * c[k] + c[k + 1] * c[k + 1]) / 2;
        ++m;
      }
    });
    const auto correlation = [&](double step) {
      const double slow = euler_variance(1 - p - xi, 1, step), fast = euler_variance(1 - p + xi, 1, step);
      return J * (slow - fast) / (slow + fast);
    };
    CHECK(correlation(1e-12) == Approx(J * xi / (1 - p)).epsilon(1e-9));
    // The standard error of a correlation coefficient r is (1 − r²)/√m.
    const double r = correlation(dt);
    CHECK(std::abs(product / square - r) < 5 * (1 - r * r) / std::sqrt(static_cast<double>(m)));
  }
}

TEST_CASE("long ring below threshold: C_n ∝ rⁿ and defects (1/π) arccos C₁") {
  const double p = 0.1, xi = 0.35, dt = 0.05, g2 = 1e-8;
  const int n = 4096;
  LoopParameters parameters = wigner(p, g2, dt, 8000);
  parameters.xi = xi;
  std::vector<Mean> correlation(5);
  Mean defects;
  observe_loop(ring(n, 1), parameters, 6, [&](const LoopObservation& o) {
    if (o.round < 500 || o.round % 400 != 0)
      return;  // slowest mode: 1 − p − 2ξ = 0.2, 400 rounds = 4 lifetimes
    const auto c = o.model.amplitude();
    double sum[5] = {};
    double walls = 0;
    for (std::size_t i = 0; i < c.size(); ++i) {
      for (std::size_t lag = 0; lag < 5; ++lag) sum[lag] += c[i] * c[(i + lag) % c.size()];
      if (c[i] * c[(i + 1) % c.size()] < 0) walls += 1;
    }
    for (std::size_t lag = 0; lag < 5; ++lag) correlation[lag].add(sum[lag]);
    defects.add(walls / n);
  });
  const double A = 1 - p;
  const double r = (A - std::sqrt(A * A - 4 * xi * xi)) / (2 * xi);
  // Mode k decays at A − 2ξ cos k; the Euler step adds 1/(1 − a dt/2) to each, summed here without
  // approximation.
  const auto expected = [&](unsigned lag, double step) {
    double c = 0, c0 = 0;
    for (int k = 0; k < n; ++k) {
      const double angle = 2 * std::numbers::pi * k / n;
      const double power = euler_variance(A - 2 * xi * std::cos(angle), 1, step);
      c += power * std::cos(angle * lag), c0 += power;
    }
    return c / c0;
  };
  for (unsigned lag = 1; lag < 5; ++lag) {
    CHECK(expected(lag, 1e-12) == Approx(std::pow(r, lag)).epsilon(1e-9));
    // Ratio of two means: to first order its error is that of the numerator, plus r times the denominator's.
    const double ratio = correlation[lag].value() / correlation[0].value();
    const double error = (correlation[lag].standard_error() + ratio * correlation[0].standard_error()) /
                         correlation[0].value();
    CAPTURE(lag, ratio, error);
    CHECK(std::abs(ratio - expected(lag, dt)) < 5 * error);
  }
  CHECK(std::abs(defects.value() - std::acos(expected(1, dt)) / std::numbers::pi) <
        5 * defects.standard_error());
}

TEST_CASE("intracavity spectrum below threshold: S_c(ω) = (g²/2) / ((1 − p)² + ω²)") {
  const double p = 0.5, g2 = 1e-8, dt = 0.05;
  const int n = 500;
  const std::int64_t length = 2000;
  for (const double omega : {0.0, 0.5, 2.0}) {
    std::vector<double> real(n, 0.0), imaginary(n, 0.0);
    observe_loop(uncoupled(n), wigner(p, g2, dt, length), 7, [&](const LoopObservation& o) {
      if (o.round == length) return;
      const double angle = omega * dt * static_cast<double>(o.round);
      for (std::size_t i = 0; i < n; ++i) {
        real[i] += o.model.amplitude()[i] * std::cos(angle);
        imaginary[i] += o.model.amplitude()[i] * std::sin(angle);
      }
    });
    Mean power;
    for (std::size_t i = 0; i < n; ++i) {
      power.add((real[i] * real[i] + imaginary[i] * imaginary[i]) * dt / static_cast<double>(length));
    }
    // Exact for the Euler step: (g²/2) dt² / |1 − (1 − a dt) e^{−iωdt}|². A finite record leaks a relative
    // 1/(a T) = 2% (T = 100) into the periodogram, and the vacuum start takes as much away.
    const double a = 1 - p;
    const double phi = 1 - a * dt;
    const double exact = g2 / 2 * dt * dt / (1 - 2 * phi * std::cos(omega * dt) + phi * phi);
    CHECK(exact == Approx(g2 / 2 / (a * a + omega * omega)).epsilon(2 * a * dt + omega * dt));
    CAPTURE(omega, power.value(), exact);
    CHECK(std::abs(power.value() - exact) < 5 * power.standard_error() + 0.04 * exact);
  }
}
