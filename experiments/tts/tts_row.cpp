#include "experiments/tts/tts_row.h"

#include <array>
#include <variant>

#include <fmt/format.h>

#include "core/error.h"
#include "experiments/sweep_rows.h"

namespace opoloop {
namespace {

constexpr std::array<TextField<TtsRow>, 9> kTexts = {{
    {"family", &TtsRow::family, "Family of the instance."},
    {"class", &TtsRow::group, "Class of the instance: one run length is chosen for all of it."},
    {"instance", &TtsRow::instance, "Name of the instance."},
    {"source", &TtsRow::source, "File, or the command that generates the instance."},
    {"device", &TtsRow::device, "Name of the device in the study."},
    {"uri", &TtsRow::uri, "The device."},
    {"role", &TtsRow::role, "study, or reference: runs that only look for the ground energy."},
    {"energies", &TtsRow::energies, "Best energies of the runs, energy*runs, ascending."},
    {"known_source", &TtsRow::known_source, "Where known_energy comes from."},
}};

constexpr std::array<NumberField<TtsRow>, 10> kNumbers = {{
    {"spins", "1", &TtsRow::spins, "Spins."},
    {"length", "steps", &TtsRow::length, "Steps of a run: round trips, sweeps, time steps."},
    {"trials", "1", &TtsRow::trials, "Runs."},
    {"diverged", "1", &TtsRow::diverged, "Runs without an energy; they count as failures."},
    {"products_per_step", "1", &TtsRow::products_per_step, "Products J x in a step; 0 where there are none."},
    {"run_s", "s", &TtsRow::run_s, "Wall time of a run: that of the batch on one thread over its runs."},
    {"machine_s", "s", &TtsRow::machine_s, "Time of a run on the machine preset."},
    {"known_energy", "problem energy", &TtsRow::known_energy, "Best known before the study."},
    {"zero_energy", "problem energy", &TtsRow::zero_energy, "Where shares of the best energy count from."},
    {"term", "problem energy", &TtsRow::term, "Largest |J_ij| or |h_i|."},
}};

}  // namespace

const std::vector<PointColumn>& tts_columns() {
  static const std::vector<PointColumn> columns = [] {
    std::vector<PointColumn> all;
    for (const auto& field : kTexts) all.push_back({field.name, "1", field.description, true});
    for (const auto& field : kNumbers) all.push_back({field.name, field.units, field.description, false});
    return all;
  }();
  return columns;
}

PointValues tts_values(const TtsRow& row) {
  PointValues values;
  for (const auto& field : kTexts) values.emplace_back(row.*field.member);
  for (const auto& field : kNumbers) values.emplace_back(row.*field.member);
  return values;
}

TtsRow tts_row(const PointValues& values) {
  if (values.size() != kTexts.size() + kNumbers.size())
    throw InputError(fmt::format("a point of experiment tts: {} values, expected {}", values.size(),
                                 kTexts.size() + kNumbers.size()));
  TtsRow row;
  std::size_t at = 0;
  const auto refuse = [&](const char* name, const char* expected) {
    throw InputError(fmt::format("a point of experiment tts: {}: expected {}", name, expected));
  };
  for (const auto& field : kTexts) {
    const auto* text = std::get_if<std::string>(&values[at++]);
    if (text == nullptr) refuse(field.name, "text");
    row.*field.member = *text;
  }
  for (const auto& field : kNumbers) {
    const auto* number = std::get_if<double>(&values[at++]);
    if (number == nullptr) refuse(field.name, "a number");
    row.*field.member = *number;
  }
  return row;
}

std::vector<TtsRow> tts_rows(const Sweep& sweep, std::vector<std::string>* failed) {
  const std::vector<TtsRow> all = rows_of<TtsRow>(sweep, kTexts, kNumbers);
  const std::vector<std::string>& failures = sweep.words("point_failure");
  const std::vector<std::string>& names = sweep.words("point_name");
  std::vector<TtsRow> measured;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (failures.at(i).empty()) {
      measured.push_back(all[i]);
    } else if (failed != nullptr) {
      failed->push_back(names.at(i) + ": " + failures[i]);
    }
  }
  return measured;
}

}  // namespace opoloop
