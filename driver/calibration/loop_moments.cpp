#include "driver/calibration/loop_moments.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numbers>

namespace opoloop::calibration {
namespace {

/// Noise that a round trip adds to each quadrature.
double noise_variance(const LoopGuess& g, const Moments& m) {
  return g.g2 * g.dt * (m.mean * m.mean + m.in_phase + m.quadrature + 0.5);
}

double quadrature_response(const LoopGuess& g, double pump, const Moments& m) {
  return 1 - g.dt * (1 + pump + m.mean * m.mean + m.in_phase + 3 * m.quadrature);
}

/// Stationary variance of a linear response; large, not infinite, where there is none.
double stationary(double noise, double response) {
  return noise / std::max(1 - response * response, 1e-6);
}

/// Gauss–Hermite with three points: averages over a normal spread of the pump.
template <class Function>
void over_spread(const LoopGuess& g, double pump, const Function& add) {
  if (g.spread == 0) {
    add(pump, 1.0);
    return;
  }
  const double step = std::sqrt(3.0) * g.spread;
  add(pump * (1 - step), 1.0 / 6);
  add(pump, 2.0 / 3);
  add(pump * (1 + step), 1.0 / 6);
}

}  // namespace

Moments vacuum(const LoopGuess& guess) {
  return {0, guess.g2 / 4, guess.g2 / 4};
}

double linear_response(const LoopGuess& g, double pump, const Moments& m) {
  return 1 + g.dt * (pump - 1 - 3 * m.mean * m.mean - 3 * m.in_phase - m.quadrature);
}

Moments advance(const LoopGuess& g, double pump, const Moments& m) {
  const double noise = noise_variance(g, m);
  const double a = linear_response(g, pump, m);
  const double b = quadrature_response(g, pump, m);
  return {m.mean + g.dt * (pump - 1 - m.mean * m.mean - 3 * m.in_phase - m.quadrature) * m.mean,
          a * a * m.in_phase + noise, b * b * m.quadrature + noise};
}

Moments steady(const LoopGuess& g, double pump) {
  Moments m = vacuum(g);
  m.mean = std::sqrt(std::max(pump - 1, 0.0));
  for (int step = 0; step < 8; ++step) {
    if (pump > 1) m.mean = std::sqrt(std::max(pump - 1 - 3 * m.in_phase - m.quadrature, 0.0));
    const double noise = noise_variance(g, m);
    m.in_phase = stationary(noise, linear_response(g, pump, m));
    m.quadrature = stationary(noise, quadrature_response(g, pump, m));
  }
  return m;
}

std::vector<double> lag_products(const LoopGuess& g, double pump, std::span<const std::int64_t> lags) {
  std::vector<double> products(lags.size(), 0.0);
  over_spread(g, pump, [&](double p, double weight) {
    const Moments m = steady(g, p);
    const double a = linear_response(g, p, m);
    for (std::size_t l = 0; l < lags.size(); ++l) {
      const double x = m.mean * m.mean + m.in_phase * std::pow(a, static_cast<double>(lags[l]));
      products[l] += weight * g.record_gain * g.record_gain * x;
    }
  });
  for (std::size_t l = 0; l < lags.size(); ++l) {
    if (lags[l] == 0) products[l] += g.white;
  }
  return products;
}

std::vector<double> build_up(const LoopGuess& g, double pump, std::span<const std::int64_t> rows) {
  std::vector<double> products(rows.size(), 0.0);
  over_spread(g, pump, [&](double p, double weight) {
    Moments m = vacuum(g);
    std::int64_t at = 0;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      for (; at < rows[r]; ++at) m = advance(g, p, m);
      products[r] += weight * g.record_gain * g.record_gain * linear_response(g, p, m) * m.in_phase;
    }
  });
  return products;
}

std::vector<double> ring_down(const LoopGuess& g, double pump, std::span<const std::int64_t> rows) {
  std::vector<double> means(rows.size(), 0.0);
  over_spread(g, pump, [&](double p, double weight) {
    Moments m = steady(g, p);
    std::int64_t at = 0;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      for (; at < rows[r]; ++at) m = advance(g, 0, m);
      means[r] += weight * g.record_gain * m.mean;
    }
  });
  return means;
}

std::vector<double> pair_products(const LoopGuess& g, double pump, double coupling,
                                  std::span<const std::int64_t> lags) {
  const double kappa = g.record_gain;
  const double b = g.feedback_gain * std::abs(coupling) * g.dt;
  const double injected = b * b * g.white;
  // Saturation by the pulses' own fluctuations, with the delay left out.
  Moments m = steady(g, pump);
  double a = linear_response(g, pump, m);
  for (int step = 0; step < 6; ++step) {
    const double noise = noise_variance(g, m) + injected;
    m.in_phase = (stationary(noise, a + b * kappa) + stationary(noise, a - b * kappa)) / 2;
    a = linear_response(g, pump, m);
  }
  const double noise = noise_variance(g, m);

  // The sum and the difference of the two pulses are loops of their own, s = ±1:
  //     x(k+1) = a x(k) + n(k) + s b [κ x(k−d) + ν(k−d)],   y = κ x + ν,
  // whose spectrum is |…|² below; its Fourier transform, on a grid finer than any decay, is ⟨y y(τ)⟩.
  const double slowest = std::max(1 - a - std::abs(b) * kappa, 1e-3);
  std::size_t grid = 512;
  while (static_cast<double>(grid) * slowest < 14 && grid < 16384) grid *= 2;
  std::vector<double> cosine(grid);
  for (std::size_t i = 0; i < grid; ++i)
    cosine[i] = std::cos(2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(grid));
  std::vector<double> sum(lags.size(), 0.0), difference(lags.size(), 0.0);
  const auto half = grid / 2;
  const auto delay = static_cast<std::size_t>(g.delay);
  for (std::size_t i = 0; i <= half; ++i) {
    const auto phase = [&](std::size_t times) {
      const std::size_t at = i * times % grid;
      return std::complex<double>(cosine[at], cosine[(at + grid - grid / 4) % grid]);  // sin x = cos(x − π/2)
    };
    const std::complex<double> late = b * std::conj(phase(delay));
    const double weight = (i == 0 || i == half ? 1.0 : 2.0) / static_cast<double>(grid);
    std::array<double, 2> spectrum{};
    for (std::size_t mode = 0; mode < 2; ++mode) {
      const std::complex<double> fed = mode == 0 ? late : -late;
      const std::complex<double> response = 1.0 / (phase(1) - a - kappa * fed);
      spectrum[mode] = kappa * kappa * (noise + injected) * std::norm(response) + g.white +
                       2 * kappa * g.white * (fed * response).real();
    }
    for (std::size_t l = 0; l < lags.size(); ++l) {
      const double c = weight * cosine[i * static_cast<std::size_t>(lags[l]) % grid];
      sum[l] += c * spectrum[0];
      difference[l] += c * spectrum[1];
    }
  }
  std::vector<double> products(2 * lags.size());
  for (std::size_t l = 0; l < lags.size(); ++l) {
    products[l] = (sum[l] + difference[l]) / 2;
    products[lags.size() + l] = (sum[l] - difference[l]) / 2;
  }
  return products;
}

Clipped clipped_normal(double mean, double sd, double bound) {
  if (std::isinf(bound)) return {mean, 1};
  if (sd <= 0) return {std::clamp(mean, -bound, bound), std::abs(mean) < bound ? 1.0 : 0.0};
  const double low = (-bound - mean) / sd;
  const double high = (bound - mean) / sd;
  const auto below = [](double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); };
  const auto density = [](double z) { return std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi); };
  const double inside = below(high) - below(low);
  return {-bound * below(low) + bound * below(-high) + mean * inside + sd * (density(low) - density(high)),
          inside};
}

double ladder_product(const LoopGuess& g, double pump, double coupling) {
  const double v = std::abs(coupling);
  const double f = std::abs(g.feedback_gain);
  double product = 0;
  over_spread(g, pump, [&](double p, double weight) {
    Moments m = vacuum(g);
    // m from m³ = (P − 1 − 3v_c − v_s) m + injection(m): bisection, one positive root beyond the first.
    double response = 0;
    for (int step = 0; step < 5; ++step) {
      const double linear = p - 1 - 3 * m.in_phase - m.quadrature;
      const double sd = v * std::sqrt(g.record_gain * g.record_gain * m.in_phase + g.white);
      const auto rate = [&](double x) {
        return (linear - x * x) * x + f * clipped_normal(v * g.record_gain * x, sd, g.dac_clip).mean;
      };
      double low = 1e-3, high = 10;
      for (int halving = 0; halving < 48; ++halving) {
        const double middle = (low + high) / 2;
        (rate(middle) > 0 ? low : high) = middle;
      }
      m.mean = (low + high) / 2;
      const double inside = clipped_normal(v * g.record_gain * m.mean, sd, g.dac_clip).inside;
      const double b = f * v * inside * g.dt;
      response = linear_response(g, p, m);
      const double noise = noise_variance(g, m) + b * b * g.white;
      m.in_phase = (stationary(noise, response + b * g.record_gain) +
                    stationary(noise, response - b * g.record_gain)) /
                   2;
      m.quadrature = stationary(noise_variance(g, m), quadrature_response(g, p, m));
    }
    // Successive rows share almost all of their fluctuation, however large a part the partner has in it.
    product += weight * g.record_gain * g.record_gain * (m.mean * m.mean + m.in_phase);
  });
  return product;
}

}  // namespace opoloop::calibration
