#include "cli/command_solve.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "cim_model/parameters.h"
#include "cli/config_file.h"
#include "cli/number_options.h"
#include "cli/output_place.h"
#include "cli/problem_options.h"
#include "cli/solve_summary.h"
#include "cli/text_format.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/threads.h"
#include "driver/device.h"
#include "driver/problem_io.h"
#include "driver/run_file.h"
#include "driver/statistics.h"
#include "experiments/report.h"

namespace opoloop {
namespace {

struct SolveOptions {
  std::shared_ptr<ProblemOptions> problem;
  std::string device = "emulator:";
  std::optional<std::string> model, law, preset;
  std::optional<double> dt;
  std::vector<std::string> parameters;  ///< name=value
  std::optional<int> runs;
  std::optional<std::int64_t> steps;
  std::uint64_t seed = 1;
  std::optional<int> threads;
  std::optional<std::string> target;
  std::optional<double> time_limit_s;
  bool until_target = false;
  int log_trajectories = 0;
  std::int64_t log_every = 1;
  std::optional<std::string> out, report;
  std::optional<std::string> resume_job;
  std::string config;
  bool json = false;
  bool quiet = false;
};

/// --target: an energy, cut=C, or best. Unset where nothing was asked and nothing is known.
std::optional<double> target_energy(const SolveOptions& options, const Problem& problem) {
  if (!options.target || *options.target == "best") {
    if (options.target && !problem.best_known_energy) {
      throw InputError("--target best: no best known value comes with " + problem.name);
    }
    return problem.best_known_energy;
  }
  const std::string& text = *options.target;
  const bool cut = text.starts_with("cut=");
  double value = 0;
  if (!CLI::detail::lexical_cast(cut ? text.substr(4) : text, value) || !std::isfinite(value)) {
    throw InputError("--target " + text + ": expected an energy, cut=C or best");
  }
  if (!cut) return value;
  if (problem.kind != ProblemKind::max_cut) {
    throw InputError("--target " + text + ": " + problem.name + " is not a graph, give an energy");
  }
  return problem.energy_of_cut(value);
}

JobSettings job_settings(const SolveOptions& options, const Problem& problem) {
  JobSettings settings;
  settings.runs = options.runs;
  settings.steps = options.steps;
  settings.seed = options.seed;
  settings.threads = options.threads.value_or(available_threads());
  settings.target_energy = target_energy(options, problem);
  settings.until_target = options.until_target;
  settings.time_limit_s = options.time_limit_s;
  settings.log_trajectories = options.log_trajectories;
  settings.log_every = options.log_every;
  if (options.until_target && !settings.target_energy) {
    throw InputError("--until-target: " + problem.name + " has no best known value, give --target");
  }
  auto& parameters = settings.parameters;
  for (const std::string& item : options.parameters) {
    const auto equals = item.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw InputError("--set " + item + ": expected name=value");
    if (!parameters.emplace(item.substr(0, equals), item.substr(equals + 1)).second) {
      throw InputError("--set " + item + ": " + item.substr(0, equals) + " is set twice");
    }
  }
  const auto set = [&](const char* name, const std::optional<std::string>& value) {
    if (!value) return;
    if (!parameters.emplace(name, *value).second)
      throw InputError(fmt::format("--{0} and --set {0}=...: give one", name));
  };
  set("model", options.model);
  set("law", options.law);
  set("preset", options.preset);
  if (options.dt) set("dt", fmt::format("{}", *options.dt));
  return settings;
}

/// One line on a terminal, redrawn in place; nothing in a pipe.
class ProgressLine {
 public:
  ProgressLine(const Streams& streams, const Problem& problem, bool shown)
      : streams_(streams), problem_(problem), shown_(shown) {}
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void draw(const Progress& progress) {
    if (!shown_) return;
    std::string line = fmt::format("{:5.1f}%", 100 * progress.fraction);
    if (progress.rate_per_s > 0) line += fmt::format("  {} steps/s", short_number(progress.rate_per_s, 3));
    if (progress.best_energy && std::isfinite(*progress.best_energy)) {
      line +=
          problem_.kind == ProblemKind::max_cut
              ? fmt::format("  best cut {}", short_number(problem_.cut_of_energy(*progress.best_energy), 10))
              : fmt::format("  best energy {}", short_number(*progress.best_energy, 10));
    }
    streams_.err << '\r' << fmt::format("{:<70}", line) << std::flush;
    drawn_ = true;
  }

  void clear() {
    if (drawn_) streams_.err << '\r' << std::string(70, ' ') << '\r' << std::flush;
    drawn_ = false;
  }

 private:
  const Streams& streams_;
  const Problem& problem_;
  bool shown_;
  bool drawn_ = false;
};

void require_known_ranges(const SolveOptions& options) {
  if (options.problem->file.empty()) throw InputError("solve: FILE is missing (see: opoloop help solve)");
  const auto at_least = [](const char* name, double value, double low) {
    if (!(value >= low)) throw_parameter_error(name, value, fmt::format("at least {}", low));
  };
  if (options.runs) at_least("--runs", *options.runs, 1);
  if (options.steps) at_least("--steps", static_cast<double>(*options.steps), 1);
  if (options.threads) at_least("--threads", *options.threads, 1);
  at_least("--log-trajectories", options.log_trajectories, 0);
  at_least("--log-every", static_cast<double>(options.log_every), 1);
  const auto positive = [](const char* name, const std::optional<double>& value) {
    if (value && !(*value > 0 && std::isfinite(*value)))
      throw_parameter_error(name, *value, "finite and above 0");
  };
  positive("--dt", options.dt);
  positive("--time-limit", options.time_limit_s);
  if (!options.out && options.log_trajectories > 0) throw InputError("--log-trajectories needs --out run.h5");
  if (!options.out && options.report) throw InputError("--report needs --out run.h5, which it is made from");
  FilePlaces places;
  places.reads(options.problem->file, "the problem file");
  places.reads(options.config, "the file of --config");
  places.reads_device(options.device);
  places.writes(options.out.value_or(""), "--out");
  places.writes(options.report.value_or(""), "--report");
}

int solve(const SolveOptions& options, const std::string& command_line, const Streams& streams) {
  require_known_ranges(options);
  catch_interrupts();
  const auto problem =
      std::make_shared<const Problem>(open_problem(options.problem->file, options.problem->load_options()));
  const JobSettings settings = job_settings(options, *problem);
  const auto device = make_device(options.device);
  const Capabilities capabilities = device->capabilities();
  if (settings.log_trajectories > 0 && !capabilities.trajectories) {
    throw InputError(fmt::format("--log-trajectories: {} returns no trajectories", device->uri()));
  }

  // Before the run file: a refused run must not cost an earlier one its file.
  if (options.resume_job) {
    device->attach(*options.resume_job, {problem, settings, nullptr});
  } else {
    device->check({problem, settings, nullptr});
  }
  std::unique_ptr<RunFile> run_file;
  if (options.out) {
    run_file = std::make_unique<RunFile>(*options.out, *problem,
                                         RunFile::Header{command_line, options.seed, device->uri()});
  }
  Result result;
  try {
    ProgressLine progress(streams, *problem, streams.live && !options.quiet);
    Job job{problem, settings, settings.log_trajectories > 0 ? run_file.get() : nullptr};
    std::string id;
    if (options.resume_job) {
      id = *options.resume_job;
      device->attach(id, job);
    } else {
      id = device->submit(job);
      // Told at once: whoever loses this process still has the job.
      if (capabilities.resumable && !options.quiet) {
        streams.err << fmt::format("job {} (if this stops: the same command with --resume-job {})\n", id, id);
      }
    }
    result = device->finish(id, [&](const Progress& now) { progress.draw(now); });
  } catch (const InputError&) {
    // What the device refuses never ran: leave no file that looks like a run.
    if (run_file) run_file->discard();
    throw;
  } catch (const NotAnswered&) {
    // Nor has what waits for its answer: the process that gets it writes the file.
    if (run_file) run_file->discard();
    throw;
  }
  const SolveStatistics statistics =
      solve_statistics(result, settings.target_energy, problem->ising.largest_term());
  if (run_file) {
    run_file->finish(result, statistics);
    run_file.reset();
  }
  if (options.report) write_report(read_run_file(*options.out), *options.report);

  for (const std::string& warning : result.warnings) streams.err << "warning: " << warning << '\n';
  if (result.interrupted) {
    streams.err << fmt::format("interrupted: {} of {} runs had begun{}\n", result.samples.size(), result.runs,
                               options.out ? ", saved in " + *options.out : "");
  } else if (result.time_limited) {
    streams.err << fmt::format("time limit: {} of {} runs had begun\n", result.samples.size(), result.runs);
  }
  const SolveOutcome outcome{*problem, settings, result, statistics, options.out, options.report};
  if (options.json) {
    streams.out << solve_json(outcome) << '\n';
  } else if (!options.quiet) {
    streams.out << solve_text(outcome);
  }
  // A shell's convention: ended by signal s is 128 + s, 130 for Ctrl-C.
  return result.interrupted && interrupted() ? 128 + interrupt_signal() : 0;
}

}  // namespace

Verb add_solve(CLI::App& program, const std::string& command_line) {
  CLI::App* app =
      program.add_subcommand("solve", "Solve a problem file on a device and say how well it went");
  auto options = std::make_shared<SolveOptions>();
  SolveOptions& o = *options;
  o.problem = add_problem_options(*app, "FILE", false);

  const char* where = "Device";
  app->add_option("--device", o.device,
                  "What solves it: emulator:, annealing:, dsb:, bsb:, exact:, opoloop://HOST:PORT, "
                  "quanfluence://HOST/device/ID, kaiwu:MACHINE, spool:FOLDER (see: opoloop devices)")
      ->type_name("URI")
      ->capture_default_str()
      ->group(where);
  app->add_option("--model", o.model, "Pulse model: " + names_of_models())->type_name("NAME")->group(where);
  app->add_option("--law", o.law, "Feedback law: " + names_of_laws())->type_name("NAME")->group(where);
  app->add_option("--preset", o.preset, "Published or tuned setting to start from (see: opoloop devices)")
      ->type_name("NAME")
      ->group(where);
  app->add_option("--dt", o.dt, "Time of one round trip, in units of the signal amplitude's lifetime")
      ->type_name("TIME")
      ->transform(any_number())
      ->group(where);
  app->add_option("--set", o.parameters, "Any other parameter of the device, as name=value; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->group(where);

  const char* work = "Work (chosen from the problem where left out)";
  app->add_option("--runs", o.runs, "Trajectories: independent runs from different noise")
      ->type_name("R")
      ->transform(any_integer(o.runs))
      ->group(work);
  app->add_option("--steps", o.steps, "Round trips of a run (sweeps of annealing:, steps of dsb: and bsb:)")
      ->type_name("K")
      ->transform(any_integer(o.steps))
      ->group(work);
  app->add_option("--seed", o.seed,
                  "Seed of all randomness; the same seed gives the same results on any number of threads")
      ->type_name("S")
      ->capture_default_str()
      ->transform(nonnegative_integer(o.seed))
      ->group(work);
  app->add_option("--threads", o.threads,
                  "Threads; all of this computer's where left out. Never changes a result")
      ->type_name("T")
      ->transform(any_integer(o.threads))
      ->group(work);

  const char* stop = "Target and limits";
  app->add_option("--target", o.target,
                  "What counts as solved: an energy, cut=C, or best (the best known value)")
      ->type_name("E|cut=C|best")
      ->group(stop);
  app->add_flag("--until-target", o.until_target, "Stop as soon as one run reaches the target")->group(stop);
  app->add_option("--time-limit", o.time_limit_s, "Stop after so many seconds and report what is done")
      ->type_name("SECONDS")
      ->transform(any_number())
      ->group(stop);

  app->add_option("--resume-job", o.resume_job,
                  "Wait for a job that this command submitted before to a device that keeps jobs, by its id")
      ->type_name("ID")
      ->group(work);

  const char* output = "Output";
  app->add_option("--out", o.out, "Write an HDF5 run file (docs/run-file.md)")
      ->type_name("RUN.h5")
      ->group(output);
  app->add_option("--report", o.report, "Write an HTML report too; needs --out")
      ->type_name("OUT.html")
      ->group(output);
  app->add_option("--log-trajectories", o.log_trajectories,
                  "Log the amplitudes of the first so many runs; needs --out")
      ->type_name("K")
      ->capture_default_str()
      ->transform(any_integer(o.log_trajectories))
      ->group(output);
  app->add_option("--log-every", o.log_every, "Log every so many round trips")
      ->type_name("M")
      ->capture_default_str()
      ->transform(any_integer(o.log_every))
      ->group(output);
  app->add_flag("--json", o.json,
                "Print exactly one JSON object on standard output, all else on standard error")
      ->group(output);
  app->add_flag("--quiet", o.quiet, "No summary and no progress line")->group(output);
  add_config_option(*app, o.config);
  return {app,
          [options, command_line](const Streams& streams) { return solve(*options, command_line, streams); }};
}

}  // namespace opoloop
