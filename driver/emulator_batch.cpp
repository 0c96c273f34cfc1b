// EmulatorDevice::run_batch: many small problems side by side. A problem is one item of the outer loop, a
// thread owns it from packing to answer, and its trajectories fill one tile of 16, whose couplings are
// applied by structure (hamiltonian/qama/qama_coupling.h) and stay in the cache of the core.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>
#include <utility>

#include "cim_model/ensemble.h"
#include "cim_model/feedback_law.h"
#include "core/error.h"
#include "driver/adapt.h"
#include "driver/batch.h"
#include "driver/emulator_device.h"
#include "driver/emulator_parameters.h"
#include "hamiltonian/qama/qama_coupling.h"

namespace opoloop {
namespace {

// Budget of one problem where nobody says: one tile of trajectories, the short setting of chaotic amplitude
// control with a narrower ramp of the pump, and the fewer round trips the more a round trip costs
// (docs/qama.md has what it buys). All constants were tuned here on random problems and on freshly
// initialised layers of 16 … 512 tokens, H = 1 and 8.
constexpr int kBatchRuns = 16;
constexpr const char* kBatchPreset = "sk-cac-short";
constexpr const char* kBatchPump = "-1.2:0.95@0.9";
constexpr double kBatchDt = 0.16;
std::int64_t batch_rounds(int spins) {
  return std::clamp<std::int64_t>(18000 / spins, 46, 400);
}
constexpr int kPowerSteps = 12;

/// The time step and how many more round trips than batch_rounds() it takes.
struct BatchStep {
  double dt;
  double stretch;
};
/// The penalty between heads grows as N and the couplings' sums as √N: beyond some 72 tokens the ramp needs
/// finer steps to tell them apart. And a mode far below zero must not ring (rate = 1 + ξ|λ_min|).
BatchStep batch_step(int tokens, double rate) {
  const double stretch = std::max(1.0, std::sqrt(tokens / 72.0));
  const double wanted = std::min(kBatchDt, 0.25 / stretch);
  const double dt = std::min(wanted, 2 / rate);
  return {dt, stretch * wanted / dt};
}

/// About −λ_min of J where that is its largest eigenvalue by size, else less: power iteration from a fixed
/// state. What a time step of the loop has to follow (cim_model/presets.h).
double most_negative_eigenvalue(const Coupling& J, double shift) {
  const auto n = static_cast<std::size_t>(J.size());
  kernels::AlignedArray<float> x(n + 16), y(n + 16);
  for (std::size_t i = 0; i < n; ++i) x[i] = (i * 2654435761U >> 7 & 1U) != 0 ? 1.0F : -0.5F;
  double norm = 0;
  for (int step = 0; step < kPowerSteps; ++step) {
    J.apply_one(x.data(), y.data(), nullptr);
    norm = 0;
    double size = 0;
    for (std::size_t i = 0; i < n; ++i) {
      size += static_cast<double>(x[i] * x[i]);
      y[i] = static_cast<float>(shift) * x[i] - y[i];
      norm += static_cast<double>(y[i] * y[i]);
    }
    norm = std::sqrt(norm / size);
    if (!(norm > 0)) return 0;
    for (std::size_t i = 0; i < n; ++i) x[i] = y[i] / static_cast<float>(norm);
  }
  return std::max(0.0, norm - shift);
}

}  // namespace

BatchResult EmulatorDevice::run_batch(std::span<const QamaProblem> problems, const JobSettings& given) {
  for (const QamaProblem& problem : problems) require_spins(capabilities(), problem, uri());
  JobSettings settings = merged(given);
  std::map<std::string, std::string>& chosen = settings.parameters;
  chosen.insert(defaults_.begin(), defaults_.end());
  const bool own_dt = chosen.contains("dt");
  const bool own_preset = chosen.contains("preset") || chosen.contains("law") || chosen.contains("model");
  if (!own_preset) {
    chosen["preset"] = kBatchPreset;
    // The mean amplitude, not an ancilla: the couplings then keep their structure.
    chosen.insert({"field_mode", "mean-amplitude"});
    chosen.insert({"pump", kBatchPump});
  }
  const int runs = settings.runs.value_or(kBatchRuns);
  if (runs < 1) throw_parameter_error("runs", runs, "at least 1");
  Capabilities can = capabilities();
  can.coupling_bits = coupling_bits(chosen, can.coupling_bits);
  const CouplingStorage storage = coupling_storage(chosen);
  BatchResult details;
  std::mutex details_mutex;
  std::size_t described = problems.size();

  const auto solve = [&](std::size_t p) {
    auto problem = std::make_shared<Problem>();
    problem->ising = problems[p].to_dense();
    const AdaptedProblem adapted = adapt(problem, can);
    const bool structured = adapted.problem == problem;
    LoopParameters parameters = emulator_parameters(chosen, adapted.problem->ising, own_preset);
    IsingModel extended;
    const bool ancilla = adapted.problem->ising.has_field() && parameters.field_mode == FieldMode::ancilla;
    if (ancilla) extended = with_ancilla(adapted.problem->ising);
    const IsingModel& model = ancilla ? extended : adapted.problem->ising;
    const std::unique_ptr<Coupling> coupling = structured && !ancilla && storage == CouplingStorage::automatic
                                                   ? std::make_unique<QamaCoupling>(problems[p])
                                                   : make_coupling(model, storage);
    if (!own_preset) {
      double stretch = 1;
      if (!own_dt) {
        const double xi = coupling_strength(model, parameters);
        const double rate = 1 + xi * most_negative_eigenvalue(*coupling, 0.5 / xi);
        const BatchStep step = batch_step(problems[p].live(), rate);
        parameters.dt = step.dt;
        stretch = step.stretch;
      }
      // Shorter steps, more of them: the ramp takes the same time.
      parameters.rounds = static_cast<std::int64_t>(
          std::ceil(static_cast<double>(batch_rounds(problems[p].spins())) * stretch));
    }
    if (settings.steps) parameters.rounds = *settings.steps;
    parameters.validate();
    require_dead_pulses_exist(parameters.imperfections, model.size());
    EngineOptions options;
    options.seed = settings.seed;
    options.first_trajectory = static_cast<std::uint32_t>(p) * static_cast<std::uint32_t>(runs);
    options.trajectories = runs;
    options.threads = 1;
    const std::vector<TrajectoryResult> trajectories = run_ensemble(model, *coupling, parameters, options);
    BatchAnswer best;
    double lowest = 0;
    for (const TrajectoryResult& t : trajectories) {
      if (!best.spins.empty() && !(t.energy_best < lowest)) continue;
      lowest = t.energy_best;
      best.spins = ancilla ? drop_ancilla(t.spins_best) : t.spins_best;
    }
    if (adapted.ancilla) best.spins = drop_ancilla(best.spins);
    best.energy = problems[p].energy(best.spins);
    const std::lock_guard lock(details_mutex);
    details.steps = std::max(details.steps, parameters.rounds);
    if (p < described) {  // those of the first problem that has spins
      described = p;
      details.parameters = describe(parameters);
      details.adaptations = adapted.adaptations;
    }
    return best;
  };
  BatchResult result = gather_batch(problems, settings.threads, solve);
  result.runs = runs;
  result.steps = details.steps;
  result.parameters = std::move(details.parameters);
  result.adaptations = std::move(details.adaptations);
  return result;
}

}  // namespace opoloop
