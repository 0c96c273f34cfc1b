#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "core/error.h"
#include "core/sha256.h"
#include "driver/device_file.h"
#include "driver/sweep_file.h"
#include "driver/uri.h"
#include "experiments/sweep_rows.h"
#include "experiments/tune/tune.h"

// What a tuning leaves on the disk: its rows, and the device it found.

namespace opoloop {
namespace {

constexpr const char* kExperiment = "tune";

constexpr std::array<TextField<TuneRow>, 3> kTexts = {{
    {"role", &TuneRow::role, "reference, training or test."},
    {"instance", &TuneRow::instance, "Name of the instance."},
    {"setting", &TuneRow::setting, "Parameters, name=value; the device of a reference."},
}};
constexpr std::array<NumberField<TuneRow>, 5> kNumbers = {{
    {"trials", "1", &TuneRow::trials, "Runs."},
    {"successes", "1", &TuneRow::successes, "Runs that reached the target."},
    {"steps", "1", &TuneRow::steps, "Steps of a run."},
    {"least_energy", "problem energy", &TuneRow::least_energy, "Least energy of the runs."},
    {"wall_s", "s", &TuneRow::wall_s, "Wall time of all runs, one thread."},
}};

std::string key_of(const std::string& role, const std::string& instance, const std::string& setting) {
  return role + '\n' + instance + '\n' + setting;
}

std::string names_of(const std::vector<TtsInstance>& instances) {
  std::string text;
  for (const TtsInstance& instance : instances) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", instance.name, instance.generator);
    for (const auto& [name, value] : instance.options) text += fmt::format(" {}={}", name, value);
  }
  return text;
}

/// Text as a TOML string.
std::string toml_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

TuneMemory::TuneMemory(std::vector<TuneRow> rows) {
  for (TuneRow& row : rows) add(std::move(row));
}

const TuneRow* TuneMemory::find(const std::string& role, const std::string& instance,
                                const std::string& setting) const {
  const auto at = places_.find(key_of(role, instance, setting));
  return at == places_.end() ? nullptr : &rows_[at->second];
}

void TuneMemory::add(TuneRow row) {
  if (!places_.emplace(key_of(row.role, row.instance, row.setting), rows_.size()).second) return;
  rows_.push_back(std::move(row));
}

std::string tune_description(const TuneOptions& options) {
  std::string text =
      fmt::format("device={} fixed=[{}] share={} score={} method={} runs={} test_runs={} reference_runs={}",
                  options.device, setting_words(options.fixed), options.share,
                  options.score == TuneScore::median ? "median" : "geometric-mean", options.method,
                  options.runs, options.test_runs, options.reference_runs);
  for (const Vary& vary : options.vary)
    text += fmt::format(" vary {}={}:{}{}{}", vary.name, vary.low, vary.high, vary.logarithmic ? ",log" : "",
                        vary.integer ? ",integer" : "");
  // By their digest: attributes hold 64 KiB.
  return text + fmt::format(" {} training and {} test instances, sha256 {}", options.training.size(),
                            options.test.size(),
                            sha256_of(names_of(options.training) + "\n" + names_of(options.test)));
}

void save_tune(const std::string& path, const TuneMemory& memory, const TuneOptions& options,
               const std::string& command_line, bool complete) {
  Sweep sweep{kExperiment, command_line, tune_description(options), options.seed, complete, {}};
  add_columns<TuneRow>(sweep, memory.rows(), kTexts, kNumbers);
  write_sweep_file(path, sweep);
}

TuneMemory load_tune(const std::string& path, const TuneOptions& options) {
  const Sweep sweep = read_own_sweep(path, kExperiment, options.seed);
  if (sweep.plan != tune_description(options))
    throw InputError(fmt::format(
        "{}: is of another tuning; give the same device, ranges, instances and runs (--evaluations may grow)",
        path));
  return TuneMemory(rows_of<TuneRow>(sweep, kTexts, kNumbers));
}

std::string tuned_device_file(const TuneOptions& options, const TuneResult& result) {
  const DeviceUri uri = parse_device_uri(options.device);
  if (uri.scheme != "emulator")
    throw InputError(fmt::format("--out: a device file describes 'emulator:', not '{}'", options.device));
  std::map<std::string, std::string> parameters;
  std::string machine = uri.rest;
  if (names_device_file(uri.rest)) {
    const DeviceFile base = read_device_file(uri.rest);
    parameters = base.parameters;
    machine = base.machine;
  }
  for (const auto& [name, value] : uri.query) parameters[name] = value;
  const TuneCandidate& tuned = result.candidates.front();
  std::string steps;
  for (const auto& [name, value] : tuned.setting) {
    if (name == kStepsName) {
      steps = value;
    } else {
      parameters[name] = value;
    }
  }
  std::string text = fmt::format(
      "# Made by opoloop tune from {} training instances, {} evaluations by {}.\n"
      "# On {} test instances it needs {:.4g} steps [{:.4g}, {:.4g}], median of TTS(99%).\n",
      options.training.size(), result.evaluations, result.method, tuned.time.instances, tuned.time.value,
      tuned.time.low, tuned.time.high);
  if (!steps.empty()) text += fmt::format("# It was tuned for runs of {0} steps: --steps {0}.\n", steps);
  text += "format = 1\n";
  text += fmt::format(
      "description = {}\n",
      toml_string(fmt::format("tuned{}", steps.empty() ? "" : " for runs of " + steps + " steps")));
  if (!machine.empty()) text += fmt::format("machine = {}\n", toml_string(machine));
  for (const auto& [name, value] : parameters) text += fmt::format("{} = {}\n", name, toml_string(value));
  return text;
}

std::string tuned_uri(const TuneOptions& options, const Setting& setting) {
  const std::size_t question = std::min(options.device.find('?'), options.device.size());
  std::string uri = options.device.substr(0, question);
  char mark = '?';
  const auto add = [&](std::string_view item) {
    uri += mark;
    uri += item;
    mark = '&';
  };
  // As the user wrote it, but for what was tuned.
  std::string_view query = std::string_view(options.device).substr(question);
  while (!query.empty()) {
    query.remove_prefix(1);
    const std::string_view item = query.substr(0, query.find('&'));
    query.remove_prefix(item.size());
    if (!item.empty() && !setting.contains(std::string(item.substr(0, item.find('='))))) add(item);
  }
  for (const auto& [name, value] : setting) {
    if (name != kStepsName) add(fmt::format("{}={}", name, value));
  }
  return uri;
}

}  // namespace opoloop
