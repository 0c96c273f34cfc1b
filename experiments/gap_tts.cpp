#include "experiments/gap_tts.h"

#include <array>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "experiments/sweep_rows.h"

// `experiment gap-tts` as a plan, and its file.

namespace opoloop {
namespace {

constexpr const char* kExperiment = "gap-tts";

constexpr std::array<TextField<GapTtsRow>, 4> kTexts = {{
    {"family", &GapTtsRow::family, "Family of the instance."},
    {"instance", &GapTtsRow::instance, "What it is made of, or the command that makes it."},
    {"seed", &GapTtsRow::seed, "Seed of the instance and of its runs, 64 bits."},
    {"problem", &GapTtsRow::problem, "What could not be found, and why; empty where nothing is missing."},
}};

constexpr std::array<NumberField<GapTtsRow>, 17> kNumbers = {{
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

GapTtsPoints::GapTtsPoints(GapTtsOptions options)
    : options_(std::move(options)),
      items_(gap_tts_items(options_, &missing_)),
      columns_(point_columns<GapTtsRow>(kTexts, kNumbers)) {
  for (const GapTtsSetting& setting : gap_tts_settings()) {
    columns_.push_back({"trials_" + setting.name, "1", "Runs: " + setting.what + ".", false});
    columns_.push_back({"successes_" + setting.name, "1",
                        "Runs that reached the ground energy: " + setting.what + ".", false});
  }
}

std::string GapTtsPoints::experiment() const {
  return kExperiment;
}

std::string GapTtsPoints::description() const {
  std::string families;
  for (const GapTtsItem& item : items_) {
    if (families.find(item.family + ' ') == std::string::npos) families += item.family + ' ';
  }
  return families + plan_text(options_.plan);
}

std::string GapTtsPoints::name(std::uint64_t index) const {
  const GapTtsItem& item = items_.at(index);
  return fmt::format("{} N={} #{}", item.family, item.spins, item.index);
}

std::optional<PointValues> GapTtsPoints::measure(std::uint64_t index, const PointContext&) const {
  const std::optional<GapTtsRow> row = measure_gap_tts_item(items_.at(index), options_);
  if (!row) return std::nullopt;
  PointValues values = point_values<GapTtsRow>(*row, kTexts, kNumbers);
  for (std::size_t s = 0; s < gap_tts_settings().size(); ++s) {
    values.emplace_back(row->trials.at(s));
    values.emplace_back(row->successes.at(s));
  }
  return values;
}

std::vector<GapTtsRow> gap_tts_rows(const Sweep& sweep) {
  std::vector<GapTtsRow> rows = rows_of<GapTtsRow>(sweep, kTexts, kNumbers);
  for (const GapTtsSetting& setting : gap_tts_settings()) {
    const auto& trials = sweep.numbers("trials_" + setting.name);
    const auto& successes = sweep.numbers("successes_" + setting.name);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].trials.push_back(trials.at(i));
      rows[i].successes.push_back(successes.at(i));
    }
  }
  // A failed point has a reason in place of numbers.
  std::erase_if(rows, [](const GapTtsRow& row) { return row.family.empty(); });
  return rows;
}

}  // namespace opoloop
