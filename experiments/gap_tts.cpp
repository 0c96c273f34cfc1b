#include "experiments/gap_tts.h"

#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "experiments/sweep_rows.h"

// The file of `experiment gap-tts`.

namespace opoloop {
namespace {

constexpr const char* kExperiment = "gap-tts";

constexpr std::array<TextField<GapTtsRow>, 4> kTexts = {{
    {"family", &GapTtsRow::family, "Family of the instance."},
    {"instance", &GapTtsRow::instance, "What it is made of, or the command that makes it."},
    {"seed", &GapTtsRow::seed, "Seed of the instance and of its runs, 64 bits."},
    {"problem", &GapTtsRow::problem, "What could not be found, and why; empty where nothing is missing."},
}};

constexpr std::array<NumberField<GapTtsRow>, 18> kNumbers = {{
    {"spins", "1", &GapTtsRow::spins, "Spins."},
    {"index", "1", &GapTtsRow::index, "Number within family and size."},
    {"ground_energy", "problem energy", &GapTtsRow::ground_energy, "Lowest of all states."},
    {"ground_states", "1", &GapTtsRow::ground_states, "How many have it."},
    {"beta", "1/problem energy", &GapTtsRow::beta, "Inverse temperature of the chain."},
    {"chain_gap", "1", &GapTtsRow::chain_gap,
     "1 - max|lambda| of the Metropolis chain; flip-even where there is no field."},
    {"chain_bound", "steps", &GapTtsRow::chain_bound, "Bound of TTS(0.99) of that chain from its gap."},
    {"hitting_time", "steps", &GapTtsRow::hitting_time, "Exact mean time to a ground state, uniform start."},
    {"quantum_gap", "transverse field", &GapTtsRow::quantum_gap, "Smallest gap of quantum annealing."},
    {"quantum_s", "1", &GapTtsRow::quantum_s, "Where it is."},
    {"adiabatic_time", "1/transverse field", &GapTtsRow::adiabatic_time, "max |<D|dH/ds|0>|/gap^2."},
    {"machine_gap", "threshold", &GapTtsRow::machine_gap, "xi (lambda_1 - lambda_2) of J."},
    {"chain_runs", "1", &GapTtsRow::chain_runs, "Simulated runs of the chain."},
    {"chain_mean", "steps", &GapTtsRow::chain_mean, "Their mean time to a ground state."},
    {"chain_sd", "steps", &GapTtsRow::chain_sd, "Standard deviation."},
    {"chain_tts", "steps", &GapTtsRow::chain_tts, "99% quantile."},
    {"chain_beyond", "1", &GapTtsRow::chain_beyond, "Runs that took longer than chain_bound."},
    {"wall_s", "s", &GapTtsRow::wall_s, "Wall time of the row."},
}};

std::string plan_text(const GapTtsPlan& p) {
  std::string text = fmt::format(
      "spins={} instances={} tile_instances={} runs={} chain_runs={} beta={} points={} resamples={}",
      fmt::join(p.spins, ","), p.instances, p.tile_instances, p.runs, p.chain_runs, p.beta, p.points,
      p.resamples);
  for (const GapTtsSetting& s : gap_tts_settings()) {
    text += fmt::format(" {}={}", s.name, s.uri);
    char mark = '?';
    for (const auto& [name, value] : s.parameters) {
      text += fmt::format("{}{}={}", mark, name, value);
      mark = '&';
    }
    text += fmt::format(",{}", s.rounds);
  }
  return text;
}

}  // namespace

GapTtsPlan GapTtsPlan::quick() {
  GapTtsPlan plan;
  plan.spins = {8, 10, 12};
  plan.instances = 20;
  plan.tile_instances = 0;
  plan.runs = 256;
  plan.chain_runs = 400;
  plan.resamples = 1000;
  return plan;
}

void save_gap_tts(const std::string& path, const std::vector<GapTtsRow>& rows, const GapTtsOptions& options,
                  const std::string& command_line, bool complete) {
  Sweep sweep{kExperiment, command_line, plan_text(options.plan), options.seed, complete, {}};
  add_columns<GapTtsRow>(sweep, rows, kTexts, kNumbers);
  const auto& settings = gap_tts_settings();
  for (std::size_t s = 0; s < settings.size(); ++s) {
    std::vector<double> trials, successes;
    for (const GapTtsRow& row : rows) {
      trials.push_back(row.trials.at(s));
      successes.push_back(row.successes.at(s));
    }
    sweep.columns.push_back(
        {"trials_" + settings[s].name, "1", "Runs: " + settings[s].what + ".", std::move(trials)});
    sweep.columns.push_back({"successes_" + settings[s].name, "1",
                             "Runs that reached the ground energy: " + settings[s].what + ".",
                             std::move(successes)});
  }
  write_sweep_file(path, sweep);
}

std::vector<GapTtsRow> load_gap_tts(const std::string& path, const GapTtsOptions& options) {
  const Sweep sweep = read_own_sweep(path, kExperiment, options.seed);
  if (sweep.plan != plan_text(options.plan)) {
    throw InputError(
        fmt::format("{}: was made with another plan ({}); give the same --quick, --instances and --spins",
                    path, sweep.plan.substr(0, sweep.plan.find(" runs="))));
  }
  std::vector<GapTtsRow> rows = rows_of<GapTtsRow>(sweep, kTexts, kNumbers);
  for (const GapTtsSetting& setting : gap_tts_settings()) {
    const auto& trials = sweep.numbers("trials_" + setting.name);
    const auto& successes = sweep.numbers("successes_" + setting.name);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].trials.push_back(trials.at(i));
      rows[i].successes.push_back(successes.at(i));
    }
  }
  return rows;
}

}  // namespace opoloop
