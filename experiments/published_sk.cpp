#include <algorithm>
#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "core/error.h"
#include "driver/statistics.h"
#include "experiments/published_measure.h"
#include "hamiltonian/generators.h"

// Sections saturation and scaling: seeded SK instances, J = ±1, whose ground energies are looked for first.

namespace opoloop {

namespace {

constexpr const char* kReference = "reference";

std::string instance_name(int spins, int index) {
  return fmt::format("SK N={} #{}", spins, index);
}

std::shared_ptr<const Problem> sk_instance(const PublishedOptions& options, int spins, int index) {
  // A seed of the experiment is a set of instances; sizes do not share theirs, being of different sizes.
  const std::uint64_t seed = options.seed * 1000 + static_cast<std::uint64_t>(index);
  auto problem =
      std::make_shared<Problem>(sherrington_kirkpatrick(spins, CouplingKind::plus_minus_one, false, seed));
  problem->name = instance_name(spins, index);
  return problem;
}

/// The least energy that three different methods find. It is not proven to be the ground state: what speaks
/// for it is how many of the three found it.
std::optional<std::vector<PublishedPoint>> find_reference(const PublishedOptions& options, int spins,
                                                          int index) {
  const auto problem = sk_instance(options, spins, index);
  std::vector<PublishedPoint> found;
  for (const char* uri : {"emulator:", "annealing:", "dsb:"}) {
    auto point = measure_runs(options, problem, {uri, {}, options.sizes.reference_runs, std::nullopt}, 0);
    if (!point) return std::nullopt;
    found.push_back(*point);
  }
  PublishedPoint best = found.front();
  for (const PublishedPoint& point : found) best.best_energy = std::min(best.best_energy, point.best_energy);
  best.part = kReference;
  best.series = kReference;
  best.device = "emulator:, annealing:, dsb:";
  best.setting = "automatic";
  best.g2 = best.dt = best.rounds = best.mean_round = best.sd_round = best.first_round =
      PublishedPoint::kNone;
  best.target_energy = best.best_energy;
  best.trials = static_cast<double>(found.size());
  best.successes = 0;
  best.successes_final = PublishedPoint::kNone;
  best.target_source = "least energy of";
  best.wall_s = 0;
  for (const PublishedPoint& point : found) {
    best.successes += reaches(point.best_energy, best.best_energy) ? 1 : 0;
    best.target_source += fmt::format(" {} {}", point.device, point.best_energy);
    best.wall_s += point.wall_s;
  }
  return std::vector{best};
}

double reference_energy(const std::vector<PublishedPoint>& done, const std::string& instance) {
  for (const PublishedPoint& point : done) {
    if (point.part == kReference && point.instance == instance) return point.best_energy;
  }
  throw Error("experiment published: no reference energy of " + instance);
}

/// A measurement on an SK instance against its reference energy.
PublishedTask sk_task(const char* part, const std::string& name, const std::string& series, int spins,
                      int index, const DeviceRuns& runs) {
  return {name,
          [=](const PublishedOptions& o,
              const std::vector<PublishedPoint>& done) -> std::optional<std::vector<PublishedPoint>> {
            const auto problem = sk_instance(o, spins, index);
            auto point = measure_runs(o, problem, runs, reference_energy(done, problem->name));
            if (!point) return std::nullopt;
            point->part = part;
            point->series = series;
            point->target_source = "reference";
            return std::vector{*point};
          }};
}

}  // namespace

std::vector<PublishedTask> reference_tasks(const PublishedOptions& options, bool saturation, bool scaling) {
  std::vector<int> sizes;
  if (saturation) sizes.push_back(options.sizes.saturation_spins);
  if (scaling)
    sizes.insert(sizes.end(), options.sizes.scaling_spins.begin(), options.sizes.scaling_spins.end());
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  std::vector<PublishedTask> tasks;
  for (const int spins : sizes) {
    for (int index = 0; index < options.sizes.instances; ++index) {
      tasks.push_back({fmt::format("reference/N{}/{}", spins, index),
                       [=](const PublishedOptions& o, const std::vector<PublishedPoint>&) {
                         return find_reference(o, spins, index);
                       }});
    }
  }
  return tasks;
}

std::vector<PublishedTask> saturation_tasks(const PublishedOptions& options) {
  struct Series {
    const char* name;
    std::map<std::string, std::string> parameters;
    std::optional<std::int64_t> rounds;
    int share;  ///< one of so many instances
  };
  // In the Gaussian model a preset's dt is halved (docs/physics.md); "dt/10" is the same time in ten times as
  // many round trips: the same integration, a detector that is read ten times as often.
  const std::vector<Series> all = {
      {"Gaussian, CAC", {{"model", "gaussian"}, {"preset", "sk-cac"}}, std::nullopt, 1},
      {"Gaussian, CFC", {{"model", "gaussian"}, {"preset", "sk-cfc"}}, std::nullopt, 1},
      {"Gaussian, CFC, dt/10", {{"model", "gaussian"}, {"preset", "sk-cfc"}, {"dt", "0.02"}}, 10000, 4},
      {"truncated Wigner, CFC", {{"model", "truncated-wigner"}, {"preset", "sk-cfc"}}, std::nullopt, 1}};
  std::vector<PublishedTask> tasks;
  for (const Series& series : all) {
    for (const double g2 : options.sizes.g2) {
      for (int index = 0; index < options.sizes.instances; index += series.share) {
        DeviceRuns runs{"emulator:", series.parameters, options.sizes.saturation_runs, series.rounds};
        runs.parameters["g2"] = fmt::format("{}", g2);
        tasks.push_back(sk_task(kSaturation, fmt::format("saturation/{}/{}/{}", series.name, g2, index),
                                series.name, options.sizes.saturation_spins, index, runs));
      }
    }
  }
  return tasks;
}

std::vector<PublishedTask> scaling_tasks(const PublishedOptions& options) {
  std::vector<PublishedTask> tasks;
  for (const auto& [series, preset] :
       {std::pair{"CAC", "sk-cac"}, std::pair{"CFC", "sk-cfc"}, std::pair{"SFC", "sk-sfc"}}) {
    for (const int spins : options.sizes.scaling_spins) {
      for (const std::int64_t rounds : options.sizes.scaling_rounds) {
        for (int index = 0; index < options.sizes.instances; ++index) {
          tasks.push_back(sk_task(kScaling, fmt::format("scaling/{}/N{}/{}/{}", series, spins, rounds, index),
                                  series, spins, index,
                                  {"emulator:", {{"preset", preset}}, options.sizes.scaling_runs, rounds}));
        }
      }
    }
  }
  return tasks;
}

}  // namespace opoloop
