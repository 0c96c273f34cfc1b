#include <algorithm>
#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "core/interrupt.h"
#include "core/random.h"
#include "driver/device.h"
#include "driver/statistics.h"
#include "experiments/gap_tts.h"
#include "experiments/problem_spectrum.h"
#include "hamiltonian/brute_force.h"
#include "hamiltonian/spectra/state_space.h"

namespace opoloop {
namespace {

/// Steps that all runs of one chain may take together, about.
constexpr double kChainSteps = 3e7;
constexpr int kLeastChainRuns = 200;
/// Modes closer than this, relative to the first, are one: their difference is rounding.
constexpr double kSameMode = 1e-9;

void add_problem(GapTtsRow& row, const std::string& what) {
  row.problem += (row.problem.empty() ? "" : "; ") + what;
}

void measure_gaps(GapTtsRow& row, const IsingModel& model, const GapTtsOptions& options) {
  SpectrumSettings settings;
  settings.rules = {FlipRule::metropolis};
  settings.betas = {row.beta};
  settings.points = options.plan.points;
  settings.stop = interrupted;
  const ProblemSpectrum spectrum = problem_spectrum(model, settings);
  if (spectrum.interrupted) return;
  if (!spectrum.chains.empty() && spectrum.chains[0].gap.converged) {
    const ChainGap& chain = spectrum.chains[0].gap;
    const ChainSpectrum& seen = chain.even ? *chain.even : chain.all;
    row.chain_gap = seen.gap;
    row.chain_bound = seen.tts_bound;
  } else {
    add_problem(row, "chain gap not converged");
  }
  if (!spectrum.chains.empty() && spectrum.chains[0].hitting && spectrum.chains[0].hitting->converged) {
    row.hitting_time = spectrum.chains[0].hitting->from_uniform;
  } else {
    add_problem(row, "hitting time not converged");
  }
  if (spectrum.quantum && spectrum.quantum->status == GapStatus::found && !spectrum.quantum->minima.empty()) {
    const GapPoint& smallest = spectrum.quantum->minima[spectrum.quantum->smallest];
    row.quantum_gap = smallest.gap;
    row.quantum_s = smallest.s;
    row.adiabatic_time = spectrum.quantum->adiabatic_time;
  } else {
    add_problem(row, "quantum gap " + (spectrum.quantum ? name_of(spectrum.quantum->status) : "missing"));
  }
  if (spectrum.machine && spectrum.machine->converged && spectrum.machine->competition) {
    const double first = spectrum.machine->xi * std::abs(spectrum.machine->couplings[0]);
    const double gap = *spectrum.machine->competition;
    row.machine_gap = gap > kSameMode * first ? gap : 0;
  } else {
    add_problem(row, "machine modes not converged");
  }
}

/// The chain of the classical bound, run as it is defined: a step proposes one spin drawn uniformly.
void run_chain(GapTtsRow& row, const IsingModel& model, const GapTtsItem& item, const GapTtsPlan& plan) {
  if (!std::isfinite(row.hitting_time) || !std::isfinite(row.chain_bound)) return;
  const StateSpace space{model.size(), Parity::all};
  const std::vector<double> energy = state_energies(model, space);
  const double lowest = *std::min_element(energy.begin(), energy.end());
  const double tie = energy_tie(model);
  const int least = std::min(kLeastChainRuns, plan.chain_runs);
  const int runs =
      static_cast<int>(std::clamp(kChainSteps / std::max(row.hitting_time, 1.0), static_cast<double>(least),
                                  static_cast<double>(plan.chain_runs)));
  std::vector<double> steps;
  double beyond = 0;
  for (int run = 0; run < runs; ++run) {
    RandomSequence random(item.seed, Stream::single_flip_chain, static_cast<std::uint32_t>(run));
    auto state = static_cast<std::size_t>(random.below(energy.size()));
    std::int64_t taken = 0;
    while (energy[state] > lowest + tie) {
      if ((taken & 0xFFFF) == 0 && interrupted()) return;
      const std::size_t next =
          state ^ (std::size_t{1} << random.below(static_cast<std::uint64_t>(model.size())));
      if (random.uniform() <
          flip_probability(FlipRule::metropolis, row.beta * (energy[next] - energy[state]))) {
        state = next;
      }
      ++taken;
    }
    steps.push_back(static_cast<double>(taken));
    beyond += steps.back() > row.chain_bound ? 1 : 0;
  }
  double sum = 0, squares = 0;
  for (const double s : steps) sum += s;
  row.chain_runs = runs;
  row.chain_mean = sum / runs;
  for (const double s : steps) squares += (s - row.chain_mean) * (s - row.chain_mean);
  row.chain_sd = std::sqrt(squares / std::max(1, runs - 1));
  std::sort(steps.begin(), steps.end());
  row.chain_tts = steps[static_cast<std::size_t>(std::ceil(0.99 * runs)) - 1];
  row.chain_beyond = beyond;
}

bool run_settings(GapTtsRow& row, const std::shared_ptr<const Problem>& problem, const GapTtsItem& item,
                  const GapTtsPlan& plan) {
  for (const GapTtsSetting& setting : gap_tts_settings()) {
    Job job;
    job.problem = problem;
    job.settings.runs = plan.runs;
    job.settings.steps = setting.rounds;
    job.settings.seed = item.seed;
    job.settings.target_energy = row.ground_energy;
    job.settings.parameters = setting.parameters;
    const Result result = make_device(setting.uri)->run(job);
    if (result.interrupted || interrupted()) return false;
    const SolveStatistics statistics =
        solve_statistics(result, row.ground_energy, problem->ising.largest_term());
    row.trials.push_back(static_cast<double>(statistics.trials));
    row.successes.push_back(static_cast<double>(statistics.successes_best));
  }
  return true;
}

}  // namespace

const std::vector<GapTtsSetting>& gap_tts_settings() {
  // Runs are short on purpose: at these sizes long ones succeed always, and a time that is the same for all
  // instances can be predicted by nothing.
  static const std::vector<GapTtsSetting> all = {
      {"linear",
       "mean field, linear law, pump raised through threshold",
       "emulator:",
       {{"model", "mean-field"}, {"law", "linear"}, {"dt", "0.2"}, {"pump", "-2:1"}, {"start_sd", "0.1"}},
       40,
       true},
      {"linear-tw",
       "truncated Wigner, g² = 0.01, linear law, the same pump",
       "emulator:",
       {{"model", "truncated-wigner"}, {"law", "linear"}, {"dt", "0.2"}, {"pump", "-2:1"}, {"g2", "0.01"}},
       40,
       true},
      {"cac", "mean field, chaotic amplitude control", "emulator:", {{"preset", "sk-cac-short"}}, 20, true},
      {"cfc-gaussian",
       "Gaussian state, g² = 0.01, chaotic feedback control",
       "emulator:",
       {{"preset", "sk-cfc-short"}, {"model", "gaussian"}, {"g2", "0.01"}},
       30,
       true},
      {"ntt-2025",
       "sheet of a machine with 8-bit couplings, chaotic feedback control",
       "emulator:ntt-2025",
       {},
       20,
       true},
      {"annealing", "Metropolis annealing, in sweeps", "annealing:", {{"descend", "false"}}, 5, false},
  };
  return all;
}

std::optional<GapTtsRow> measure_gap_tts_item(const GapTtsItem& item, const GapTtsOptions& options) {
  const auto problem = std::make_shared<Problem>(gap_tts_problem(item, options.data));
  GapTtsRow row;
  row.family = item.family;
  row.instance = problem->source;
  row.seed = fmt::format("{}", item.seed);
  row.spins = problem->ising.size();
  row.index = item.index;
  const BruteForceResult exact = brute_force(problem->ising, 1, 1, interrupted);
  if (!exact.complete) return std::nullopt;
  row.ground_energy = exact.energy;
  row.ground_states = static_cast<double>(exact.degeneracy);
  // default_betas() begins at 0.1 in units of 1/(root-mean-square local field).
  row.beta = options.plan.beta * default_betas(problem->ising).front() / 0.1;
  measure_gaps(row, problem->ising, options);
  if (!interrupted()) run_chain(row, problem->ising, item, options.plan);
  if (interrupted() || !run_settings(row, problem, item, options.plan) || interrupted()) return std::nullopt;
  return row;
}

}  // namespace opoloop
