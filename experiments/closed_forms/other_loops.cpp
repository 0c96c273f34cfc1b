#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "experiments/closed_forms/groups.h"
#include "experiments/closed_forms/replicas.h"

// Loops without a measured state: light coupled by light (g), a nonlinearity that acts on the whole signal
// [B21], and the bench's round trip of numbers (f).

namespace opoloop {
namespace {

/// Sums: first and second quadrature of the pair modes + and −: c₊², c₋², s₊², s₋², number of pairs.
ReplicaObserver quadratures_of_pairs(std::int64_t begin) {
  return [begin](std::span<double> sums) -> LoopObserver {
    return [sums, begin](const LoopObservation& seen) {
      if (seen.round < begin) return;
      const auto variables = seen.model.variables();
      for (std::size_t q = 0; q < 2; ++q) {
        const auto v = variables[q].values;
        for (std::size_t k = 0; k < v.size(); k += 2) {
          sums[2 * q] += (v[k] + v[k + 1]) * (v[k] + v[k + 1]) / 2;
          sums[2 * q + 1] += (v[k] - v[k + 1]) * (v[k] - v[k + 1]) / 2;
        }
      }
      sums[4] += static_cast<double>(variables[0].values.size()) / 2;
    };
  };
}

void add_delay_lines(const ValidationSettings& settings, std::vector<ClosedForm>& rows) {
  ClosedForms forms("other loops", rows);
  const double p = 0.3;
  const double xi = 0.35;
  const double dt = 0.05;
  LoopParameters parameters = linear_loop(ModelKind::delay_lines, p, dt, 600);
  parameters.xi = xi;
  const Replicas pairs =
      run_replicas(pulse_pairs(100, 1), parameters, settings, 5, quadratures_of_pairs(200));
  const auto in_vacua = [&](std::size_t entry) {
    return pairs.estimate([entry](std::span<const double> s) { return 4 * s[entry] / s[4] / kSmallG2; });
  };
  const std::string model = "delay-lines";
  forms.sampled("two pulses: 4⟨c₊²⟩/g² = 1/(1 − p − ξ)", model, 2 * euler_variance(1 - p - xi, 1, dt),
                in_vacua(0));
  forms.sampled("two pulses: 4⟨c₋²⟩/g² = 1/(1 − p + ξ)", model, 2 * euler_variance(1 - p + xi, 1, dt),
                in_vacua(1));
  forms.sampled("two pulses: 4⟨s₊²⟩/g² = 1/(1 + p − ξ)", model, 2 * euler_variance(1 + p - xi, 1, dt),
                in_vacua(2));
  forms.sampled("two pulses: 4⟨s₋²⟩/g² = 1/(1 + p + ξ)", model, 2 * euler_variance(1 + p + xi, 1, dt),
                in_vacua(3));
}

/// x of pulse 0 of two coupled pulses when nothing moves any more.
double settled(const LoopParameters& parameters) {
  double x = 0;
  LoopOptions options;
  options.observer = [&](const LoopObservation& seen) { x = std::abs(seen.model.amplitude()[0]); };
  run_loop(pulse_pairs(2, 1), parameters, options);
  return x;
}

void add_bounded(std::vector<ClosedForm>& rows) {
  ClosedForms forms("other loops", rows);
  const double p = 0.9;
  const double xi = 0.4;
  LoopParameters parameters = linear_loop(ModelKind::bounded, p, 0.2, 4000);
  parameters.xi = xi;
  parameters.cavity_noise = 0;
  parameters.start_sd = 1e-2;
  const std::pair<Nonlinearity, std::function<double(double)>> functions[] = {
      {Nonlinearity::tanh, [](double u) { return std::tanh(u); }},
      {Nonlinearity::sine, [](double u) { return std::sin(2 * u) / 2; }},
      {Nonlinearity::clipped, [](double u) { return std::min(u, 0.4); }},
      {Nonlinearity::cubic, [](double u) { return u - u * u * u; }},
  };
  for (const auto& [kind, f] : functions) {
    parameters.nonlinearity = kind;
    // The positive root of f((p + ξ) x) = x, by bisection below the largest x that f can give.
    double low = 1e-3;
    double high = 1;
    for (int k = 0; k < 200; ++k) {
      const double x = (low + high) / 2;
      (f((p + xi) * x) > x ? low : high) = x;
    }
    forms.bounded(fmt::format("two pulses: x = f((p + ξ) x), f = {}", name_of(kind)), "bounded", low,
                  settled(parameters), 1e-12);
  }
}

void add_bench_loop(const ValidationSettings& settings, std::vector<ClosedForm>& rows) {
  ClosedForms forms("other loops", rows);
  const double dt = 0.3;
  const double xi = 0.3;
  LoopParameters parameters = linear_loop(ModelKind::phenomenological, 1.5, dt, 400);
  parameters.cavity_noise = 0;
  parameters.record_noise = 0;
  parameters.start_sd = 0.1;
  parameters.xi = 0;
  // x = A G(x): 1 + x² (e^{2p dt} − 1)/p = e^{2(p−1) dt}.
  forms.bounded("x = A G(x), p = 1.5", "phenomenological",
                std::sqrt(std::expm1(2 * 0.5 * dt) * 1.5 / std::expm1(2 * 1.5 * dt)), settled(parameters),
                1e-13);

  // Below threshold y± = x₀ ± x₁ is y ← (A ± dt ξ) e^{p dt} y + r₁ ± dt ξ r₃.
  const double p = 0.2;
  const double r1 = 1e-5;
  const double r3 = 3e-5;
  parameters.pump = p;
  parameters.start_sd = 0;
  parameters.xi = xi;
  parameters.cavity_noise = r1;
  parameters.record_noise = r3;
  const Replicas pairs =
      run_replicas(pulse_pairs(200, 1), parameters, settings, 3, [](std::span<double> sums) -> LoopObserver {
        return [sums](const LoopObservation& seen) {
          if (seen.round < 60) return;
          const auto x = seen.model.amplitude();
          for (std::size_t k = 0; k < x.size(); k += 2) {
            sums[0] += (x[k] + x[k + 1]) * (x[k] + x[k + 1]) / 2;
            sums[1] += (x[k] - x[k + 1]) * (x[k] - x[k + 1]) / 2;
            sums[2] += 1;
          }
        };
      });
  for (const int sign : {1, -1}) {
    const double factor = (std::exp(-dt) + sign * dt * xi) * std::exp(p * dt);
    const double noise = r1 * r1 + dt * xi * dt * xi * r3 * r3;
    forms.sampled(
        fmt::format("two pulses: Var y{}/r₁² = (1 + (dt ξ r₃/r₁)²)/(1 − (A {} dt ξ)² e^{{2p dt}})",
                    sign > 0 ? "₊" : "₋", sign > 0 ? "+" : "−"),
        "phenomenological", noise / (1 - factor * factor) / (r1 * r1),
        pairs.estimate([&](std::span<const double> s) { return s[sign > 0 ? 0 : 1] / s[2] / (r1 * r1); }));
  }
}

}  // namespace

void add_other_loops(const ValidationSettings& settings, std::vector<ClosedForm>& rows) {
  add_delay_lines(settings, rows);
  add_bounded(rows);
  add_bench_loop(settings, rows);
}

}  // namespace opoloop
