#include "cli/command_tune.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "cli/number_options.h"
#include "cli/output_place.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/public_data.h"
#include "core/threads.h"
#include "driver/device_file.h"
#include "driver/uri.h"
#include "experiments/page.h"
#include "experiments/tune/optimise.h"
#include "experiments/tune/tune_report.h"
#include "hamiltonian/formats/file_bytes.h"

namespace opoloop {
namespace {

constexpr std::chrono::seconds kSaveEvery{2};

struct TuneArguments {
  std::string device = "emulator:";
  std::vector<std::string> vary, settings, only, files, generators;
  std::vector<int> spins;
  int train = 8, test = 24;
  std::optional<std::int64_t> steps;
  std::optional<int> threads;
  bool median = false;
  TuneOptions options;  ///< numbers that are taken as they are
  std::string out, file, resume, report;
  bool json = false;
};

/// The first instances to train on, the next to test on.
void share_out(const TuneArguments& o, TuneOptions& options) {
  TtsEnsemble ensemble;
  ensemble.families = o.only;
  ensemble.files = o.files;
  ensemble.generators = o.generators;
  // Without a word about instances: SK of one size.
  if (ensemble.families.empty() && ensemble.files.empty() && ensemble.generators.empty())
    ensemble.families = {kFamilyTtsSk};
  ensemble.spins = o.spins.empty() ? std::vector<int>{60} : o.spins;
  ensemble.instances = o.train + o.test;
  ensemble.graphs = o.train + o.test;
  ensemble.seed = options.seed;
  ensemble.data = public_data_folder();
  std::string missing;
  const std::vector<TtsInstance> all = tts_instances(ensemble, &missing);
  // Of each class the same part is trained on, so that training and test are alike.
  std::size_t at = 0;
  while (at < all.size()) {
    std::size_t end = at;
    while (end < all.size() && all[end].group == all[at].group) ++end;
    const std::size_t members = end - at;
    const std::size_t wanted = static_cast<std::size_t>(o.train) + static_cast<std::size_t>(o.test);
    const std::size_t trained = members >= wanted ? static_cast<std::size_t>(o.train)
                                                  : members * static_cast<std::size_t>(o.train) / wanted;
    for (std::size_t k = 0; k < std::min(members, wanted); ++k)
      (k < trained ? options.training : options.test).push_back(all[at + k]);
    at = end;
  }
  if (options.training.empty() || options.test.empty())
    throw InputError(fmt::format("tune: {} instances are too few for --train {} and --test {}{}", all.size(),
                                 o.train, o.test, missing.empty() ? "" : ": " + missing));
}

TuneOptions options_of(const TuneArguments& o) {
  TuneOptions options = o.options;
  options.device = o.device;
  options.threads = o.threads.value_or(available_threads());
  options.score = o.median ? TuneScore::median : TuneScore::geometric_mean;
  for (const std::string& text : o.vary) options.vary.push_back(parse_vary(text));
  for (const std::string& item : o.settings) {
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos || equals == 0)
      throw InputError("--set " + item + ": expected name=value");
    if (!options.fixed.emplace(item.substr(0, equals), item.substr(equals + 1)).second)
      throw InputError("--set " + item + ": " + item.substr(0, equals) + " is set twice");
  }
  if (o.steps && !options.fixed.emplace(kStepsName, fmt::format("{}", *o.steps)).second)
    throw InputError(fmt::format("--steps {}: is also set to {}", *o.steps, options.fixed[kStepsName]));
  for (const Vary& vary : options.vary) {
    if (options.fixed.contains(vary.name))
      throw InputError(
          fmt::format("--vary {0}: {0} is also set to {1}", vary.name, options.fixed[vary.name]));
  }
  if (!(options.share > 0 && options.share <= 1))
    throw_parameter_error("--target", options.share, "a share of the best energy in (0, 1]");
  if (!o.out.empty() && !names_device_file(o.out))
    throw InputError("--out " + o.out + ": a device file ends in .toml");
  share_out(o, options);
  check_tune(options);
  return options;
}

int run_tune(const TuneArguments& o, const std::string& command_line, const Streams& streams) {
  if (!can_search())
    throw Error("tune: this program was built without NLopt: install libnlopt-dev and build again");
  const std::string file = o.file.empty() ? o.resume : o.file;
  FilePlaces places;
  for (const std::string& problem : o.files) places.reads(problem, "a problem file");
  places.reads_device(o.device);
  if (!o.file.empty() && o.file != o.resume) places.reads(o.resume, "the file of --resume");
  places.writes(o.out, "--out");
  places.writes(file, o.file.empty() ? "--resume" : "--file");
  places.writes(o.report, "--report");
  if (!o.file.empty() && o.file != o.resume) require_no_measurements(o.file, "--file");
  const TuneOptions options = options_of(o);
  if (!o.out.empty() && parse_device_uri(options.device).scheme != "emulator")
    throw InputError(fmt::format("--out: a device file describes 'emulator:', not '{}'", options.device));
  TuneMemory memory;
  if (!o.resume.empty()) memory = load_tune(o.resume, options);

  catch_interrupts();
  const auto save = [&](bool complete) {
    if (!file.empty()) save_tune(file, memory, options, command_line, complete);
  };
  save(false);
  auto saved = std::chrono::steady_clock::now();
  const auto result = tune(options, memory, [&](int evaluations, double best) {
    if (streams.live)
      streams.err << fmt::format("\r\033[K{}/{} evaluations, best score {:.4g} steps", evaluations,
                                 options.evaluations, best)
                  << std::flush;
    if (std::chrono::steady_clock::now() - saved < kSaveEvery) return;
    save(false);
    saved = std::chrono::steady_clock::now();
  });
  if (streams.live) streams.err << "\r\033[K";
  save(result.has_value());
  if (!result) {
    streams.err << fmt::format("interrupted: {} measurements{}\n", memory.rows().size(),
                               file.empty() ? "" : ", saved in " + file + " (go on with --resume)");
    return 128 + interrupt_signal();
  }
  if (!o.out.empty()) write_file_bytes(o.out, tuned_device_file(options, *result));
  if (!o.report.empty()) write_page(tune_html(options, *result, command_line), o.report);
  if (o.json) {
    print_tune_json(options, *result, streams.out);
    return 0;
  }
  print_tune(options, *result, streams.out);
  if (!o.out.empty()) streams.out << "device: emulator:" << o.out << '\n';
  if (!file.empty()) streams.out << "measurements: " << file << '\n';
  if (!o.report.empty()) streams.out << "report: " << o.report << '\n';
  return 0;
}

}  // namespace

Verb add_tune(CLI::App& program, const std::string& command_line) {
  CLI::App* app = program.add_subcommand(
      "tune", "Search a device's parameters for the shortest time to solution, and test what was found");
  auto o = std::make_shared<TuneArguments>();
  TuneOptions& t = o->options;
  app->add_option("--device", o->device, "What is tuned")->type_name("URI")->capture_default_str();
  app->add_option(
         "--vary", o->vary,
         "A parameter and its range: dt=0.05:0.5, beta=0.01:1,log; steps=50:2000,log is the length of "
         "a run. A {NAME} inside a --set is a parameter too. Once for each")
      ->type_name("NAME=LOW:HIGH[,log][,integer]")
      ->required();
  app->add_option("--set", o->settings, "NAME=VALUE: held fixed; 'pump=-1:{p}' with --vary p=0.5:1.5")
      ->type_name("NAME=VALUE");
  app->add_option("--steps", o->steps, "Length of a run, where it is not varied")
      ->type_name("T")
      ->transform(positive_integer(o->steps));
  app->add_option("--only", o->only, "Families of instances, as in experiment tts (default sk)")
      ->type_name("NAME,...")
      ->delimiter(',');
  app->add_option("--spins", o->spins, "Sizes of sk (default 60)")
      ->type_name("N,...")
      ->delimiter(',')
      ->transform(any_integer(o->spins));
  app->add_option("--problem", o->files, "Problem files, the first to train on, the others to test on")
      ->type_name("FILE");
  app->add_option("--generate", o->generators, "Generated instances: regular:n=60,d=3")
      ->type_name("FAMILY:option=value,...");
  app->add_option("--train", o->train, "Training instances of each class")
      ->type_name("K")
      ->capture_default_str()
      ->transform(positive_integer(o->train));
  app->add_option("--test", o->test, "Test instances of each class")
      ->type_name("K")
      ->capture_default_str()
      ->transform(positive_integer(o->test));
  app->add_option("--runs", t.runs, "Runs of a setting on a training instance")
      ->type_name("R")
      ->capture_default_str()
      ->transform(positive_integer(t.runs));
  app->add_option("--test-runs", t.test_runs, "Runs of a setting on a test instance")
      ->type_name("R")
      ->capture_default_str()
      ->transform(positive_integer(t.test_runs));
  app->add_option("--target", t.share, "Share of the best energy that counts as success")
      ->type_name("F")
      ->capture_default_str()
      ->transform(any_number());
  app->add_flag("--median", o->median,
                "Score by the median over the training instances, not the geometric mean");
  std::string methods;
  for (const SearchMethod& method : search_methods())
    methods += fmt::format("{}{}", methods.empty() ? "" : ", ", method.name);
  app->add_option("--method", t.method, "Search method of NLopt: " + methods)
      ->type_name("NAME")
      ->capture_default_str();
  app->add_option("--evaluations", t.evaluations, "Budget: settings that are tried")
      ->type_name("E")
      ->capture_default_str()
      ->transform(positive_integer(t.evaluations));
  app->add_option("--seed", t.seed, "Seed of instances, runs and search")
      ->type_name("S")
      ->capture_default_str()
      ->transform(any_integer(t.seed));
  app->add_option("--threads", o->threads, "Threads; all where left out. Never changes a result")
      ->type_name("T")
      ->transform(positive_integer(o->threads));
  app->add_option("--out", o->out, "Write the tuned device: a file for emulator:TUNED.toml")
      ->type_name("TUNED.toml");
  app->add_option("--file", o->file, "Keep every measurement here")->type_name("TUNE.h5");
  app->add_option("--resume", o->resume, "Go on with this file; --evaluations may have grown")
      ->type_name("TUNE.h5");
  app->add_option("--report", o->report, "Write an HTML page")->type_name("OUT.html");
  app->add_flag("--json", o->json, "Print exactly one JSON object");
  return {app, [o, command_line](const Streams& streams) { return run_tune(*o, command_line, streams); }};
}

}  // namespace opoloop
