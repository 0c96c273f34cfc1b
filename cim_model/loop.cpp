#include "cim_model/loop.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cim_model/electronics.h"
#include "core/error.h"

namespace opoloop {
namespace {

/// Σ_j J_ij x_j, row by row of the upper triangle.
void couple(const IsingModel& problem, std::span<const double> x, std::span<double> field) {
  std::fill(field.begin(), field.end(), 0.0);
  for (std::int32_t i = 0; i < problem.size(); ++i) {
    const auto columns = problem.columns(i);
    const auto couplings = problem.couplings(i);
    const auto row = static_cast<std::size_t>(i);
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const auto column = static_cast<std::size_t>(columns[k]);
      field[row] += couplings[k] * x[column];
      field[column] += couplings[k] * x[row];
    }
  }
}

/// h enters as a coupling to a pulse whose amplitude is that of the others: the mean |x̃|, or √α
/// [docs/physics.md eq. F8].
void add_field_term(const IsingModel& problem, const LoopParameters& parameters, std::int64_t round,
                    std::span<const double> measured, std::span<double> field) {
  double scale = 0;
  if (parameters.field_mode == FieldMode::sqrt_alpha) {
    scale = held_amplitude(parameters, parameters.alpha.at(round, parameters.rounds));
  } else {
    for (const double x : measured) scale += std::abs(x);
    scale /= static_cast<double>(measured.size());
  }
  for (std::size_t i = 0; i < field.size(); ++i) field[i] += problem.field()[i] * scale;
}

/// σ_i = −1 where the sign bit is set, +1 elsewhere, +0 and −0 told apart: the engine reads the same bit.
void read_spins(std::span<const double> amplitude, std::vector<std::int8_t>& spins) {
  for (std::size_t i = 0; i < amplitude.size(); ++i) spins[i] = std::signbit(amplitude[i]) ? -1 : 1;
}

bool all_finite(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

double clamp_bound(const LoopParameters& parameters, std::int64_t round) {
  if (parameters.amplitude_clamp > 0) return parameters.amplitude_clamp;
  if (parameters.clamp_over_sqrt_alpha > 0) {
    return parameters.clamp_over_sqrt_alpha * std::sqrt(parameters.alpha.at(round, parameters.rounds));
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace

TrajectoryResult run_loop(const IsingModel& problem, const LoopParameters& parameters,
                          const LoopOptions& options) {
  parameters.validate();
  const auto model = make_pulse_model(parameters, problem);
  const auto law = make_feedback_law(parameters, coupling_strength(problem, parameters));
  return run_loop(problem, parameters, *model, *law, options);
}

TrajectoryResult run_loop(const IsingModel& problem, const LoopParameters& parameters, PulseModel& model,
                          FeedbackLaw& law, const LoopOptions& options) {
  parameters.validate();
  const bool has_field = problem.has_field();
  if (has_field && parameters.field_mode == FieldMode::ancilla) {
    throw InputError(
        "field_mode = ancilla: the problem still has a field, extend it with with_ancilla() first");
  }
  const auto n = static_cast<std::size_t>(problem.size());
  if (model.size() != problem.size()) throw InputError("the pulse model and the problem differ in size");

  std::vector<double> measured(n);
  std::vector<double> field(n);
  std::vector<double> answer(n);
  std::vector<double> pumps(n);
  std::vector<std::int8_t> spins(n);
  double energy = 0;  // of `spins`: the same sum again only after a flip
  Electronics electronics(parameters, problem.size());
  TrajectoryResult result;
  result.trajectory = options.trajectory;

  model.start(options.seed, options.trajectory);
  law.start(problem.size());
  electronics.start(options.seed, options.trajectory);
  for (std::int64_t k = 0;; ++k) {
    if (!all_finite(model.amplitude())) {
      result.diverged = true;
      break;
    }
    result.rounds = k;
    const double pump = parameters.pump.at(k, parameters.rounds);

    electronics.pump(k, pump, pumps);
    model.measure(k, pumps, measured);
    electronics.measure(k, measured);
    const std::span<const double> amplitude = electronics.visible(model.amplitude());
    read_spins(parameters.read_record ? std::span<const double>(measured) : amplitude, spins);
    if (spins != result.spins_final) {
      energy = problem.energy(spins);
      result.spins_final = spins;
    }
    result.energy_final = energy;
    if (k == 0 || energy < result.energy_best) {
      result.energy_best = energy;
      result.round_best = k;
      result.spins_best = spins;
    }
    const bool last =
        k == parameters.rounds || (options.stop != nullptr && options.stop->load(std::memory_order_relaxed));
    if (!last) {
      if (law.needs_field()) {
        couple(problem, measured, field);
        if (has_field) add_field_term(problem, parameters, k, measured, field);
      }
      law.inject({k, measured, field, energy, problem.offset()}, answer);
      electronics.feed_back(answer);
    }
    if (options.observer) {
      options.observer({k, static_cast<double>(k) * parameters.dt, pump, model, amplitude, measured,
                        last ? std::span<const double>() : electronics.injection(), law.error(), energy});
    }
    if (last) break;

    model.advance(k, {pumps, electronics.injection(), electronics.quadrature()});
    model.clamp(clamp_bound(parameters, k));
    law.advanced(k, electronics.visible(model.amplitude()));
  }
  result.clipping = electronics.counts();
  return result;
}

}  // namespace opoloop
