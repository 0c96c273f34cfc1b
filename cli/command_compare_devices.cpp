#include "cli/command_compare_devices.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/calibration_options.h"
#include "cli/number_options.h"
#include "cli/output_place.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/threads.h"
#include "driver/calibration/compare.h"
#include "driver/problem_io.h"
#include "experiments/calibration_report.h"
#include "experiments/page.h"

namespace opoloop {
namespace {

struct CompareOptions {
  std::string a, b;
  std::vector<std::string> files, settings;
  int instances = 20, spins = 20, runs = 200;
  std::optional<std::int64_t> steps;
  std::uint64_t seed = 1;
  std::optional<int> threads;
  std::string report;
  bool json = false, quiet = false;
};

std::vector<std::shared_ptr<const Problem>> problems_of(const CompareOptions& o) {
  if (o.files.empty()) {
    if (o.instances < 1) throw_parameter_error("--instances", o.instances, "at least 1");
    if (o.spins < 2) throw_parameter_error("--spins", o.spins, "at least 2");
    return calibration::unseen_problems(o.instances, o.spins, o.seed);
  }
  std::vector<std::shared_ptr<const Problem>> problems;
  for (const std::string& file : o.files) problems.push_back(std::make_shared<Problem>(open_problem(file)));
  return problems;
}

int compare(const CompareOptions& o, const std::string& command_line, const Streams& streams) {
  if (o.runs < 1) throw_parameter_error("--runs", o.runs, "at least 1");
  FilePlaces places;
  places.reads_device(o.a);
  places.reads_device(o.b);
  for (const std::string& file : o.files) places.reads(file, "a problem file");
  places.writes(o.report, "--report");
  JobSettings settings;
  settings.runs = o.runs;
  settings.steps = o.steps;
  settings.threads = o.threads.value_or(available_threads());
  settings.parameters = parse_settings(o.settings);
  const auto a = make_device(o.a);
  const auto b = make_device(o.b);
  catch_interrupts();
  const auto comparison = calibration::compare_devices(
      *a, *b, problems_of(o), [&](const Problem&) { return settings; }, o.seed,
      [&](const std::string& what) {
        if (streams.live && !o.quiet) streams.err << "\r\033[K" << what << std::flush;
      });
  if (streams.live && !o.quiet) streams.err << "\r\033[K";
  if (!o.report.empty()) write_page(comparison_html(comparison, command_line), o.report);
  if (o.json) {
    streams.out << comparison_json(comparison, command_line);
  } else {
    print_comparison(comparison, streams.out);
    for (const std::string& warning : comparison.warnings) streams.err << "warning: " << warning << '\n';
    if (!o.report.empty()) streams.out << "report: " << o.report << '\n';
  }
  return 0;
}

}  // namespace

Verb add_compare_devices(CLI::App& program, const std::string& command_line) {
  CLI::App* app = program.add_subcommand("compare-devices",
                                         "Run identical jobs on two devices and test whether they differ");
  auto o = std::make_shared<CompareOptions>();
  app->add_option("A", o->a, "One device (docs/devices.md)")->required();
  app->add_option("B", o->b, "The other")->required();
  app->add_option("FILE", o->files, "Problem files; random SK instances where left out");
  app->add_option("--instances", o->instances, "Number of SK instances, Gaussian couplings")
      ->capture_default_str()
      ->transform(any_integer(o->instances));
  app->add_option("--spins", o->spins, "Spins of each")
      ->capture_default_str()
      ->transform(any_integer(o->spins));
  app->add_option("--runs", o->runs, "Runs of each problem on each device")
      ->capture_default_str()
      ->transform(any_integer(o->runs));
  app->add_option("--steps", o->steps,
                  "Round trips (emulator), sweeps (annealing); the devices' choice where left out")
      ->transform(any_integer(o->steps));
  app->add_option("--set", o->settings,
                  "NAME=VALUE: a parameter of both devices; those of one go into its URI");
  app->add_option("--seed", o->seed, "Of instances and runs; the devices get different ones")
      ->capture_default_str()
      ->transform(nonnegative_integer(o->seed));
  app->add_option("--threads", o->threads, "All where left out")->transform(any_integer(o->threads));
  app->add_option("--report", o->report, "Write a page")->type_name("OUT.html");
  app->add_flag("--json", o->json, "Print JSON");
  app->add_flag("--quiet", o->quiet, "No progress");
  return {app, [o, command_line](const Streams& streams) { return compare(*o, command_line, streams); }};
}

}  // namespace opoloop
