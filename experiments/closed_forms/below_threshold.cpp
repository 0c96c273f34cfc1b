#include <cmath>

#include "experiments/closed_forms/groups.h"
#include "experiments/closed_forms/replicas.h"

// Solitary pulses below threshold: Gaussian fluctuations, the in-phase quadrature growing and the other
// squeezed as the pump rises [W13, M16]:  ⟨c²⟩ = g²/4(1−p),  ⟨s²⟩ = g²/4(1+p).

namespace opoloop {
namespace {

/// Σ of squares of both quadratures of a model with variables c and s.
Replicas quadratures(const ValidationSettings& settings, double pump, double dt) {
  const auto relax = static_cast<std::int64_t>(5 / ((1 - pump) * dt));
  return run_replicas(uncoupled_pulses(200), linear_loop(ModelKind::truncated_wigner, pump, dt, 6 * relax),
                      settings, 3, [relax](std::span<double> sums) -> LoopObserver {
                        return [sums, relax](const LoopObservation& seen) {
                          if (seen.round < relax || seen.round % 8 != 0) return;
                          const auto variables = seen.model.variables();
                          for (const double c : variables[0].values) sums[0] += c * c;
                          for (const double s : variables[1].values) sums[1] += s * s;
                          sums[2] += static_cast<double>(variables[0].values.size());
                        };
                      });
}

}  // namespace

void add_below_threshold(const ValidationSettings& settings, std::vector<ClosedForm>& rows) {
  ClosedForms forms("below threshold", rows);
  // In units of the vacuum, g²/4, and with the Euler step's factor 1/(1 − a dt/2). The vacuum's own noise
  // g² (c² + s²) adds a relative g².
  for (const double p : {0.0, 0.5, 0.9}) {
    const double dt = 0.05;
    const Replicas replicas = quadratures(settings, p, dt);
    const auto in_vacua = [&](std::size_t entry) {
      return replicas.estimate([entry](std::span<const double> s) { return 4 * s[entry] / s[2] / kSmallG2; });
    };
    const std::string at = p == 0 ? ", p = 0" : p == 0.5 ? ", p = 0.5" : ", p = 0.9";
    forms.sampled("4⟨c²⟩/g² = 1/(1 − p)" + at, "truncated-wigner", 2 * euler_variance(1 - p, 1, dt),
                  in_vacua(0));
    forms.sampled("4⟨s²⟩/g² = 1/(1 + p)" + at, "truncated-wigner", 2 * euler_variance(1 + p, 1, dt),
                  in_vacua(1));
  }
}

}  // namespace opoloop
