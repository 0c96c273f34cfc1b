#include <cmath>

#include "experiments/closed_forms/groups.h"
#include "experiments/closed_forms/replicas.h"
#include "hamiltonian/generators.h"

// Above threshold: amplitude c² = p − 1 plus what the neighbours inject, small fluctuations around it that
// relax at 2(p − 1) in amplitude and 2p in the other quadrature [W13].

namespace opoloop {
namespace {

double settled_square(const IsingModel& problem, double pump, double xi) {
  LoopParameters parameters = linear_loop(ModelKind::mean_field, pump, 0.05, 4000);
  parameters.stepper = Stepper::runge_kutta4;
  parameters.xi = xi;
  parameters.start_sd = 1e-3;
  double square = 0;
  LoopOptions options;
  options.observer = [&](const LoopObservation& seen) {
    const double x = seen.model.amplitude()[0];
    square = x * x;
  };
  run_loop(problem, parameters, options);
  return square;
}

}  // namespace

void add_above_threshold(const ValidationSettings& settings, std::vector<ClosedForm>& rows) {
  ClosedForms forms("above threshold", rows);
  // The fixed point of Runge–Kutta is that of the equation; it is reached to rounding.
  const double rounding = 64 * 0x1p-53;
  forms.bounded("x² = p − 1, p = 1.6", "mean-field", 0.6, settled_square(uncoupled_pulses(1), 1.6, 0),
                rounding);
  forms.bounded("x² = p − 1 + ξ, two pulses", "mean-field", 0.2 + 0.3,
                settled_square(pulse_pairs(2, 1), 1.2, 0.3), rounding);
  forms.bounded("x² = p − 1 + ξ, two pulses, antiferromagnet", "mean-field", 0.2 + 0.3,
                settled_square(pulse_pairs(2, -1), 1.2, 0.3), rounding);
  forms.bounded("x² = p − 1 + 3ξ, cube", "mean-field", 0.2 + 0.6,
                settled_square(ferromagnetic_cube(), 1.2, 0.2), rounding);

  const double p = 1.8;
  const double dt = 0.02;
  const double g2 = 1e-4;
  LoopParameters parameters = linear_loop(ModelKind::truncated_wigner, p, dt, 3000);
  parameters.g2 = g2;
  // Sums of |c|, c², s², the same one round apart, and their number.
  const Replicas replicas = run_replicas(
      uncoupled_pulses(100), parameters, settings, 7, [](std::span<double> sums) -> LoopObserver {
        return [sums, c = std::vector<double>(),
                s = std::vector<double>()](const LoopObservation& seen) mutable {
          const auto variables = seen.model.variables();
          if (seen.round < 1500) return;  // vacuum grows to saturation in ln(1/g)/(p − 1) = 9 time units
          for (std::size_t i = 0; i < c.size(); ++i) {
            // A pulse never changes its sign up here: the barrier is 1/g² high.
            const double d = std::abs(variables[0].values[i]) - std::sqrt(0.8);
            const double before = std::abs(c[i]) - std::sqrt(0.8);
            sums[0] += d;
            sums[1] += d * d;
            sums[2] += d * before;
            sums[3] += variables[1].values[i] * variables[1].values[i];
            sums[4] += variables[1].values[i] * s[i];
            sums[5] += 1;
          }
          c.assign(variables[0].values.begin(), variables[0].values.end());
          s.assign(variables[1].values.begin(), variables[1].values.end());
        };
      });
  const double v_c = g2 * (p - 0.5) / (4 * (p - 1));
  const double v_s = g2 / 4 * (1 - 1 / (2 * p));
  // ⟨dc/dt⟩ = 0 to second order in the fluctuations: c̄ = √(p−1) − (3⟨δc²⟩ + ⟨s²⟩)/2√(p−1).
  forms.sampled("(⟨c⟩ − √(p−1))/g² = −(3⟨δc²⟩ + ⟨s²⟩)/2g²√(p−1), p = 1.8", "truncated-wigner",
                -(3 * v_c + v_s) / (2 * std::sqrt(p - 1)) / g2,
                replicas.estimate([&](std::span<const double> s) { return s[0] / s[5] / g2; }));
  forms.sampled("4⟨δc²⟩/g² = (p − ½)/(p − 1), p = 1.8", "truncated-wigner", 4 * v_c / g2 / (1 - (p - 1) * dt),
                replicas.estimate([&](std::span<const double> s) {
                  return 4 * (s[1] / s[5] - std::pow(s[0] / s[5], 2)) / g2;
                }));
  forms.sampled("4⟨s²⟩/g² = 1 − 1/2p, p = 1.8", "truncated-wigner", 4 * v_s / g2 / (1 - p * dt),
                replicas.estimate([&](std::span<const double> s) { return 4 * s[3] / s[5] / g2; }));
  forms.sampled("amplitude relaxes at 2(p − 1), p = 1.8", "truncated-wigner", 2 * (p - 1),
                replicas.estimate([&](std::span<const double> s) {
                  const double mean2 = std::pow(s[0] / s[5], 2);
                  return (1 - (s[2] / s[5] - mean2) / (s[1] / s[5] - mean2)) / dt;
                }));
  forms.sampled("quadrature relaxes at 2p, p = 1.8", "truncated-wigner", 2 * p,
                replicas.estimate([&](std::span<const double> s) { return (1 - s[4] / s[3]) / dt; }));
}

}  // namespace opoloop
