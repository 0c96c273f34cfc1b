#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "experiments/closed_forms/groups.h"
#include "experiments/closed_forms/replicas.h"

// Pulses that see each other below threshold: correlations of pairs and of a ring, and the ring's kinks after
// a quench [W13; derivations in docs/physics.md].

namespace opoloop {
namespace {

/// Sums per pair: Σ (x₀+x₁)²/2, Σ (x₀−x₁)²/2, number.
ReplicaObserver pair_modes(std::int64_t begin) {
  return [begin](std::span<double> sums) -> LoopObserver {
    return [sums, begin](const LoopObservation& seen) {
      if (seen.round < begin) return;
      const auto x = seen.model.amplitude();
      for (std::size_t k = 0; k < x.size(); k += 2) {
        sums[0] += (x[k] + x[k + 1]) * (x[k] + x[k + 1]) / 2;
        sums[1] += (x[k] - x[k + 1]) * (x[k] - x[k + 1]) / 2;
        sums[2] += 1;
      }
    };
  };
}

void add_pairs(const ValidationSettings& settings, std::vector<ClosedForm>& rows) {
  ClosedForms forms("coupled pulses", rows);
  const double dt = 0.05;
  const double xi = 0.35;
  for (const double J : {1.0, -1.0}) {
    const std::string kind = J > 0 ? ", J = +1" : ", J = −1";
    const double p = 0.3;
    LoopParameters wigner = linear_loop(ModelKind::truncated_wigner, p, dt, 1000);
    wigner.xi = xi;
    const Replicas pairs = run_replicas(pulse_pairs(200, J), wigner, settings, 3, pair_modes(200));
    const double slow = euler_variance(1 - p - xi, 1, dt);
    const double fast = euler_variance(1 - p + xi, 1, dt);
    forms.sampled("two pulses: correlation ξJ/(1 − p)" + kind, "truncated-wigner",
                  J * (slow - fast) / (slow + fast),
                  pairs.estimate([](std::span<const double> s) { return (s[0] - s[1]) / (s[0] + s[1]); }));

    // Measured feedback: modes of dμ = (−a + KP) μ dt + (√j u + KP/2√j) dW, P swaps the two: the 2 × 2
    // Lyapunov equation is diagonal in μ₀ ± μ₁.
    const double pump = 1;
    const double j = 1;
    const double a = 1 - pump + j;
    LoopParameters gaussian = linear_loop(ModelKind::gaussian, pump, dt, 1000);
    gaussian.measured_loss = j;
    gaussian.xi = xi;
    const Replicas fed = run_replicas(pulse_pairs(200, J), gaussian, settings, 3, pair_modes(200));
    const double back = std::sqrt(j) * steady_excess_variance(pump, j);
    const double K = xi * J;
    for (const int sign : {1, -1}) {
      const std::size_t entry = sign > 0 ? 0 : 1;
      forms.sampled(
          fmt::format("two pulses: Var(μ₀ {} μ₁)/√2 of the Lyapunov equation{}", sign > 0 ? "+" : "−", kind),
          "gaussian", euler_variance(a - sign * K, back + sign * K / (2 * std::sqrt(j)), dt),
          fed.estimate([entry](std::span<const double> s) { return s[entry] / s[2] / kSmallG2; }));
    }
  }
}

void add_ring(const ValidationSettings& settings, std::vector<ClosedForm>& rows) {
  ClosedForms forms("coupled pulses", rows);
  const double p = 0.1;
  const double xi = 0.35;
  const double dt = 0.05;
  const int n = 256;
  LoopParameters parameters = linear_loop(ModelKind::truncated_wigner, p, dt, 3000);
  parameters.xi = xi;
  const Replicas ring =
      run_replicas(pulse_ring(n, 1), parameters, settings, 6, [](std::span<double> sums) -> LoopObserver {
        return [sums](const LoopObservation& seen) {
          if (seen.round < 600 || seen.round % 20 != 0)
            return;  // the slowest mode relaxes in 1/0.2 dt = 100 rounds
          const auto x = seen.model.amplitude();
          for (std::size_t i = 0; i < x.size(); ++i) {
            for (std::size_t lag = 0; lag < 4; ++lag) sums[lag] += x[i] * x[(i + lag) % x.size()];
            if (x[i] * x[(i + 1) % x.size()] < 0) sums[4] += 1;
          }
          sums[5] += static_cast<double>(x.size());
        };
      });
  // Mode k decays at A − 2ξ cos k; the Euler step's factor is that mode's own. For dt → 0 and n → ∞ the sum
  // is rⁿ, r = (A − √(A² − 4ξ²))/2ξ.
  const double A = 1 - p;
  const auto expected = [&](std::size_t lag) {
    double c = 0;
    double c0 = 0;
    for (int k = 0; k < n; ++k) {
      const double angle = 2 * std::numbers::pi * k / n;
      const double power = euler_variance(A - 2 * xi * std::cos(angle), 1, dt);
      c += power * std::cos(angle * static_cast<double>(lag));
      c0 += power;
    }
    return c / c0;
  };
  for (std::size_t lag = 1; lag < 4; ++lag) {
    forms.sampled(fmt::format("ring: C_{0} = r^{0}, r = (A − √(A²−4ξ²))/2ξ", lag), "truncated-wigner",
                  expected(lag), ring.estimate([lag](std::span<const double> s) { return s[lag] / s[0]; }));
  }
  forms.sampled("ring: defects (1/π) arccos C₁", "truncated-wigner",
                std::acos(expected(1)) / std::numbers::pi,
                ring.estimate([](std::span<const double> s) { return s[4] / s[5]; }));

  // Quench: white noise at t = 0, then amplification by Euler steps: mode k is multiplied by
  // 1 + (p − 1 + 2ξ cos k) dt each round; e^{4ξt cos k} in the limit, whose transform is I_n(4ξt)/I_0(4ξt).
  LoopParameters quench = linear_loop(ModelKind::mean_field, 1.2, 0.02, 200);
  quench.xi = 0.5;
  quench.start_sd = 1e-9;
  const Replicas quenched =
      run_replicas(pulse_ring(n, 1), quench, settings, 3, [](std::span<double> sums) -> LoopObserver {
        return [sums](const LoopObservation& seen) {
          if (seen.round != 200) return;
          const auto x = seen.model.amplitude();
          for (std::size_t i = 0; i < x.size(); ++i) {
            for (std::size_t lag = 0; lag < 3; ++lag) sums[lag] += x[i] * x[(i + lag) % x.size()];
          }
        };
      });
  for (std::size_t lag = 1; lag < 3; ++lag) {
    double c = 0;
    double c0 = 0;
    for (int k = 0; k < n; ++k) {
      const double angle = 2 * std::numbers::pi * k / n;
      const double power = std::pow(1 + (0.2 + std::cos(angle)) * 0.02, 400);
      c += power * std::cos(angle * static_cast<double>(lag));
      c0 += power;
    }
    forms.sampled(fmt::format("quenched ring: C_{0} = I_{0}(4ξt)/I_0(4ξt), ξt = 2", lag), "mean-field",
                  c / c0, quenched.estimate([lag](std::span<const double> s) { return s[lag] / s[0]; }));
  }
}

}  // namespace

void add_coupled_pulses(const ValidationSettings& settings, std::vector<ClosedForm>& rows) {
  add_pairs(settings, rows);
  add_ring(settings, rows);
}

}  // namespace opoloop
