#include "experiments/tune/tune.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/sha256.h"
#include "core/threads.h"
#include "driver/device.h"
#include "driver/statistics.h"
#include "experiments/rank_statistics.h"
#include "experiments/tts/tts_plan.h"
#include "experiments/tune/optimise.h"

namespace opoloop {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// An instance that is kept open, and what counts as success on it.
struct Opened {
  std::shared_ptr<const Problem> problem;
  std::string name;
  double target = 0;
};

std::string fingerprint(const Problem& problem) {
  Sha256 hash;
  const IsingModel& model = problem.ising;
  const auto add = [&](double value) { hash.update(&value, sizeof value); };
  add(model.size());
  for (const IsingEdge& edge : model.edges()) {
    add(edge.i);
    add(edge.j);
    add(edge.J);
  }
  for (const double h : model.field()) add(h);
  return hash.hex_digest();
}

std::int64_t parse_steps(const std::string& text) {
  std::int64_t steps = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), steps);
  if (code != std::errc{} || end != text.data() + text.size() || steps < 1)
    throw InputError(fmt::format("steps={}: expected a whole number, 1 or more", text));
  return steps;
}

/// The job of a setting; the seed is that of the instance alone, so that all settings meet the same random
/// numbers and the score is a function of the setting.
Job job_of(const TuneOptions& options, const Opened& instance, const Setting& setting, const char* role,
           int runs) {
  Job job;
  job.problem = instance.problem;
  job.settings.runs = runs;
  job.settings.threads = 1;
  job.settings.seed = std::stoull(
      sha256_of(fmt::format("{} {} {}", options.seed, role, instance.name)).substr(0, 15), nullptr, 16);
  job.settings.parameters = setting;
  const auto steps = setting.find(kStepsName);
  if (steps != setting.end()) {
    job.settings.steps = parse_steps(steps->second);
    job.settings.parameters.erase(kStepsName);
  }
  return job;
}

/// One instance under one setting; nothing where it was interrupted.
std::optional<TuneRow> measure(const TuneOptions& options, const Opened& instance, const Setting& setting,
                               const char* role, int runs) {
  const auto device = make_device(options.device);
  const auto result = run_unless_stopped(*device, job_of(options, instance, setting, role, runs), {});
  if (!result) return std::nullopt;
  TuneRow row{role, instance.name, setting_words(setting), 0, 0, 0, kInfinity, result->timing.wall_s};
  for (const Sample& sample : result->samples) {
    row.trials += 1;
    if (sample.diverged || std::isnan(sample.energy_best)) continue;
    row.least_energy = std::min(row.least_energy, sample.energy_best);
    row.successes += reaches(sample.energy_best, instance.target, instance.problem->ising.largest_term());
  }
  row.steps = static_cast<double>(result->steps);
  return row;
}

/// Rows of one setting on all instances, measured where memory has none.
std::optional<std::vector<TuneRow>> measure_all(const TuneOptions& options,
                                                const std::vector<Opened>& instances, const Setting& setting,
                                                const char* role, int runs, TuneMemory& memory) {
  std::vector<std::optional<TuneRow>> rows(instances.size());
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < instances.size(); ++i) {
    const TuneRow* known = memory.find(role, instances[i].name, setting_words(setting));
    if (known != nullptr) {
      rows[i] = *known;
    } else {
      open.push_back(i);
    }
  }
  parallel_for(static_cast<std::int64_t>(open.size()), options.threads, [&](std::int64_t k) {
    const std::size_t i = open[static_cast<std::size_t>(k)];
    rows[i] = measure(options, instances[i], setting, role, runs);
  });
  std::vector<TuneRow> all;
  for (const auto& row : rows) {
    if (!row) return std::nullopt;
    all.push_back(*row);
  }
  for (const std::size_t i : open) memory.add(*rows[i]);
  return all;
}

/// Opens instances and finds what counts as solved.
std::optional<std::vector<Opened>> open_all(const TuneOptions& options,
                                            const std::vector<TtsInstance>& instances, TuneMemory& memory) {
  std::vector<std::optional<Opened>> opened(instances.size());
  std::vector<std::vector<TuneRow>> found(instances.size());
  parallel_for(static_cast<std::int64_t>(instances.size()), options.threads, [&](std::int64_t at) {
    const auto i = static_cast<std::size_t>(at);
    Opened instance{open_instance(instances[i]), instances[i].name, 0};
    double best = instance.problem->best_known_energy.value_or(kInfinity);
    if (!instance.problem->best_known_energy) {
      for (const std::string& uri : reference_devices(instances[i].spins)) {
        const TuneRow* known = memory.find("reference", instance.name, uri);
        std::optional<TuneRow> row;
        if (known != nullptr) {
          row = *known;
        } else {
          TuneOptions other = options;
          other.device = uri;
          row = measure(other, instance, {}, "reference", uri == "exact:" ? 1 : options.reference_runs);
          if (!row) return;
          row->setting = uri;
          found[i].push_back(*row);
        }
        best = std::min(best, row->least_energy);
      }
    }
    // The share of the best energy as in `experiment tts`.
    const double zero = energy_zero(*instance.problem);
    instance.target = best < zero ? zero + options.share * (best - zero) : best;
    opened[i] = std::move(instance);
  });
  std::vector<Opened> all;
  for (auto& rows : found) {
    for (TuneRow& row : rows) memory.add(std::move(row));
  }
  for (auto& instance : opened) {
    if (!instance) return std::nullopt;
    all.push_back(std::move(*instance));
  }
  return all;
}

/// A setting's rows as a class that was measured at one length.
LengthTable table_of(const std::vector<TuneRow>& rows, bool seconds) {
  LengthTable table;
  table.lengths = {1};
  for (const TuneRow& row : rows)
    table.cells.push_back({{row.trials, row.successes, seconds ? row.wall_s / row.trials : row.steps}});
  return table;
}

double geometric_mean(const std::vector<TuneRow>& rows) {
  double sum = 0;
  for (const TuneRow& row : rows) sum += std::log(RunCell{row.trials, row.successes, row.steps}.time());
  return std::exp(sum / static_cast<double>(rows.size()));
}

bool varies_steps(const TuneOptions& options) {
  return std::any_of(options.vary.begin(), options.vary.end(),
                     [](const Vary& vary) { return vary.name == kStepsName; });
}

/// Lengths for the default to choose from: doublings over the range that tuned may use.
std::vector<std::int64_t> default_lengths(const TuneOptions& options) {
  for (const Vary& vary : options.vary) {
    if (vary.name != kStepsName) continue;
    std::vector<std::int64_t> lengths;
    for (double at = vary.low; at < vary.high; at *= 2) lengths.push_back(std::llround(at));
    lengths.push_back(std::llround(vary.high));
    return lengths;
  }
  return {};
}

/// The fixed parameters without those that only hold the places of varied ones.
Setting default_setting(const TuneOptions& options) {
  Setting setting = options.fixed;
  std::erase_if(setting, [](const auto& entry) { return entry.second.find('{') != std::string::npos; });
  return setting;
}

void compare(TuneResult& result) {
  const ClassTime& tuned = result.candidates[0].time;
  result.compared = 1;
  for (std::size_t c = 2; c < result.candidates.size(); ++c) {
    if (result.candidates[c].time.value < result.candidates[result.compared].time.value) result.compared = c;
  }
  const ClassTime& other = result.candidates[result.compared].time;
  result.ratio = other.value / tuned.value;
  std::vector<double> ratios;
  for (std::size_t k = 0; k < tuned.draws.size(); ++k) {
    ratios.push_back(
        std::isinf(other.draws[k]) && std::isinf(tuned.draws[k]) ? 1 : other.draws[k] / tuned.draws[k]);
  }
  result.ratio_low = percentile(ratios, 0.025, false);
  result.ratio_high = percentile(std::move(ratios), 0.975, true);
}

}  // namespace

void check_tune(const TuneOptions& options) {
  if (options.vary.empty()) throw InputError("tune: nothing to search: give --vary NAME=LOW:HIGH");
  if (options.training.empty() || options.test.empty())
    throw InputError(fmt::format("tune: {} training and {} test instances; both are needed",
                                 options.training.size(), options.test.size()));
  for (std::size_t k = 0; k < options.vary.size(); ++k) {
    for (std::size_t other = 0; other < k; ++other) {
      if (options.vary[k].name == options.vary[other].name)
        throw InputError(fmt::format("--vary {}: is given twice", options.vary[k].name));
    }
  }
  std::map<std::string, std::string> seen;
  for (const TtsInstance& instance : options.training)
    seen[fingerprint(*open_instance(instance))] = instance.name;
  for (const TtsInstance& instance : options.test) {
    const auto same = seen.find(fingerprint(*open_instance(instance)));
    if (same != seen.end())
      throw InputError(
          fmt::format("tune: test instance {} is training instance {}: a tuned setting must be "
                      "tested on others",
                      instance.name, same->second));
  }
  // Both ends of every range, before any work.
  const Opened first{open_instance(options.training.front()), options.training.front().name, 0};
  for (const double end : {0.0, 1.0}) {
    const std::vector<double> corner(options.vary.size(), end);
    const Setting setting = setting_at(options.vary, options.fixed, corner);
    make_device(options.device)->check(job_of(options, first, setting, kRoleTraining, options.runs));
  }
}

double tune_score(const std::vector<TuneRow>& rows, TuneScore score) {
  std::vector<double> times;
  for (const TuneRow& row : rows)
    times.push_back(std::log(row.steps * runs_to_solution((row.successes + 0.5) / (row.trials + 1))));
  if (score == TuneScore::median) return std::exp(median_of(std::move(times)));
  double sum = 0;
  for (const double time : times) sum += time;
  return std::exp(sum / static_cast<double>(times.size()));
}

std::optional<TuneResult> tune(const TuneOptions& options, TuneMemory& memory,
                               const std::function<void(int, double)>& after_each) {
  const auto training = open_all(options, options.training, memory);
  if (!training) return std::nullopt;
  const auto test = open_all(options, options.test, memory);
  if (!test) return std::nullopt;
  TuneResult result;
  result.method = options.method;
  const auto score = [&](const Setting& setting) -> std::optional<double> {
    const auto rows = measure_all(options, *training, setting, kRoleTraining, options.runs, memory);
    if (!rows) return std::nullopt;
    return tune_score(*rows, options.score);
  };

  // The default, and the default at the run length that is best for it: a search that only found a better
  // length would else look like a better law.
  const Setting plain = default_setting(options);
  const std::optional<double> plain_score = score(plain);
  if (!plain_score) return std::nullopt;
  std::vector<TuneCandidate> others = {{"default", plain, *plain_score, {}, 0, {}}};
  if (varies_steps(options)) {
    TuneCandidate best{"default, best length", plain, kInfinity, {}, 0, {}};
    for (const std::int64_t length : default_lengths(options)) {
      Setting setting = plain;
      setting[kStepsName] = fmt::format("{}", length);
      const std::optional<double> value = score(setting);
      if (!value) return std::nullopt;
      if (*value < best.training_score) {
        best.training_score = *value;
        best.setting = setting;
      }
    }
    others.push_back(std::move(best));
  }

  const Found found =
      minimise(options.method, options.vary.size(), options.evaluations, options.seed,
               [&](const std::vector<double>& point) -> std::optional<double> {
                 if (interrupted()) return std::nullopt;
                 const std::optional<double> value = score(setting_at(options.vary, options.fixed, point));
                 if (!value) return std::nullopt;
                 result.history.push_back(*value);
                 if (after_each)
                   after_each(static_cast<int>(result.history.size()),
                              *std::min_element(result.history.begin(), result.history.end()));
                 return std::log(*value);
               });
  if (found.stopped || found.point.empty()) return std::nullopt;
  result.evaluations = found.evaluations;
  result.candidates.push_back(
      {"tuned", setting_at(options.vary, options.fixed, found.point), std::exp(found.value), {}, 0, {}});
  result.candidates.insert(result.candidates.end(), others.begin(), others.end());

  for (std::size_t c = 0; c < result.candidates.size(); ++c) {
    TuneCandidate& candidate = result.candidates[c];
    const auto rows = measure_all(options, *test, candidate.setting, kRoleTest, options.test_runs, memory);
    if (!rows) return std::nullopt;
    const Resampling how{options.resamples, options.seed, 0, options.threads};
    candidate.time = class_time(table_of(*rows, false), how, static_cast<std::uint32_t>(c));
    candidate.wall = class_time(table_of(*rows, true), how, static_cast<std::uint32_t>(c));
    candidate.geometric_mean = geometric_mean(*rows);
    for (std::size_t i = 0; i < rows->size(); ++i) {
      const Opened& instance = test->at(i);
      if (options.share == 1 &&
          (*rows)[i].least_energy <
              instance.target - energy_slack(instance.target, instance.problem->ising.largest_term()))
        result.notes.push_back(
            fmt::format("{} found less than the reference energy of {}", candidate.name, instance.name));
    }
  }
  compare(result);
  for (std::size_t k = 0; k < options.vary.size(); ++k) {
    if (found.point[k] < 0.02 || found.point[k] > 0.98)
      result.notes.push_back(fmt::format("{} = {} is at an end of its range: a wider one may do better",
                                         options.vary[k].name, options.vary[k].text(found.point[k])));
  }
  return result;
}

}  // namespace opoloop
