#include "cli/command_spectrum.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cli/config_file.h"
#include "cli/number_options.h"
#include "cli/output_place.h"
#include "cli/problem_options.h"
#include "cli/qama_options.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/threads.h"
#include "driver/problem_io.h"
#include "experiments/page.h"
#include "experiments/spectrum_report.h"

namespace opoloop {
namespace {

struct Options {
  std::shared_ptr<ProblemOptions> input;
  std::shared_ptr<QamaInputOptions> qama;
  SpectrumSettings settings;
  std::vector<std::string> only;
  std::string rule = "both";
  std::string scaling = "norm";
  std::vector<double> pump;
  std::string config, report;
  bool json = false;
};

SpectrumSettings settings_of(const Options& options) {
  SpectrumSettings settings = options.settings;
  const auto wants = [&](const char* part) {
    return options.only.empty() || std::count(options.only.begin(), options.only.end(), part) > 0;
  };
  for (const std::string& part : options.only) {
    if (part != "classical" && part != "quantum" && part != "machine") {
      throw InputError("only = '" + part + "': one or more of classical, quantum, machine");
    }
  }
  settings.classical = wants("classical");
  settings.quantum = wants("quantum");
  settings.machine = wants("machine");
  if (options.rule == "metropolis") {
    settings.rules = {FlipRule::metropolis};
  } else if (options.rule == "glauber") {
    settings.rules = {FlipRule::glauber};
  } else if (options.rule != "both") {
    throw InputError("rule = '" + options.rule + "': one of metropolis, glauber, both");
  }
  settings.scaling = parse_problem_scaling(options.scaling);
  if (!options.pump.empty()) {
    settings.pump_from = options.pump.front();
    settings.pump_to = options.pump.back();
  }
  return settings;
}

/// A problem file, or one problem of a batch of attention inputs: its members tell which.
Problem open_any(const Options& options) {
  const std::string& path = options.input->file;
  if (!options.input->load_options().format && is_qama_file_at(path)) {
    return options.qama->open(path, options.settings.threads).problem(options.qama->problem.value_or(0));
  }
  if (options.qama->any()) {
    throw InputError(path +
                     ": --problem, --form and its like are for attention inputs (X, or Q, K, V), and this "
                     "is none");
  }
  return open_problem(path, options.input->load_options());
}

int spectrum(const Options& options, const Streams& streams) {
  SpectrumSettings settings = settings_of(options);
  FilePlaces places;
  places.reads(options.input->file, "the problem file");
  places.reads(options.config, "the file of --config");
  places.writes(options.report, "--report");
  const Problem problem = open_any(options);
  catch_interrupts();
  settings.stop = interrupted;
  settings.progress = [&](const std::string& what) {
    if (streams.live) streams.err << fmt::format("\r{:<60}", what) << std::flush;
  };
  const ProblemSpectrum result = problem_spectrum(problem.ising, settings);
  if (streams.live) streams.err << '\r' << std::string(60, ' ') << '\r';
  if (options.json) {
    print_spectrum_json(problem, result, streams.out);
  } else {
    print_spectrum(problem, result, streams.out);
  }
  if (!options.report.empty()) {
    write_page(spectrum_html(problem, result), options.report);
    if (!options.json) streams.out << "report: " << options.report << '\n';
  }
  return interrupted() ? 128 + interrupt_signal() : 0;
}

}  // namespace

Verb add_spectrum(CLI::App& program) {
  CLI::App* app = program.add_subcommand(
      "spectrum", "Gaps of a problem: single-flip chain, quantum annealing, the machine's modes");
  auto options = std::make_shared<Options>();
  options->input = add_problem_options(*app, "FILE", true);
  SpectrumSettings& settings = options->settings;
  settings.threads = available_threads();
  app->add_option("--only", options->only,
                  "Parts: classical and quantum (up to 20 spins), machine (any number); all where left out")
      ->type_name("PART,...")
      ->delimiter(',');
  app->add_option("--beta", settings.betas,
                  "Inverse temperatures of the chain, in 1/energy; chosen from the problem where left out")
      ->type_name("B,...")
      ->delimiter(',')
      ->transform(any_number());
  app->add_option("--rule", options->rule, "How the chain takes a flip: metropolis, glauber or both")
      ->type_name("NAME")
      ->capture_default_str();
  app->add_option("--success", settings.success, "Probability that a time to solution stands for")
      ->type_name("Q")
      ->capture_default_str()
      ->transform(any_number());
  app->add_option("--points", settings.points, "Values of s in the quantum gap curve, both ends included")
      ->type_name("K")
      ->capture_default_str()
      ->transform(any_integer(settings.points));
  app->add_option(
         "--scaling", options->scaling,
         "Factor of the problem in H(s): norm (n / operator norm), coupling (1 / largest |J|, |h|), none")
      ->type_name("NAME")
      ->capture_default_str();
  app->add_option("--pump", options->pump,
                  "Pump from,to of the mean-field run; from 0.5 below threshold to 1 above where left out")
      ->type_name("A,B")
      ->delimiter(',')
      ->expected(2)
      ->transform(any_number());
  app->add_option("--threads", settings.threads, "Threads; the numbers do not depend on them")
      ->type_name("T")
      ->transform(positive_integer(settings.threads))
      ->default_str("all");
  app->add_option("--report", options->report, "Write an HTML page with tables and pictures too")
      ->type_name("FILE");
  app->add_flag("--json", options->json, "Print one JSON object");
  options->qama = add_qama_options(
      *app, "Of a NumPy archive of attention inputs: the problem, counted from 0; 0 where left out");
  add_config_option(*app, options->config);
  return {app, [options](const Streams& streams) { return spectrum(*options, streams); }};
}

}  // namespace opoloop
