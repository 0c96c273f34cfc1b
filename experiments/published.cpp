#include "experiments/published.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/error.h"
#include "core/interrupt.h"
#include "experiments/sweep_rows.h"

namespace opoloop {

namespace {

constexpr const char* kExperiment = "published";

constexpr std::array<TextField<PublishedPoint>, 8> kTexts = {{
    {"task", &PublishedPoint::task, "Planned measurement this point belongs to."},
    {"part", &PublishedPoint::part, "Section of the table."},
    {"instance", &PublishedPoint::instance, "Problem instance."},
    {"series", &PublishedPoint::series, "Setting within the section."},
    {"problem", &PublishedPoint::problem, "Why the point could not be measured; empty where it was."},
    {"device", &PublishedPoint::device, "Device URI."},
    {"setting", &PublishedPoint::setting, "Every parameter in force."},
    {"target_source", &PublishedPoint::target_source, "Where the target energy comes from."},
}};

constexpr std::array<NumberField<PublishedPoint>, 14> kNumbers = {{
    {"spins", "1", &PublishedPoint::spins, "Spins of the instance."},
    {"g2", "1", &PublishedPoint::g2, "Saturation parameter; NaN for models without quantum noise."},
    {"dt", "1", &PublishedPoint::dt,
     "Round trip in signal amplitude lifetimes (intrinsic ones in gaussian)."},
    {"rounds", "1", &PublishedPoint::rounds, "Round trips of a run, which are products J x."},
    {"target_energy", "problem energy", &PublishedPoint::target_energy, "Success is energy <= this."},
    {"best_energy", "problem energy", &PublishedPoint::best_energy, "Least energy of all runs."},
    {"trials", "1", &PublishedPoint::trials, "Runs."},
    {"successes", "1", &PublishedPoint::successes, "Runs that ever reached the target."},
    {"successes_final", "1", &PublishedPoint::successes_final, "Runs whose last state reached it."},
    {"mean_round", "1", &PublishedPoint::mean_round,
     "Round trip that first reached the target, mean over the runs that did."},
    {"sd_round", "1", &PublishedPoint::sd_round, "Their standard deviation."},
    {"first_round", "1", &PublishedPoint::first_round, "The smallest of them."},
    {"round_trip_time_s", "s", &PublishedPoint::round_trip_time_s, "Of the machine preset."},
    {"wall_s", "s", &PublishedPoint::wall_s, "Wall time of all runs of the point."},
}};

std::string plan_text(const PublishedSizes& s) {
  return fmt::format(
      "moebius_runs={} gset_runs={} k2000_runs={} k2000_rounds={} instances={} reference_runs={} "
      "saturation_spins={} saturation_runs={} g2={} scaling_spins={} scaling_rounds={} scaling_runs={}",
      s.moebius_runs, s.gset_runs, s.k2000_runs, s.k2000_rounds, s.instances, s.reference_runs,
      s.saturation_spins, s.saturation_runs, fmt::join(s.g2, ","), fmt::join(s.scaling_spins, ","),
      fmt::join(s.scaling_rounds, ","), s.scaling_runs);
}

}  // namespace

PublishedSizes PublishedSizes::quick() {
  PublishedSizes s;
  s.moebius_runs = 512;
  s.gset_runs = 128;
  s.k2000_runs = 32;
  s.k2000_rounds = 300;
  s.instances = 8;
  s.reference_runs = 64;
  s.saturation_runs = 16;
  s.g2 = {1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1};
  s.scaling_spins = {40, 70, 100};
  s.scaling_rounds = {100, 200, 400, 800, 1600};
  s.scaling_runs = 64;
  return s;
}

bool measure_published(const PublishedOptions& options, std::vector<PublishedPoint>& points,
                       const std::function<void(const std::string&, std::size_t, std::size_t)>& before_each,
                       const std::function<void()>& after_each) {
  const std::vector<PublishedTask> tasks = published_tasks(options);
  for (std::size_t at = 0; at < tasks.size(); ++at) {
    const PublishedTask& task = tasks[at];
    // What could not be measured for want of an instance is tried again: it may be there now.
    std::erase_if(points, [&](const PublishedPoint& p) { return p.task == task.name && !p.problem.empty(); });
    const bool done = std::any_of(points.begin(), points.end(),
                                  [&](const PublishedPoint& p) { return p.task == task.name; });
    if (done) continue;
    if (interrupted()) return false;
    if (before_each) before_each(task.name, at, tasks.size());
    auto measured = task.measure(options, points);
    if (!measured) return false;
    for (PublishedPoint& point : *measured) {
      point.task = task.name;
      points.push_back(std::move(point));
    }
    if (after_each) after_each();
  }
  return true;
}

void save_published(const std::string& path, const std::vector<PublishedPoint>& points,
                    const PublishedOptions& options, const std::string& command_line, bool complete) {
  Sweep sweep{kExperiment, command_line, plan_text(options.sizes), options.seed, complete, {}};
  add_columns<PublishedPoint>(sweep, points, kTexts, kNumbers);
  write_sweep_file(path, sweep);
}

std::vector<PublishedPoint> load_published(const std::string& path, const PublishedOptions& options) {
  const Sweep sweep = read_own_sweep(path, kExperiment, options.seed);
  if (sweep.plan != plan_text(options.sizes)) {
    throw InputError(fmt::format("{}: was made with another plan, {} --quick", path,
                                 sweep.plan == plan_text(PublishedSizes::quick()) ? "with" : "without"));
  }
  return rows_of<PublishedPoint>(sweep, kTexts, kNumbers);
}

}  // namespace opoloop
