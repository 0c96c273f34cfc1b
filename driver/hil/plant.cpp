#include "driver/hil/plant.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/clock.h"
#include "core/error.h"

namespace opoloop::hil {
namespace {

std::uint32_t nanoseconds(double round_trip_s) {
  const double ns = std::round(round_trip_s * 1e9);
  if (!(ns >= 0 && ns <= 4e9)) throw_parameter_error("round-trip time", round_trip_s, "0 to 4 s");
  return static_cast<std::uint32_t>(ns);
}

Hello hello_of(const IsingModel& problem, const LoopParameters& parameters, const PlantSettings& settings) {
  Hello hello;
  hello.n = static_cast<std::uint32_t>(problem.size());
  hello.clock = settings.clock;
  hello.delay = static_cast<std::uint32_t>(parameters.imperfections.feedback_delay);
  hello.rounds = static_cast<std::uint32_t>(parameters.rounds);
  hello.runs = static_cast<std::uint32_t>(settings.runs);
  hello.measurement = settings.wire.measurement;
  hello.feedback = settings.wire.feedback;
  hello.round_trip_ns = nanoseconds(settings.round_trip_s);
  if (settings.clock == ClockMode::free_run && hello.round_trip_ns == 0)
    throw InputError("free-run needs the machine's round-trip time");
  return hello;
}

}  // namespace

PlantReport run_plant(const IsingModel& problem, const LoopParameters& parameters,
                      std::unique_ptr<Carrier> carrier, const PlantSettings& settings) {
  if (settings.runs < 1) throw_parameter_error("runs", settings.runs, "at least 1");
  parameters.validate();
  const Hello hello = hello_of(problem, parameters, settings);
  const std::vector<std::uint32_t> words = LawConfiguration::of(problem, parameters).words();
  const auto model = make_pulse_model(parameters, problem);
  LoopParameters loop = parameters;
  // In free-run the wire is where the delay is: RemoteLaw waits for it.
  if (settings.clock == ClockMode::free_run) loop.imperfections.feedback_delay = 0;
  if (settings.processor) bind_to_processor(*settings.processor);

  FaultyCarrier* faulty = nullptr;
  if (settings.faults.any()) {
    auto wrapped = std::make_unique<FaultyCarrier>(std::move(carrier), settings.faults);
    faulty = wrapped.get();
    carrier = std::move(wrapped);
  }
  PlantSession session(std::move(carrier), settings.session, settings.patience, settings.stop);
  PlantReport report;
  report.scheduling = describe_scheduling();
  std::optional<RemoteLaw> law;
  auto begin = Clock::now();
  if (settings.waiting) settings.waiting();
  try {
    session.open(hello, words);
    law.emplace(session, settings.on_miss);
    begin = Clock::now();
    for (int run = 0; run < settings.runs; ++run) {
      LoopOptions options;
      options.seed = settings.seed;
      options.trajectory = static_cast<std::uint32_t>(run);
      options.observer = settings.observer;
      report.results.push_back(run_loop(problem, loop, *model, *law, options));
    }
    report.wall_s = seconds_since(begin);
    session.close();
  } catch (const Stopped&) {
    report.interrupted = true;
    report.wall_s = seconds_since(begin);
    session.fail("the plant was stopped");
  } catch (const Error& error) {
    session.fail(error.what());
    throw;
  }
  if (law) report.rounds = law->statistics();
  report.link = session.link().counts();
  if (faulty != nullptr) report.faults = faulty->counts();
  if (hello.round_trip_ns > 0 && report.wall_s > 0) {
    // From the first measurement of a run to its last is a round trip less than it has rounds.
    const double round_trips = static_cast<double>(report.rounds.rounds) - settings.runs;
    report.real_time_factor = std::max(0.0, round_trips) * hello.round_trip_ns * 1e-9 / report.wall_s;
  }
  return report;
}

std::vector<TrajectoryResult> run_in_process(const IsingModel& problem, const LoopParameters& parameters,
                                             const PlantSettings& settings, WireSaturations* saturations) {
  const auto model = make_pulse_model(parameters, problem);
  InProcessLaw law(LawConfiguration::of(problem, parameters), settings.wire);
  std::vector<TrajectoryResult> results;
  for (int run = 0; run < settings.runs; ++run) {
    if (settings.stop && settings.stop()) break;
    LoopOptions options;
    options.seed = settings.seed;
    options.trajectory = static_cast<std::uint32_t>(run);
    options.observer = settings.observer;
    results.push_back(run_loop(problem, parameters, *model, law, options));
  }
  if (saturations != nullptr) *saturations = law.saturations();
  return results;
}

}  // namespace opoloop::hil
