#include "cli/command_qama.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include "cli/number_options.h"
#include "cli/output_place.h"
#include "cli/problem_options.h"
#include "cli/qama_options.h"
#include "cli/qama_summary.h"
#include "cli/text_format.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/threads.h"
#include "driver/problem_io.h"
#include "driver/qama_run_file.h"
#include "experiments/page.h"
#include "experiments/qama_inspect_report.h"
#include "hamiltonian/formats/file_bytes.h"

namespace opoloop {
namespace {

constexpr const char* kInputFile = "the file of --input";

/// The input and the device: what solve and inspect share.
struct WorkOptions {
  std::string input;
  std::shared_ptr<QamaInputOptions> qama;
  std::string device = "annealing:";
  std::optional<int> runs, threads;
  std::optional<std::int64_t> steps;
  std::uint64_t seed = 1;
  std::optional<std::string> report;
  bool json = false;

  JobSettings settings() const {
    JobSettings job;
    job.runs = runs;
    job.steps = steps;
    job.seed = seed;
    job.threads = threads.value_or(available_threads());
    return job;
  }
};

struct SolveOptions : WorkOptions {
  std::optional<std::string> out, npz;
  bool quiet = false;
};

struct InspectOptions : WorkOptions {
  std::vector<int> machine_bits = {8, 12, 16};
};

struct ExportOptions {
  std::string input;
  std::shared_ptr<QamaInputOptions> qama;
  std::string output, to;
};

void add_input(CLI::App& app, std::string& input) {
  app.add_option("--input", input,
                 "NumPy archive of attention inputs: X and weights, or Q, K, V (docs/qama.md, 6)")
      ->type_name("FILE.npz")
      ->required();
}

void add_work(CLI::App& app, WorkOptions& o) {
  app.add_option("--device", o.device, "What solves the problems (see: opoloop devices)")
      ->type_name("URI")
      ->capture_default_str();
  app.add_option("--runs", o.runs, "Runs a problem; the device's choice where left out")
      ->type_name("R")
      ->transform(positive_integer(o.runs));
  app.add_option("--steps", o.steps,
                 "Steps of a run (round trips, sweeps); the device's choice where left out")
      ->type_name("K")
      ->transform(positive_integer(o.steps));
  app.add_option("--seed", o.seed, "Seed of all randomness")
      ->type_name("S")
      ->capture_default_str()
      ->transform(nonnegative_integer(o.seed));
  app.add_option("--threads", o.threads,
                 "Threads; all of this computer's where left out. Never changes a result")
      ->type_name("T")
      ->transform(positive_integer(o.threads));
  app.add_flag("--json", o.json,
               "Print exactly one JSON object on standard output, all else on standard error");
}

FilePlaces places_of(const WorkOptions& o) {
  FilePlaces places;
  places.reads(o.input, kInputFile);
  places.reads_device(o.device);
  return places;
}

/// A line on a terminal while something long goes on, gone afterwards.
class BusyLine {
 public:
  BusyLine(const Streams& streams, bool shown) : streams_(streams), shown_(shown && streams.live) {}
  ~BusyLine() { show({}); }
  BusyLine(const BusyLine&) = delete;
  BusyLine& operator=(const BusyLine&) = delete;
  void show(const std::string& text) {
    if (shown_) streams_.err << '\r' << "\033[K" << text << std::flush;
  }

 private:
  const Streams& streams_;
  bool shown_;
};

QamaRun run_of(const SolveOptions& options, const std::string& command_line, const QamaBatch& batch,
               const QamaSolution& solution, const std::string& uri) {
  QamaRun run;
  run.command_line = command_line;
  run.seed = options.seed;
  run.device_uri = uri;
  run.name = batch.file().name;
  run.source = batch.file().source;
  run.sha256 = batch.file().sha256;
  run.spec = batch.spec();
  run.shape = batch.shape();
  run.scale = batch.scale();
  run.u = batch.file().u;
  run.masked = batch.file().masked;
  run.J = batch.J();
  run.h = batch.h();
  run.x = solution.x;
  run.energy = solution.energy;
  run.answered = solution.answered;
  run.output = solution.output;
  run.failure = solution.failure;
  run.only = options.qama->problem.value_or(-1);
  run.runs = solution.runs;
  run.steps = solution.steps;
  run.parameters = solution.parameters;
  run.adaptations = solution.adaptations;
  run.scores_s = batch.scores_s();
  run.solve_s = solution.solve_s;
  run.read_out_s = solution.read_out_s;
  return run;
}

int solve(const SolveOptions& options, const std::string& command_line, const Streams& streams) {
  FilePlaces places = places_of(options);
  places.writes(options.out.value_or(""), "--out");
  places.writes(options.npz.value_or(""), "--npz");
  const JobSettings settings = options.settings();
  const auto device = make_device(options.device);
  const auto begin = Clock::now();
  const QamaBatch batch = options.qama->open(options.input, settings.threads);
  const double opened_s = seconds_since(begin);

  catch_interrupts();
  const QamaSolution solution = [&] {
    BusyLine busy(streams, !options.quiet);
    busy.show(fmt::format("solving {} problems of {} spins on {}",
                          options.qama->problem ? 1 : batch.shape().batch, batch.problems().front().spins(),
                          device->uri()));
    return batch.solve(*device, settings, options.qama->problem);
  }();
  if (options.out) {
    write_qama_run(*options.out, run_of(options, command_line, batch, solution, device->uri()));
  }
  if (options.npz) write_file_bytes(*options.npz, write_qama_solution(batch, solution));

  const QamaOutcome outcome{batch,
                            solution,
                            settings,
                            device->uri(),
                            options.qama->problem,
                            std::max(0.0, opened_s - batch.scores_s()),
                            options.out,
                            options.npz};
  if (options.json) {
    streams.out << qama_json(outcome) << '\n';
  } else if (!options.quiet) {
    streams.out << qama_text(outcome);
  }
  if (solution.failure.empty()) return 0;
  streams.err << "opoloop: " << qama_failure(outcome) << '\n';
  return interrupted() ? 128 + interrupt_signal() : 1;
}

int inspect(const InspectOptions& options, const Streams& streams) {
  places_of(options).writes(options.report.value_or(""), "--report");
  QamaInspectSettings settings;
  settings.device = options.device;
  settings.job = options.settings();
  settings.machine_bits = options.machine_bits;
  settings.stop = interrupted;
  make_device(options.device);  // a wrong URI before minutes of reading
  const QamaBatch batch = options.qama->open(options.input, settings.job.threads);
  catch_interrupts();
  const std::vector<QamaInspection> problems = [&] {
    BusyLine busy(streams, true);
    settings.progress = [&](const std::string& what) { busy.show(what); };
    return inspect_qama(batch, options.qama->problem.value_or(-1), settings);
  }();
  if (interrupted()) {
    streams.err << fmt::format("interrupted: {} of {} problems were inspected\n", problems.size(),
                               options.qama->problem ? 1 : batch.shape().batch);
    return 128 + interrupt_signal();
  }
  if (options.report) write_page(qama_inspection_html(batch, problems, settings), *options.report);
  if (options.json) {
    print_qama_inspection_json(batch, problems, settings, streams.out);
  } else {
    print_qama_inspection(batch, problems, settings, streams.out);
    if (options.report) streams.out << "\nreport: " << *options.report << '\n';
  }
  return 0;
}

int export_problem(const ExportOptions& options, const Streams& streams) {
  const auto format = options.to.empty() ? format_of_extension(options.output)
                                         : std::optional(parse_problem_format(options.to));
  if (!format) {
    throw InputError(fmt::format("{}: the ending names no format, give --to; known are {}", options.output,
                                 problem_format_names()));
  }
  FilePlaces places;
  places.reads(options.input, kInputFile);
  places.writes(options.output, "--output");
  const QamaBatch batch = options.qama->open(options.input, available_threads());
  const Problem problem = batch.problem(options.qama->problem.value_or(0));
  const bool ancilla = !format_holds_field(*format) && problem.ising.has_field();
  const bool offset_lost = !format_holds_offset(*format) && problem.ising.offset() != 0;
  SaveOptions save;
  save.add_ancilla = ancilla;
  save.drop_offset = offset_lost;
  write_problem(problem, options.output, *format, save);
  const IsingModel& written = ancilla ? with_ancilla(problem.ising) : problem.ising;
  streams.out << fmt::format("{}: {}, {}, {} spins, {} couplings\n", options.output, format_name(*format),
                             problem.name, grouped(written.size()), grouped(written.edge_count()));
  if (ancilla) {
    streams.out
        << "the format has no linear term: it is coupled to one more, last spin, to which a solution is "
           "relative\n";
  }
  if (offset_lost) {
    streams.out << fmt::format(
        "the format has no constant: add {} to an energy read back to get the problem's\n",
        problem.ising.offset());
  } else {
    streams.out << "energies are those of the problem, constant included\n";
  }
  return 0;
}

}  // namespace

Verb add_qama(CLI::App& program, const std::string& command_line) {
  CLI::App* app = program.add_subcommand(
      "qama",
      "Attention as Ising problems: solve a batch, look at what a machine would see, export a problem");
  app->require_subcommand(0, 1);
  app->allow_extras();  // so that an unknown action is answered with those there are

  auto solving = std::make_shared<SolveOptions>();
  CLI::App* solve_app =
      app->add_subcommand("solve", "Solve every problem and read the attention's output out");
  add_input(*solve_app, solving->input);
  add_work(*solve_app, *solving);
  solve_app->add_option("--out", solving->out, "Write an HDF5 file with everything (docs/run-file.md)")
      ->type_name("RUN.h5");
  solve_app
      ->add_option("--npz", solving->npz, "Write a NumPy archive with x, energy, output, J, h and answered")
      ->type_name("OUT.npz");
  solve_app->add_flag("--quiet", solving->quiet, "No summary");
  solving->qama = add_qama_options(*solve_app, "Solve only this problem of the batch, counted from 0");

  auto inspecting = std::make_shared<InspectOptions>();
  CLI::App* inspect_app = app->add_subcommand(
      "inspect", "Show a problem's structure, what rounding destroys and what simple solutions are worth");
  add_input(*inspect_app, inspecting->input);
  add_work(*inspect_app, *inspecting);
  inspect_app
      ->add_option("--machine-bits", inspecting->machine_bits,
                   "Integers of so many bits, 2 to 24, to which problems are rounded and then solved; the "
                   "first gets the remedies")
      ->type_name("B,...")
      ->delimiter(',')
      ->default_str("8,12,16")
      ->transform(any_integer(inspecting->machine_bits));
  inspect_app->add_option("--report", inspecting->report, "Write an HTML page with pictures too")
      ->type_name("OUT.html");
  inspecting->qama =
      add_qama_options(*inspect_app, "Inspect only this problem of the batch, counted from 0, in full");

  auto exporting = std::make_shared<ExportOptions>();
  CLI::App* export_app = app->add_subcommand("export", "Write one problem of the batch as a problem file");
  add_input(*export_app, exporting->input);
  export_app->add_option("--output", exporting->output, "File to write; .gz compresses a text format")
      ->type_name("FILE")
      ->required();
  export_app
      ->add_option("--to", exporting->to, "Format where the ending does not say: " + problem_format_names())
      ->type_name("NAME");
  exporting->qama = add_qama_options(*export_app, "Problem of the batch, counted from 0; 0 where left out");

  return {app, [=](const Streams& streams) {
            const auto chosen = app->get_subcommands();
            const auto unknown = app->remaining(true);
            if (chosen.empty()) {
              throw InputError((unknown.empty() ? "qama: what to do is missing"
                                                : "qama: unknown '" + unknown.front() + "'") +
                               "; known are solve, inspect, export");
            }
            if (!unknown.empty()) {
              throw InputError("qama " + chosen.front()->get_name() +
                               ": The following argument was not expected: " + unknown.front() +
                               " (see: opoloop qama " + chosen.front()->get_name() + " --help)");
            }
            if (chosen.front() == solve_app) return solve(*solving, command_line, streams);
            if (chosen.front() == inspect_app) return inspect(*inspecting, streams);
            return export_problem(*exporting, streams);
          }};
}

}  // namespace opoloop
