#include "experiments/published_measure.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "cim_model/ensemble.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "driver/emulator_parameters.h"
#include "driver/statistics.h"
#include "hamiltonian/coupling.h"

namespace opoloop {

namespace {

double number_of(const std::map<std::string, ParameterValue>& parameters, const std::string& name) {
  const auto at = parameters.find(name);
  return at == parameters.end() ? PublishedPoint::kNone : std::strtod(at->second.value.c_str(), nullptr);
}

/// g² and dt as columns of their own, the rest as text.
void describe_loop(PublishedPoint& point, const std::map<std::string, ParameterValue>& parameters) {
  point.setting = setting_text(parameters);
  point.dt = number_of(parameters, "dt");
  const auto model = parameters.find("model");
  if (model != parameters.end() && model->second.value != "mean-field") {
    point.g2 = number_of(parameters, "g2");
  }
}

void describe_rounds(PublishedPoint& point, const std::vector<double>& rounds) {
  const auto n = static_cast<double>(rounds.size());
  if (rounds.empty()) return;
  double sum = 0;
  for (const double k : rounds) sum += k;
  point.mean_round = sum / n;
  double squares = 0;
  for (const double k : rounds) squares += (k - point.mean_round) * (k - point.mean_round);
  point.sd_round = rounds.size() > 1 ? std::sqrt(squares / (n - 1)) : PublishedPoint::kNone;
  point.first_round = *std::min_element(rounds.begin(), rounds.end());
}

}  // namespace

std::string setting_text(const std::map<std::string, ParameterValue>& parameters) {
  std::string text;
  for (const auto& [name, parameter] : parameters) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, parameter.value);
  }
  return text;
}

std::optional<PublishedPoint> measure_runs(const PublishedOptions& options,
                                           const std::shared_ptr<const Problem>& problem,
                                           const DeviceRuns& what, double target_energy) {
  Job job;
  job.problem = problem;
  job.settings.runs = what.runs;
  job.settings.steps = what.rounds;
  job.settings.seed = options.seed;
  job.settings.threads = options.threads;
  job.settings.target_energy = target_energy;
  job.settings.parameters = what.parameters;
  const auto device = make_device(what.uri);
  const Result result = device->run(job);
  if (result.interrupted) return std::nullopt;
  const SolveStatistics statistics = solve_statistics(result, target_energy, problem->ising.largest_term());
  PublishedPoint point;
  point.instance = problem->name;
  point.device = result.device_uri;
  describe_loop(point, result.parameters);
  point.spins = problem->ising.size();
  point.rounds = static_cast<double>(result.steps);
  point.target_energy = target_energy;
  point.trials = static_cast<double>(statistics.trials);
  point.successes = static_cast<double>(statistics.successes_best);
  point.successes_final = static_cast<double>(statistics.successes_final);
  point.wall_s = result.timing.wall_s;
  if (result.round_trip_time_s) point.round_trip_time_s = *result.round_trip_time_s;
  std::vector<double> rounds;  // the first round trip of a run's best energy: of its success, if it had one
  for (const Sample& sample : result.samples) {
    if (sample.diverged) continue;
    point.best_energy =
        std::isnan(point.best_energy) ? sample.energy_best : std::min(point.best_energy, sample.energy_best);
    if (reaches(sample.energy_best, target_energy, problem->ising.largest_term())) {
      rounds.push_back(static_cast<double>(sample.round_best));
    }
  }
  describe_rounds(point, rounds);
  return point;
}

std::optional<std::vector<PublishedPoint>> measure_first_passage(const PublishedOptions& options,
                                                                 const Problem& problem,
                                                                 const LoopParameters& parameters, int runs,
                                                                 const std::vector<double>& targets) {
  const auto coupling = make_coupling(problem.ising);
  std::vector<std::vector<std::int64_t>> first(targets.size(),
                                               std::vector<std::int64_t>(static_cast<std::size_t>(runs), -1));
  std::atomic<bool> cancel{false};
  EngineOptions engine;
  engine.seed = options.seed;
  engine.trajectories = runs;
  engine.threads = options.threads;
  engine.cancel = &cancel;
  engine.observe_trajectories = runs;
  const double term = problem.ising.largest_term();
  // Tiles call this at the same time, each for lanes of its own.
  engine.observer = [&](const TileObservation& seen) {
    if (interrupted()) cancel.store(true);
    for (int lane = 0; lane < seen.lanes; ++lane) {
      for (std::size_t t = 0; t < targets.size(); ++t) {
        std::int64_t& round = first[t][seen.first_trajectory + static_cast<std::uint32_t>(lane)];
        if (round < 0 && reaches(seen.energy[lane], targets[t], term)) round = seen.round;
      }
    }
  };
  const auto start = Clock::now();
  const std::vector<TrajectoryResult> results = run_ensemble(problem.ising, *coupling, parameters, engine);
  const double wall = seconds_since(start);
  if (cancel.load()) return std::nullopt;
  std::vector<PublishedPoint> points;
  for (std::size_t t = 0; t < targets.size(); ++t) {
    PublishedPoint point;
    point.instance = problem.name;
    point.device = "emulator:";
    describe_loop(point, describe(parameters));
    point.spins = problem.ising.size();
    point.rounds = static_cast<double>(parameters.rounds);
    point.target_energy = targets[t];
    point.trials = runs;
    point.successes_final = 0;
    point.wall_s = wall;
    for (const TrajectoryResult& result : results) {
      if (result.diverged) continue;
      point.best_energy = std::isnan(point.best_energy) ? result.energy_best
                                                        : std::min(point.best_energy, result.energy_best);
      point.successes_final += reaches(result.energy_final, targets[t], term);
    }
    std::vector<double> rounds;
    for (const std::int64_t round : first[t]) {
      if (round >= 0) rounds.push_back(static_cast<double>(round));
    }
    point.successes = static_cast<double>(rounds.size());
    describe_rounds(point, rounds);
    points.push_back(std::move(point));
  }
  return points;
}

std::vector<PublishedTask> published_tasks(const PublishedOptions& options) {
  const std::vector<std::string> sections = {kMoebius, kGset, kK2000, kSaturation, kScaling};
  for (const std::string& name : options.only) {
    if (std::find(sections.begin(), sections.end(), name) == sections.end()) {
      throw InputError(fmt::format("--only {}: must be one of {}", name, fmt::join(sections, ", ")));
    }
  }
  const auto wanted = [&](const char* name) {
    return options.only.empty() ||
           std::find(options.only.begin(), options.only.end(), name) != options.only.end();
  };
  std::vector<PublishedTask> tasks;
  const auto append = [&](std::vector<PublishedTask> more) {
    for (PublishedTask& task : more) tasks.push_back(std::move(task));
  };
  if (wanted(kMoebius)) append(moebius_tasks());
  if (wanted(kGset)) append(gset_tasks());
  if (wanted(kK2000)) append(k2000_tasks(options));
  append(reference_tasks(options, wanted(kSaturation), wanted(kScaling)));
  if (wanted(kSaturation)) append(saturation_tasks(options));
  if (wanted(kScaling)) append(scaling_tasks(options));
  return tasks;
}

}  // namespace opoloop
