#include "experiments/problem_spectrum.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>

#include <fmt/format.h>

#include "cim_model/loop.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/threads.h"
#include "hamiltonian/extreme_eigenvalues.h"
#include "hamiltonian/spectra/machine_modes.h"

namespace opoloop {
namespace {

constexpr int kModes = 4;
constexpr int kRunPoints = 25;
constexpr double kRunLifetimes = 200;
/// Products of a run are bounded: a shorter ramp for matrices with very many couplings.
constexpr double kRunMultiplications = 2e10;

class Progress {
 public:
  explicit Progress(const SpectrumSettings& settings) : settings_(settings) {}
  void operator()(const std::string& what) {
    if (!settings_.progress) return;
    const std::lock_guard lock(mutex_);
    settings_.progress(what);
  }

 private:
  const SpectrumSettings& settings_;
  std::mutex mutex_;
};

bool stopped(const SpectrumSettings& settings) {
  return settings.stop && settings.stop();
}

LevelOptions level_options(const SpectrumSettings& settings) {
  LevelOptions options;
  options.stop = settings.stop;
  return options;
}

std::vector<ChainRow> chain_rows(const IsingModel& model, const SpectrumSettings& settings,
                                 Progress& progress) {
  std::vector<double> betas = settings.betas.empty() ? default_betas(model) : settings.betas;
  std::sort(betas.begin(), betas.end());
  std::vector<ChainRow> rows;
  for (const FlipRule rule : settings.rules) {
    for (const double beta : betas) {
      rows.emplace_back();
      rows.back().gap.rule = rule;
      rows.back().gap.beta = beta;
    }
  }
  // Side by side where the vectors are small; one after the other, sharing every product, where they are not.
  const bool small = model.size() <= 16;
  std::vector<char> done(rows.size(), 0);
  parallel_for(static_cast<std::int64_t>(rows.size()), small ? settings.threads : 1, [&](std::int64_t k) {
    if (stopped(settings)) return;
    ChainRow& row = rows[static_cast<std::size_t>(k)];
    progress(fmt::format("{} chain, beta = {:.4g}", name_of(row.gap.rule), row.gap.beta));
    ChainSettings chain;
    chain.rule = row.gap.rule;
    chain.beta = row.gap.beta;
    chain.threads = small ? 1 : settings.threads;
    chain.success = settings.success;
    chain.levels = level_options(settings);
    row.gap = chain_gap(model, chain);
    if (model.size() <= kHittingTimeMaxSpins && !stopped(settings)) {
      row.hitting = hitting_time(model, chain.rule, chain.beta, settings.stop);
    }
    done[static_cast<std::size_t>(k)] = row.gap.interrupted ? 0 : 1;
  });
  std::vector<ChainRow> kept;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    if (done[k] != 0) kept.push_back(rows[k]);
  }
  return kept;
}

/// Amplitudes of one mean-field run at a few pumps on its way up.
struct Snapshot {
  double pump;
  std::vector<double> x;
};

std::vector<Snapshot> mean_field_run(const IsingModel& model, double xi, double from, double to,
                                     const SpectrumSettings& settings, double& run_time) {
  const ExtremeEigenvalues ends = extreme_eigenvalues(model);
  // Euler has to stay stable where the pump is lowest and the saturation is strongest.
  const double fastest =
      std::abs(1 - from) + std::abs(1 - to) + 3 * xi * std::max(ends.largest, -ends.smallest) + 1;
  LoopParameters parameters;
  parameters.model = ModelKind::mean_field;
  parameters.law = LawKind::linear;
  parameters.dt = 0.2 / fastest;
  parameters.xi = xi;
  parameters.start_sd = 0.01;
  const double affordable =
      kRunMultiplications / (2.0 * static_cast<double>(model.edge_count()) + model.size()) * parameters.dt;
  run_time = std::clamp(affordable, kRunLifetimes / 10, kRunLifetimes);
  parameters.rounds = static_cast<std::int64_t>(std::ceil(run_time / parameters.dt));
  parameters.pump = Schedule::parse(fmt::format("{}:{}", from, to), "pump");
  std::vector<Snapshot> snapshots;
  std::atomic<bool> stop{false};
  LoopOptions options;
  options.stop = &stop;
  const std::int64_t last = kRunPoints - 1;
  options.observer = [&](const LoopObservation& seen) {
    if (stopped(settings)) stop = true;
    const auto next = static_cast<std::int64_t>(snapshots.size());
    if (seen.round * last < next * parameters.rounds) return;
    const auto x = seen.model.amplitude();
    snapshots.push_back({seen.pump, {x.begin(), x.end()}});
  };
  run_loop(model, parameters, options);
  return snapshots;
}

MachineSpectrum machine_spectrum(const IsingModel& problem, const SpectrumSettings& settings,
                                 Progress& progress) {
  const IsingModel model = problem.has_field() ? with_ancilla(problem) : problem;
  MachineSpectrum machine;
  progress("modes of J");
  machine.xi = coupling_normalisation(model);
  const Modes modes = coupling_modes(model, kModes, level_options(settings));
  machine.couplings = modes.values;
  machine.converged = modes.converged;
  if (!modes.converged || stopped(settings)) return machine;
  machine.threshold = 1 - machine.xi * modes.values[0];
  if (modes.values.size() > 1) machine.competition = machine.xi * (modes.values[0] - modes.values[1]);

  progress("mean-field run");
  const double from = settings.pump_from.value_or(machine.threshold - 0.5);
  const double to = settings.pump_to.value_or(machine.threshold + 1);
  const auto snapshots = mean_field_run(model, machine.xi, from, to, settings, machine.run_time);
  machine.run.resize(snapshots.size());
  parallel_for(static_cast<std::int64_t>(snapshots.size()), settings.threads, [&](std::int64_t k) {
    const Snapshot& snapshot = snapshots[static_cast<std::size_t>(k)];
    progress(fmt::format("Jacobian at p = {:.3g}", snapshot.pump));
    const Modes at =
        jacobian_modes(model, machine.xi, snapshot.pump, snapshot.x, kModes, level_options(settings));
    machine.run[static_cast<std::size_t>(k)] = {snapshot.pump, at.values, at.converged};
  });
  return machine;
}

}  // namespace

std::vector<double> default_betas(const IsingModel& model) {
  double squares = model.sum_of_squares();
  for (const double h : model.field()) squares += h * h;
  if (squares <= 0) return {1};
  const double field = std::sqrt(squares / model.size());
  std::vector<double> betas;
  for (int k = 0; k < 8; ++k) betas.push_back(0.1 * std::pow(40.0, k / 7.0) / field);
  return betas;
}

ProblemSpectrum problem_spectrum(const IsingModel& model, const SpectrumSettings& settings) {
  if (settings.classical || settings.quantum) require_spectrum_size(model);
  if (!(settings.success > 0 && settings.success < 1)) {
    throw_parameter_error("success", settings.success, "a probability between 0 and 1, both left out");
  }
  if (settings.points < 2) throw_parameter_error("points", settings.points, "at least 2 values of s");
  for (const double beta : settings.betas) {
    if (!(beta >= 0) || !std::isfinite(beta)) {
      throw_parameter_error("beta", beta, "a finite inverse temperature, at least 0 (1/energy)");
    }
  }
  Progress progress(settings);
  ProblemSpectrum spectrum;
  auto begin = Clock::now();
  if (settings.machine) {
    spectrum.machine = machine_spectrum(model, settings, progress);
    spectrum.machine_s = seconds_since(begin);
  }
  if (settings.classical && !stopped(settings)) {
    begin = Clock::now();
    spectrum.chains = chain_rows(model, settings, progress);
    spectrum.classical_s = seconds_since(begin);
  }
  if (settings.quantum && !stopped(settings)) {
    begin = Clock::now();
    QuantumSettings quantum;
    quantum.scaling = settings.scaling;
    quantum.points = settings.points;
    quantum.threads = settings.threads;
    quantum.levels = level_options(settings);
    quantum.progress = [&](int done, int planned) {
      progress(done < planned ? fmt::format("quantum gap, {} of {} values of s", done, planned)
                              : std::string("quantum gap, refining minima"));
    };
    spectrum.quantum = quantum_gap(model, quantum);
    spectrum.quantum_s = seconds_since(begin);
  }
  spectrum.interrupted = stopped(settings);
  return spectrum;
}

}  // namespace opoloop
