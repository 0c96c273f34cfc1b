#include "experiments/sweep/sweep_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <list>
#include <mutex>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "driver/device.h"
#include "driver/problem_io.h"
#include "driver/statistics.h"
#include "driver/uri.h"
#include "hamiltonian/brute_force.h"
#include "hamiltonian/generators.h"

namespace opoloop {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kNever = std::numeric_limits<double>::infinity();
/// Instances that are kept; a point in work holds its own anyway.
constexpr std::size_t kKept = 4;
constexpr const char* kParameterPrefix = "parameter_";

struct Instance {
  std::shared_ptr<const Problem> problem;
  std::optional<double> reference;
  std::string reference_source;
};

JobSettings job_settings(const SweepSetting& setting) {
  JobSettings settings;
  settings.steps = setting.steps;
  settings.runs = setting.runs;
  settings.parameters = setting.parameters;
  return settings;
}

/// value, low, high of a time to solution; infinite where no run succeeded, low then a bound.
void add_time(PointValues& values, const std::optional<TimeToSolution>& time) {
  values.emplace_back(!time ? kNone : time->lower_bound ? kNever : time->value);
  values.emplace_back(!time ? kNone : time->lower_bound ? time->value : time->low);
  values.emplace_back(!time ? kNone : time->high);
}

std::vector<PointColumn> make_metric_columns() {
  std::vector<PointColumn> columns = {
      {"p_success", "1", "share of runs that reached the target energy", false},
      {"p_success_low", "1", "95% Wilson interval, lower end", false},
      {"p_success_high", "1", "95% Wilson interval, upper end", false},
      {"energy_best", "1", "lowest energy of all runs", false},
      {"energy_mean", "1", "mean over the runs of the lowest energy each saw", false},
      {"energy_final_mean", "1", "mean over the runs of the energy each ended with", false},
      {"gap_best", "1", "(energy_best − reference)/|reference|", false},
      {"gap_mean", "1", "(energy_mean − reference)/|reference|", false},
      {"wall_s", "s", "wall time of all runs, without set-up", false},
  };
  const auto time = [&](const char* name, const char* units, const char* what) {
    columns.push_back({name, units,
                       fmt::format("{} until success with 99% probability; infinite: no run "
                                   "succeeded",
                                   what),
                       false});
    columns.push_back(
        {fmt::format("{}_low", name), units, "95% interval, lower end; a bound where infinite", false});
    columns.push_back({fmt::format("{}_high", name), units, "95% interval, upper end", false});
  };
  time("tts_steps", "1", "round trips, sweeps or steps");
  time("tts_products", "1", "matrix–vector products");
  time("tts_machine_s", "s", "time on the machine of the preset");
  time("tts_wall_s", "s", "wall time on this computer");
  return columns;
}

}  // namespace

/// Opens instances once, however many threads want them.
class SweepPlan::InstanceCache {
 public:
  std::shared_ptr<const Instance> get(const SweepConfig& config, const Place& place,
                                      const PointContext& context) {
    const std::shared_ptr<Slot> slot = slot_of(place.instance);
    const std::lock_guard lock(slot->mutex);
    if (!slot->instance) slot->instance = open(config, place, context);
    return slot->instance;
  }

 private:
  struct Slot {
    std::uint64_t number = 0;
    std::mutex mutex;
    std::shared_ptr<const Instance> instance;
  };

  std::shared_ptr<Slot> slot_of(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(slots_.begin(), slots_.end(), [&](const auto& slot) { return slot->number == number; });
    if (found != slots_.end()) {
      slots_.splice(slots_.begin(), slots_, found);
    } else {
      slots_.push_front(std::make_shared<Slot>());
      slots_.front()->number = number;
      if (slots_.size() > kKept) slots_.pop_back();
    }
    return slots_.front();
  }

  static std::shared_ptr<const Instance> open(const SweepConfig& config, const Place& place,
                                              const PointContext& context) {
    const SweepInstances& group = *place.group;
    Instance instance;
    Problem problem = group.family.empty() ? open_problem(group.files[place.in_group])
                                           : generate_problem(group.family, group.options(place.in_group));
    if (group.best_known) {
      instance.reference = group.best_known;
      instance.reference_source = "stated";
    } else if (problem.best_known_energy) {
      instance.reference = problem.best_known_energy;
      instance.reference_source = problem.best_known_source;
    } else if (problem.ising.size() <= config.brute_force_spins) {
      const BruteForceResult exact = brute_force(problem.ising, context.threads, 1, context.stop);
      if (!exact.complete) return nullptr;
      instance.reference = exact.energy;
      instance.reference_source = "every state";
    }
    instance.problem = std::make_shared<const Problem>(std::move(problem));
    return std::make_shared<const Instance>(std::move(instance));
  }

  std::mutex mutex_;
  std::list<std::shared_ptr<Slot>> slots_;  ///< the last used first
};

void check_sweep_setting(const SweepSetting& setting) {
  const DeviceUri uri = parse_device_uri(setting.uri);
  const auto device = make_device(setting.uri);
  static const std::set<std::string> kHere = {"emulator", "annealing", "dsb", "bsb", "exact"};
  if (!kHere.contains(uri.scheme)) return;
  // Any problem will do: what is wrong with this one instance is for its point to say.
  const auto ring = std::make_shared<const Problem>(generate_problem("moebius", {{"n", "8"}}));
  device->check({ring, job_settings(setting), nullptr, nullptr});
}

SweepPlan::SweepPlan(SweepConfig config, std::uint64_t seed)
    : config_(std::move(config)),
      seed_(seed),
      size_(config_.points()),
      cache_(std::make_unique<InstanceCache>()) {
  columns_ = {{"instance", "1", "file name, or generator with its options", true},
              {"class", "1", "group of instances", true},
              {"device", "1", "device", true},
              {"setting", "1", "what was set of what varies", true},
              {"seed", "1", "seed of the runs", false},
              {"spins", "1", "spins of the instance", false},
              {"steps", "1", "round trips, sweeps or steps of a run", false},
              {"runs", "1", "runs that were started", false},
              {"successes", "1", "runs that reached the target energy", false},
              {"reference_energy", "1", "energy that counts as the optimum", false},
              {"reference_source", "1", "where that is from", true}};
  const std::vector<PointColumn>& metrics = metric_columns();
  columns_.insert(columns_.end(), metrics.begin(), metrics.end());
  std::set<std::string> parameters;
  for (const SweepSetting& setting : config_.settings) {
    for (const auto& [name, value] : setting.parameters) parameters.insert(name);
  }
  parameters_.assign(parameters.begin(), parameters.end());
  for (const std::string& name : parameters_) {
    columns_.push_back(
        {kParameterPrefix + name, "1", "parameter of the device; empty: its own choice", true});
  }
}

SweepPlan::~SweepPlan() = default;

const std::vector<PointColumn>& SweepPlan::metric_columns() {
  static const std::vector<PointColumn> columns = make_metric_columns();
  return columns;
}

SweepPlan::Place SweepPlan::place(std::uint64_t index) const {
  Place place{};
  place.seed = config_.seeds[index % config_.seeds.size()];
  index /= config_.seeds.size();
  place.setting = &config_.settings[index % config_.settings.size()];
  place.instance = index / config_.settings.size();
  place.in_group = place.instance;
  place.group = config_.instances.data();
  while (place.in_group >= place.group->size()) {
    place.in_group -= place.group->size();
    ++place.group;
  }
  return place;
}

std::string SweepPlan::name(std::uint64_t index) const {
  const Place at = place(index);
  std::string text = fmt::format("{}, {}", at.group->label(at.in_group), at.setting->device);
  if (!at.setting->label.empty()) text += " " + at.setting->label;
  if (config_.seeds.size() > 1) text += fmt::format(", seed {}", at.seed);
  return text;
}

std::optional<PointValues> SweepPlan::measure(std::uint64_t index, const PointContext& context) const {
  const Place at = place(index);
  const std::shared_ptr<const Instance> instance = cache_->get(config_, at, context);
  if (!instance) return std::nullopt;  // stopped while the reference was searched
  const auto device = make_device(at.setting->uri);
  JobSettings settings = job_settings(*at.setting);
  settings.seed = at.seed;
  settings.threads = context.threads;
  if (instance->reference) {
    settings.target_energy = *instance->reference + config_.target_gap * std::abs(*instance->reference);
  }
  const Result result = device->run({instance->problem, settings, nullptr, nullptr});
  if (result.interrupted) return std::nullopt;
  if (result.samples.empty()) throw Error("no run finished");
  const SolveStatistics s =
      solve_statistics(result, settings.target_energy, instance->problem->ising.largest_term());

  double mean = 0, final_mean = 0, best = kNever;
  for (const Sample& sample : result.samples) {
    mean += sample.energy_best;
    final_mean += sample.energy_final;
    best = std::min(best, sample.energy_best);
  }
  const auto count = static_cast<double>(result.samples.size());
  mean /= count;
  final_mean /= count;
  const bool judged = instance->reference.has_value();
  const double reference = judged ? *instance->reference : kNone;

  PointValues values = {at.group->label(at.in_group),
                        at.group->name,
                        at.setting->device,
                        at.setting->label,
                        static_cast<double>(at.seed),
                        static_cast<double>(instance->problem->ising.size()),
                        static_cast<double>(result.steps),
                        static_cast<double>(s.trials),
                        judged ? static_cast<double>(s.successes_best) : kNone,
                        reference,
                        instance->reference_source};
  values.emplace_back(judged ? s.p_best : kNone);
  values.emplace_back(judged ? s.p_best_interval.low : kNone);
  values.emplace_back(judged ? s.p_best_interval.high : kNone);
  values.emplace_back(best);
  values.emplace_back(mean);
  values.emplace_back(final_mean);
  values.emplace_back((best - reference) / std::abs(reference));
  values.emplace_back((mean - reference) / std::abs(reference));
  values.emplace_back(result.timing.wall_s);
  const auto if_judged = [&](const std::optional<TimeToSolution>& time) {
    return judged ? time : std::nullopt;
  };
  add_time(values, if_judged(s.round_trips));
  add_time(values, if_judged(s.matrix_products));
  add_time(values, if_judged(s.machine_s));
  add_time(values, if_judged(s.wall_s));
  for (const std::string& name : parameters_) {
    const auto found = at.setting->parameters.find(name);
    values.emplace_back(found == at.setting->parameters.end() ? std::string() : found->second);
  }
  return values;
}

}  // namespace opoloop
