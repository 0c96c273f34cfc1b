#include <cmath>

#include "cim_model/models/discrete_optics.h"
#include "cim_model/models/positive_p.h"
#include "experiments/closed_forms/groups.h"
#include "experiments/closed_forms/replicas.h"

// The models that know more about the light: positive-P (c), the extended moments of (d) [I22], and the round
// trip optics by the part (e) [N22]. Below threshold all of them have closed forms.

namespace opoloop {
namespace {

/// Sums: X² and Y² of (c), number.
void add_positive_p(const ValidationSettings& settings, ClosedForms& forms) {
  const double p = 0.5;
  const double dt = 0.05;
  const Replicas replicas = run_replicas(uncoupled_pulses(50), linear_loop(ModelKind::positive_p, p, dt, 800),
                                         settings, 3, [](std::span<double> sums) -> LoopObserver {
                                           return [sums](const LoopObservation& seen) {
                                             if (seen.round < 200 || seen.round % 8 != 0) return;
                                             const auto v = seen.model.variables();
                                             for (std::size_t i = 0; i < v[0].values.size(); ++i) {
                                               const NormallyOrdered m =
                                                   normally_ordered({v[0].values[i], v[1].values[i]},
                                                                    {v[2].values[i], v[3].values[i]});
                                               sums[0] += m.x2;
                                               sums[1] += m.y2;
                                               sums[2] += 1;
                                             }
                                           };
                                         });
  // The Euler step's factor belongs to the normally ordered part alone: the vacuum's ¼ is exact.
  const auto predicted = [&](double gain) { return 1 + gain / (1 - gain) / (1 - (1 - gain) * dt / 2); };
  forms.sampled("4⟨X²⟩ = 1/(1 − p), p = 0.5", "positive-p", predicted(p),
                replicas.estimate([](std::span<const double> s) { return 4 * s[0] / s[2]; }));
  forms.sampled("4⟨Y²⟩ = 1/(1 + p), p = 0.5", "positive-p", predicted(-p),
                replicas.estimate([](std::span<const double> s) { return 4 * s[1] / s[2]; }));
}

/// Sums: square of the mean, first and second variance-like variable, number.
ReplicaObserver mean_and_variances(std::int64_t begin) {
  return [begin](std::span<double> sums) -> LoopObserver {
    return [sums, begin](const LoopObservation& seen) {
      if (seen.round < begin || seen.round % 8 != 0) return;
      const auto v = seen.model.variables();
      for (std::size_t i = 0; i < v[0].values.size(); ++i) {
        sums[0] += v[0].values[i] * v[0].values[i];
        sums[1] += v[1].values[i];
        sums[2] += v[2].values[i];
        sums[3] += 1;
      }
    };
  };
}

void add_extended_moments(const ValidationSettings& settings, ClosedForms& forms) {
  const double p = 0.5;
  const double j = 1;
  const double dt = 0.05;
  LoopParameters parameters = linear_loop(ModelKind::gaussian_moments, p, dt, 800);
  parameters.measured_loss = j;
  const Replicas replicas =
      run_replicas(uncoupled_pulses(50), parameters, settings, 4, mean_and_variances(400));
  forms.bounded(
      "n + m = (−a + √(a² + 2jp))/2j, p = 0.5, j = 1", "gaussian-moments", steady_excess_variance(p, j),
      replicas.estimate([](std::span<const double> s) { return (s[1] + s[2]) / s[3]; }).value, 10 * kSmallG2);
  forms.bounded("V_p = (1+j)/2(1+j+p), p = 0.5, j = 1", "gaussian-moments", (1 + j) / (2 * (1 + j + p)),
                replicas.estimate([](std::span<const double> s) { return (s[1] - s[2]) / s[3] + 0.5; }).value,
                10 * kSmallG2);
  forms.sampled("V + 2 Var μ = (1+j)/2(1+j−p), p = 0.5, j = 1", "gaussian-moments",
                (1 + j) / (2 * (1 + j - p)), replicas.estimate([&](std::span<const double> s) {
                  return (s[1] + s[2]) / s[3] + 0.5 + 2 * s[0] / s[3] * (1 - (1 + j - p) * dt / 2);
                }));
}

void add_discrete(const ValidationSettings& settings, ClosedForms& forms) {
  const double p = 0.5;
  const double j = 1;
  const double dt = 0.2;
  LoopParameters parameters = linear_loop(ModelKind::discrete, p, dt, 400);
  parameters.measured_loss = j;
  parameters.substeps = 4;
  // A ring nobody looks at: V ← losses, gain e^{2 p dt}, loss, linear in V and solved without approximation.
  const DiscreteOptics o = DiscreteOptics::of(parameters);
  const auto trip = [&](double V) {
    V = (1 - o.facet_loss) * ((1 - o.out_coupling) * V + o.out_coupling / 2) + o.facet_loss / 2;
    return (1 - o.facet_loss) * std::exp(2 * p * dt) * V + o.facet_loss / 2;
  };
  const Replicas replicas =
      run_replicas(uncoupled_pulses(50), parameters, settings, 4, mean_and_variances(100));
  forms.sampled("V + Var q of the unmeasured ring, 2.5 trips a lifetime", "discrete",
                trip(0) / (1 - (trip(1) - trip(0))),
                replicas.estimate([](std::span<const double> s) { return (s[1] + s[0]) / s[3]; }));

  // x grows by e^{(p − 1 − j) dt} a trip: threshold at 1 + j. x = 1e-4 loses x² dt, quantum noise adds 1e-6.
  for (const double pump : {1.5, 2.0, 2.5}) {
    LoopParameters quiet = parameters;
    quiet.g2 = 1e-20;
    DiscreteRing ring(quiet, 1);
    ring.start(settings.seed, 0);
    const std::vector<double> pumps{pump};
    const std::vector<double> kick{1e-4 / dt};
    const std::vector<double> none{0.0};
    ring.advance(0, {pumps, kick, {}});
    const double before = ring.amplitude()[0];
    for (int k = 1; k <= 5; ++k) ring.advance(k, {pumps, none, {}});
    forms.bounded("growth rate p − 1 − j, p = " + std::string(pump < 2   ? "1.5"
                                                              : pump > 2 ? "2.5"
                                                                         : "2"),
                  "discrete", pump - 1 - j, std::log(ring.amplitude()[0] / before) / (5 * dt), 1e-4);
  }
}

/// Conditional V_q and V_p of the discrete loop in its steady state below threshold, where nothing is random.
struct Conditional {
  double v_q = 0;
  double v_p = 0;
};
Conditional steady_variances(double pump, double j, double dt) {
  LoopParameters parameters =
      linear_loop(ModelKind::discrete, pump, dt, static_cast<std::int64_t>(std::lround(20 / dt)));
  parameters.measured_loss = j;
  parameters.substeps = 4;
  Conditional state;
  LoopOptions options;
  options.observer = [&](const LoopObservation& seen) {
    state.v_q = seen.model.variables()[1].values[0];
    state.v_p = seen.model.variables()[2].values[0];
  };
  run_loop(uncoupled_pulses(1), parameters, options);
  return state;
}

/// (e) → (d): the limit of a long photon lifetime, by Richardson's extrapolation from dt and dt/2. It is as
/// far from the truth as it moved from the extrapolation before, at most.
template <class Value>
void add_limit(ClosedForms& forms, const std::string& quantity, double predicted, Value&& value) {
  const double at[] = {value(0.04), value(0.02), value(0.01)};
  const double coarse = 2 * at[1] - at[0];
  const double fine = 2 * at[2] - at[1];
  forms.bounded(quantity, "discrete", predicted, fine, std::abs(fine - coarse));
}

void add_continuous_limit(ClosedForms& forms) {
  const double p = 0.8;
  const double j = 1;
  add_limit(forms, "T_decay → ∞: V = ½ + (−a + √(a² + 2jp))/2j, p = 0.8, j = 1",
            0.5 + steady_excess_variance(p, j), [&](double dt) { return steady_variances(p, j, dt).v_q; });
  add_limit(forms, "T_decay → ∞: V_p = (1+j)/2(1+j+p), p = 0.8, j = 1", (1 + j) / (2 * (1 + j + p)),
            [&](double dt) { return steady_variances(p, j, dt).v_p; });
}

}  // namespace

void add_optics(const ValidationSettings& settings, std::vector<ClosedForm>& rows) {
  ClosedForms forms("optics", rows);
  add_positive_p(settings, forms);
  add_extended_moments(settings, forms);
  add_discrete(settings, forms);
  add_continuous_limit(forms);
}

}  // namespace opoloop
