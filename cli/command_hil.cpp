#include "cli/command_hil.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "cim_model/presets.h"
#include "cli/number_options.h"
#include "cli/output_place.h"
#include "cli/problem_options.h"
#include "cli/text_format.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "driver/emulator_parameters.h"
#include "driver/hil/controller.h"
#include "driver/hil/hil_file.h"
#include "driver/problem_io.h"
#include "driver/run_file.h"
#include "driver/trajectory_sample.h"
#include "experiments/hil_report.h"
#include "experiments/page.h"

namespace opoloop {
namespace {

using Json = nlohmann::ordered_json;

struct PlantOptions {
  std::shared_ptr<ProblemOptions> problem;
  std::string carrier;
  std::vector<std::string> parameters;  ///< name=value
  std::optional<std::string> law, preset, machine;
  std::optional<std::int64_t> steps;
  std::optional<int> delay;
  int runs = 1;
  std::uint64_t seed = 1;
  bool free_run = false;
  std::string on_miss = "hold";
  std::optional<double> round_trip_us;
  std::string samples = "f32";
  std::optional<double> measurement_full_scale, feedback_full_scale;
  hil::Faults faults;
  hil::PlantPatience patience;
  std::optional<int> processor;
  std::optional<double> target;
  bool compare = false;
  std::string out, report;
  bool json = false, quiet = false;
};

struct ControllerOptions {
  std::string carrier;
  hil::ControllerSettings settings;
  std::optional<int> processor;
  bool json = false;
};

hil::MissPolicy parse_miss_policy(const std::string& text) {
  if (text == "hold") return hil::MissPolicy::hold;
  if (text == "zero") return hil::MissPolicy::zero;
  if (text == "stall") return hil::MissPolicy::stall;
  throw InputError("on-miss = '" + text + "': must be one of hold, zero, stall");
}

LoopParameters loop_parameters(const PlantOptions& o, const IsingModel& model) {
  std::map<std::string, std::string> given;
  const auto set = [&](const std::string& name, const std::string& value) {
    if (!given.emplace(name, value).second) throw InputError(name + " is set twice");
  };
  for (const std::string& item : o.parameters) {
    const auto equals = item.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw InputError("--set " + item + ": expected name=value");
    set(item.substr(0, equals), item.substr(equals + 1));
  }
  if (o.law) set("law", *o.law);
  if (o.preset) set("preset", *o.preset);
  if (o.delay) set("feedback_delay", std::to_string(*o.delay));
  // The automatic choice may be a law that no reference controller computes.
  if (!given.contains("law") && !given.contains("preset")) given.emplace("law", "cfc");
  LoopParameters parameters = emulator_parameters(given, model);
  if (o.steps) parameters.rounds = *o.steps;
  parameters.validate();
  return parameters;
}

hil::PlantSettings plant_settings(const PlantOptions& o, const LoopParameters& parameters) {
  hil::PlantSettings settings;
  settings.clock = o.free_run ? hil::ClockMode::free_run : hil::ClockMode::lock_step;
  settings.on_miss = parse_miss_policy(o.on_miss);
  if (o.round_trip_us) {
    if (!(*o.round_trip_us > 0 && *o.round_trip_us <= 4e6))
      throw_parameter_error("--round-trip-us", *o.round_trip_us, "above 0 and at most 4000000");
    settings.round_trip_s = *o.round_trip_us * 1e-6;
  } else if (o.machine) {
    const MachinePreset& machine = machine_preset(*o.machine);
    if (!machine.round_trip_time_s)
      throw InputError("--machine " + *o.machine +
                       ": its round-trip time is not published, give --round-trip-us");
    settings.round_trip_s = machine.round_trip_time_s->value;
  }
  if (o.free_run && settings.round_trip_s == 0)
    throw InputError("--free-run needs the machine's round-trip time: --machine NAME or --round-trip-us T");
  const hil::SampleFormat format = hil::parse_sample_format(o.samples);
  const Imperfections& i = parameters.imperfections;
  settings.wire.measurement =
      hil::WireFormat::of(format, o.measurement_full_scale.value_or(i.adc_full_scale));
  settings.wire.feedback = hil::WireFormat::of(format, o.feedback_full_scale.value_or(i.dac_full_scale));
  if (o.runs < 1) throw_parameter_error("--runs", o.runs, "at least 1");
  settings.runs = o.runs;
  settings.seed = o.seed;
  settings.session = std::random_device{}() | 1u;  // 0 is nobody's
  o.faults.validate();
  settings.faults = o.faults;
  settings.patience = o.patience;
  settings.processor = o.processor;
  settings.stop = [] { return interrupted(); };
  return settings;
}

HilSuccess success_of(const std::string& conditions, const std::vector<TrajectoryResult>& results,
                      double target, double term) {
  HilSuccess success{conditions, 0, static_cast<std::int64_t>(results.size())};
  for (const TrajectoryResult& t : results) success.successes += reaches(t.energy_best, target, term) ? 1 : 0;
  return success;
}

bool same_results(const std::vector<TrajectoryResult>& a, const std::vector<TrajectoryResult>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [](const TrajectoryResult& x, const TrajectoryResult& y) {
        return x.energy_final == y.energy_final && x.energy_best == y.energy_best &&
               x.round_best == y.round_best && x.spins_final == y.spins_final && x.spins_best == y.spins_best;
      });
}

Json histogram_json(const hil::LatencyHistogram& h) {
  if (h.count() == 0) return nullptr;
  return {{"count", h.count()},
          {"mean_ns", h.mean_ns()},
          {"p50_ns", h.percentile_ns(0.5)},
          {"p90_ns", h.percentile_ns(0.9)},
          {"p99_ns", h.percentile_ns(0.99)},
          {"p99_9_ns", h.percentile_ns(0.999)},
          {"max_ns", h.max_ns()}};
}

Json outcome_json(const HilOutcome& o, double best_energy) {
  const hil::PlantReport& r = o.summary.report;
  Json json = {{"carrier", o.summary.carrier},
               {"clock", o.summary.settings.clock == hil::ClockMode::free_run ? "free-run" : "lock-step"},
               {"problem", o.problem.name},
               {"n", o.problem.ising.size()},
               {"runs", r.results.size()},
               {"interrupted", r.interrupted},
               {"best_energy", r.results.empty() ? Json(nullptr) : Json(best_energy)},
               {"rounds", r.rounds.rounds},
               {"misses", r.rounds.misses},
               {"longest_miss_burst", r.rounds.longest_burst},
               {"answers_that_never_came", r.never_came()},
               {"turnaround", histogram_json(r.rounds.turnaround)},
               {"late_by", histogram_json(r.rounds.late_by)},
               {"plant", histogram_json(r.rounds.plant)},
               {"wall_s", r.wall_s},
               {"real_time_factor", r.real_time_factor ? Json(*r.real_time_factor) : Json(nullptr)},
               {"link",
                {{"sent", r.link.sent},
                 {"received", r.link.received},
                 {"repeated", r.link.repeats},
                 {"incomplete", r.link.lost},
                 {"duplicates", r.link.duplicates},
                 {"reordered", r.link.reordered},
                 {"crc_bad", r.link.crc_bad},
                 {"malformed", r.link.malformed},
                 {"other_version", r.link.other_version},
                 {"other_session", r.link.other_session}}},
               {"saturations",
                {{"measurement_samples", r.rounds.saturations.measurement},
                 {"feedback_frames", r.rounds.saturations.feedback}}},
               {"scheduling", r.scheduling},
               {"same_as_law_in_process", o.same_as_law ? Json(*o.same_as_law) : Json(nullptr)}};
  json["injected_faults"] = nullptr;
  if (r.faults) {
    json["injected_faults"] = {{"datagrams", r.faults->passed},
                               {"lost", r.faults->lost},
                               {"duplicated", r.faults->duplicated},
                               {"reordered", r.faults->reordered},
                               {"corrupted", r.faults->corrupted}};
  }
  json["success"] = Json::array();
  for (const HilSuccess& s : o.success) {
    json["success"].push_back({{"loop", s.conditions},
                               {"successes", s.successes},
                               {"runs", s.runs},
                               {"p", s.probability()},
                               {"p_low", s.interval().low},
                               {"p_high", s.interval().high}});
  }
  return json;
}

void print_outcome(const HilOutcome& o, double best_energy, const Streams& streams) {
  const auto line = [&](const std::string& name, const std::string& value) {
    streams.out << fmt::format("{:<45}{}\n", name, value);
  };
  line("problem", fmt::format("{}, {} spins", o.problem.name, o.problem.ising.size()));
  for (const auto& [name, value] : hil_rows(o.summary)) line(name, value);
  if (!o.summary.report.results.empty()) line("best energy", short_number(best_energy, 10));
  for (const HilSuccess& s : o.success) {
    line("success, " + s.conditions,
         fmt::format("{} of {} runs, {} (95% {} to {})", s.successes, s.runs, percent(s.probability()),
                     percent(s.interval().low), percent(s.interval().high)));
  }
  if (!o.success.empty()) line("success means", o.target);
  if (o.same_as_law) line("same as the law in process", *o.same_as_law ? "yes" : "no");
}

int plant(const PlantOptions& o, const std::string& command_line, const Streams& streams) {
  FilePlaces places;
  places.reads(o.problem->file, "the problem file");
  places.writes(o.out, "--out");
  places.writes(o.report, "--report");
  catch_interrupts();
  const Problem problem = open_problem(o.problem->file, o.problem->load_options());
  const LoopParameters parameters = loop_parameters(o, problem.ising);
  hil::HilSummary summary{o.carrier, plant_settings(o, parameters), parameters, {}};
  const bool ancilla = problem.ising.has_field() && parameters.field_mode == FieldMode::ancilla;
  const IsingModel& model = ancilla ? with_ancilla(problem.ising) : problem.ising;

  auto carrier = hil::open_carrier(o.carrier, hil::Side::plant, 0);
  summary.carrier = carrier->name();
  if (!o.quiet) {
    summary.settings.waiting = [&] {
      streams.err << fmt::format("plant: waiting for a controller on {}\n", summary.carrier) << std::flush;
    };
  }
  std::unique_ptr<RunFile> file;
  if (!o.out.empty())
    file = std::make_unique<RunFile>(o.out, problem,
                                     RunFile::Header{command_line, o.seed, "hil:" + summary.carrier});
  try {
    summary.report = hil::run_plant(model, parameters, std::move(carrier), summary.settings);
  } catch (const InputError&) {
    if (file) file->discard();
    throw;
  }
  const hil::PlantReport& report = summary.report;

  Result result;
  result.device_uri = "hil:" + summary.carrier;
  for (const TrajectoryResult& t : report.results) result.samples.push_back(sample_of(t, ancilla));
  result.runs = o.runs;
  result.steps = parameters.rounds;
  result.interrupted = report.interrupted;
  result.timing.wall_s = report.wall_s;
  result.parameters = describe(parameters);
  result.parameters["coupling_strength"] = {fmt::format("{}", coupling_strength(model, parameters)),
                                            "1/energy"};
  result.counts_clipping = can_clip(parameters.imperfections);
  if (summary.settings.round_trip_s > 0) result.round_trip_time_s = summary.settings.round_trip_s;
  if (ancilla) result.adaptations.push_back("linear term moved into an ancilla pulse (field_mode = ancilla)");
  double best = 0;
  for (const TrajectoryResult& t : report.results)
    best = &t == report.results.data() ? t.energy_best : std::min(best, t.energy_best);

  // The same seeds without a wire, and without a delay where there is one.
  const bool compare = o.compare && !report.interrupted;
  std::vector<std::pair<std::string, std::vector<TrajectoryResult>>> loops;
  if (!report.results.empty()) loops.emplace_back("over the wire", report.results);
  if (compare) {
    loops.emplace_back("law in process", hil::run_in_process(model, parameters, summary.settings));
    LoopParameters prompt = parameters;
    prompt.imperfections.feedback_delay = 0;
    if (parameters.imperfections.feedback_delay > 0) {
      loops.emplace_back("law in process, no delay", hil::run_in_process(model, prompt, summary.settings));
    }
  }
  const std::optional<double> asked = o.target ? o.target : problem.best_known_energy;
  double lowest = std::numeric_limits<double>::infinity();
  for (const auto& [name, results] : loops) {
    for (const TrajectoryResult& t : results) lowest = std::min(lowest, t.energy_best);
  }
  const double target = asked.value_or(lowest);
  const double term = problem.ising.largest_term();
  HilOutcome outcome{problem, summary, {}, {}, {}};
  outcome.target = fmt::format("energy {}{}", short_number(target, 10),
                               o.target ? ""
                               : asked  ? ", the best known"
                                        : ", the best found here (no better value is known)");
  for (const auto& [name, results] : loops)
    outcome.success.push_back(success_of(name, results, target, term));
  if (compare && !o.free_run) outcome.same_as_law = same_results(report.results, loops[1].second);
  if (file) {
    file->finish(result, solve_statistics(result, asked, term));
    file.reset();
    hil::write_hil_group(o.out, summary);
  }
  if (!o.report.empty()) write_page(hil_html(outcome, command_line), o.report);
  if (o.json) {
    streams.out << outcome_json(outcome, best).dump() << '\n';
  } else if (!o.quiet) {
    print_outcome(outcome, best, streams);
  }
  return report.interrupted && interrupted() ? 128 + interrupt_signal() : 0;
}

int controller(const ControllerOptions& o, const Streams& streams) {
  catch_interrupts();
  if (o.processor) hil::bind_to_processor(*o.processor);
  hil::ControllerSettings settings = o.settings;
  settings.stop = [] { return interrupted(); };
  const auto report =
      hil::run_controller(hil::open_carrier(o.carrier, hil::Side::controller, settings.greeting_s), settings);
  if (o.json) {
    const Json json = {{"law", report.law},
                       {"runs", report.runs},
                       {"rounds", report.rounds},
                       {"repeated", report.repeated},
                       {"crc_bad", report.link.crc_bad},
                       {"malformed", report.link.malformed},
                       {"reordered", report.link.reordered},
                       {"interrupted", report.interrupted}};
    streams.out << json.dump() << '\n';
  } else {
    streams.out << fmt::format("answered {} rounds of {} runs by law {}; {} answers sent again\n",
                               grouped(report.rounds), grouped(report.runs),
                               report.law.empty() ? "none" : report.law, grouped(report.repeated));
  }
  return report.interrupted ? 128 + interrupt_signal() : 0;
}

void add_plant_options(CLI::App& app, PlantOptions& o) {
  app.add_option("CARRIER", o.carrier, "shm:NAME, udp:PORT or udp:HOST:PORT: where a controller connects")
      ->required();
  const char* loop = "Loop";
  app.add_option("--law", o.law,
                 "Law the controller is told to compute: linear, cac or cfc (cfc where left out)")
      ->type_name("NAME")
      ->group(loop);
  app.add_option("--preset", o.preset, "Published or tuned setting to start from (see: opoloop devices)")
      ->type_name("NAME")
      ->group(loop);
  app.add_option("--set", o.parameters, "Any other parameter of emulator:, as name=value; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->group(loop);
  app.add_option("--steps", o.steps, "Round trips of a run")
      ->type_name("K")
      ->transform(positive_integer(o.steps))
      ->group(loop);
  app.add_option("--runs", o.runs, "Runs, one after another")
      ->type_name("R")
      ->capture_default_str()
      ->transform(any_integer(o.runs))
      ->group(loop);
  app.add_option("--seed", o.seed, "Seed of the loop's noise")
      ->type_name("S")
      ->capture_default_str()
      ->transform(nonnegative_integer(o.seed))
      ->group(loop);
  app.add_option("--delay", o.delay, "Round trips between a measurement and its injection, d")
      ->type_name("D")
      ->transform(nonnegative_integer(o.delay))
      ->group(loop);

  const char* clock = "Clock (lock-step where left out)";
  app.add_flag("--free-run", o.free_run, "Wall time: an answer has (d + 1) round-trip times, no longer")
      ->group(clock);
  app.add_option("--machine", o.machine, "Machine whose round-trip time it is (see: opoloop devices)")
      ->type_name("NAME")
      ->group(clock);
  app.add_option("--round-trip-us", o.round_trip_us, "Round-trip time in microseconds")
      ->type_name("T")
      ->transform(any_number())
      ->group(clock);
  app.add_option("--on-miss", o.on_miss, "What is injected where an answer is late: hold, zero or stall")
      ->type_name("NAME")
      ->capture_default_str()
      ->group(clock);
  app.add_option("--cpu", o.processor, "Processor to run on")
      ->type_name("C")
      ->transform(any_integer(o.processor))
      ->group(clock);

  const char* wire = "Wire";
  app.add_option("--samples", o.samples, "Samples both ways: i8, i12, i16 or f32")
      ->type_name("FORMAT")
      ->capture_default_str()
      ->group(wire);
  app.add_option("--measurement-full-scale", o.measurement_full_scale,
                 "Amplitude of the largest code (adc_full_scale where left out)")
      ->type_name("X")
      ->transform(any_number())
      ->group(wire);
  app.add_option("--feedback-full-scale", o.feedback_full_scale,
                 "Injection of the largest code (dac_full_scale where left out)")
      ->type_name("X")
      ->transform(any_number())
      ->group(wire);
  app.add_option("--wait", o.patience.controller_s, "Seconds to wait for a controller")
      ->type_name("S")
      ->capture_default_str()
      ->transform(positive_number())
      ->group(wire);
  app.add_option("--timeout", o.patience.answer_s,
                 "Seconds without an answer after which a controller is gone")
      ->type_name("S")
      ->capture_default_str()
      ->transform(positive_number())
      ->group(wire);

  const char* faults = "Faults put on the line, both ways (probability of a datagram)";
  app.add_option("--loss", o.faults.loss, "Lost")->type_name("P")->transform(any_number())->group(faults);
  app.add_option("--duplicate", o.faults.duplication, "Doubled")
      ->type_name("P")
      ->transform(any_number())
      ->group(faults);
  app.add_option("--reorder", o.faults.reordering, "Overtaken by up to three later ones")
      ->type_name("P")
      ->transform(any_number())
      ->group(faults);
  app.add_option("--corrupt", o.faults.corruption, "One bit turned over")
      ->type_name("P")
      ->transform(any_number())
      ->group(faults);
  app.add_option("--fault-seed", o.faults.seed, "Seed of the faults")
      ->type_name("S")
      ->capture_default_str()
      ->transform(nonnegative_integer(o.faults.seed))
      ->group(faults);

  const char* output = "Output";
  app.add_option("--target", o.target, "Energy that counts as solved; the best known where left out")
      ->type_name("E")
      ->transform(any_number())
      ->group(output);
  app.add_flag("--compare", o.compare,
               "Run the same seeds with the law in this process, too, and say how success compares")
      ->group(output);
  app.add_option("--out", o.out, "Write an HDF5 run file with a group /hil (docs/run-file.md)")
      ->type_name("RUN.h5")
      ->group(output);
  app.add_option("--report", o.report, "Write an HTML page with the turnaround histogram")
      ->type_name("OUT.html")
      ->group(output);
  app.add_flag("--json", o.json, "Print one JSON object")->group(output);
  app.add_flag("--quiet", o.quiet, "Print nothing")->group(output);
}

}  // namespace

Verb add_hil(CLI::App& program, const std::string& command_line) {
  CLI::App* app = program.add_subcommand(
      "hil", "Hardware in the loop: the optics here, the feedback law elsewhere (docs/hil.md)");
  app->require_subcommand(0, 1);
  CLI::App* serve = app->add_subcommand("plant", "Simulate the optics and let a controller close the loop");
  auto plant_options = std::make_shared<PlantOptions>();
  plant_options->problem = add_problem_options(*serve, "FILE", true);
  add_plant_options(*serve, *plant_options);

  CLI::App* answer = app->add_subcommand("controller", "Close a plant's loop with the reference law");
  auto controller_options = std::make_shared<ControllerOptions>();
  ControllerOptions& c = *controller_options;
  answer->add_option("CARRIER", c.carrier, "shm:NAME or udp:HOST:PORT: where the plant is")->required();
  answer->add_option("--wait", c.settings.greeting_s, "Seconds to wait for the plant")
      ->type_name("S")
      ->capture_default_str()
      ->transform(positive_number());
  answer
      ->add_option("--timeout", c.settings.silence_s, "Seconds without a word after which the plant is gone")
      ->type_name("S")
      ->capture_default_str()
      ->transform(positive_number());
  answer->add_option("--cpu", c.processor, "Processor to run on")
      ->type_name("C")
      ->transform(any_integer(c.processor));
  answer->add_flag("--json", c.json, "Print one JSON object");

  return {app, [=](const Streams& streams) {
            if (serve->parsed()) return plant(*plant_options, command_line, streams);
            if (answer->parsed()) return controller(*controller_options, streams);
            throw InputError("hil: say which side, plant or controller (see: opoloop help hil)");
          }};
}

}  // namespace opoloop
