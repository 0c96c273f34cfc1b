#include <filesystem>
#include <ostream>

#include <fmt/format.h>

#include "cli/point_experiment.h"
#include "core/error.h"
#include "core/public_data.h"
#include "core/threads.h"
#include "driver/sweep_file.h"
#include "experiments/page.h"
#include "experiments/tts/tts_plan.h"
#include "experiments/tts/tts_report.h"
#include "experiments/tts/tts_words.h"

namespace opoloop {
namespace {

/// --device: none, and the word usual, stand for the built-in ones; one of their names for that one.
std::vector<TtsDevice> devices_of(const std::vector<std::string>& asked) {
  const std::vector<TtsDevice> usual = default_tts_devices();
  std::vector<TtsDevice> devices;
  for (const std::string& text : asked.empty() ? std::vector<std::string>{"usual"} : asked) {
    if (text == "usual") {
      devices.insert(devices.end(), usual.begin(), usual.end());
      continue;
    }
    bool named = false;
    for (const TtsDevice& device : usual) {
      if (device.name != text) continue;
      devices.push_back(device);
      named = true;
    }
    if (!named) devices.push_back(parse_tts_device(text));
  }
  return devices;
}

TtsStudy study_of(const ExperimentOptions& o, std::string& missing) {
  const TtsArguments& tts = o.tts;
  if (!(tts.share > 0 && tts.share <= 1))
    throw_parameter_error("--target", tts.share, "a share of the best energy in (0, 1]");
  TtsEnsemble ensemble;
  TtsStudy study;
  if (o.quick) {
    ensemble.families = {kFamilyTtsSk, kFamilyGsetSmall};
    ensemble.spins = {20, 40, 60, 80, 100};
    ensemble.instances = 8;
    ensemble.graphs = 1;
    study.runs = 32;
    study.longest = 2048;
  }
  // What is asked for stands instead of the usual instances.
  if (!o.only.empty() || !tts.files.empty() || !tts.generators.empty()) ensemble.families = o.only;
  if (!o.spins.empty()) ensemble.spins = o.spins;
  if (o.instances) ensemble.instances = ensemble.graphs = *o.instances;
  ensemble.files = tts.files;
  ensemble.generators = tts.generators;
  ensemble.seed = study.seed = o.seed;
  ensemble.data = public_data_folder();
  study.instances = tts_instances(ensemble, &missing);
  if (study.instances.empty()) throw InputError("experiment tts: no instances: " + missing);
  study.devices = devices_of(o.devices);
  if (tts.runs) study.runs = *tts.runs;
  if (!tts.lengths.empty()) study.lengths = parse_lengths(tts.lengths);
  return study;
}

/// The tables of PAGE.html are PAGE-times.csv and so on.
void write_tables(const TtsAnswer& answer, const std::string& page) {
  const std::string stem = std::filesystem::path(page).replace_extension().string();
  for (const auto& [name, csv] : tts_csv(answer)) write_page(csv, fmt::format("{}-{}.csv", stem, name));
}

}  // namespace

int run_tts(const ExperimentOptions& o, const std::string& command_line, const Streams& streams) {
  TtsPageNotes notes;
  notes.command_line = command_line;
  const TtsPlan plan(study_of(o, notes.missing));
  return run_point_experiment(plan, o, command_line, streams, [&](const PointResults& results) {
    const std::vector<TtsRow> rows = tts_rows(read_sweep_file(results.file), &notes.failed);
    notes.complete = results.complete();
    TtsAnswerOptions options;
    options.share = o.tts.share;
    options.seed = o.seed;
    options.threads = o.threads.value_or(available_threads());
    const TtsAnswer answer = tts_answer(rows, options);
    if (!o.report.empty()) {
      write_page(tts_html(answer, notes), o.report);
      write_tables(answer, o.report);
    }
    if (o.json) {
      print_tts_json(answer, notes, streams.out);
      return;
    }
    print_tts(answer, streams.out);
    if (!notes.missing.empty()) streams.out << notes.missing << '\n';
  });
}

}  // namespace opoloop
