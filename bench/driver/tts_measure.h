#pragma once

// What the time-to-solution benchmarks share: one measurement of one device setting on one instance.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/public_data.h"
#include "driver/device.h"
#include "driver/statistics.h"

namespace opoloop::bench {

struct Setting {
  std::string uri;
  std::int64_t steps;
};

struct Score {
  double p = 0, tts_ms = 0, tts_steps = 0, latency_ms = 0, us_per_step = 0;
};

inline Score measure(const Setting& setting, const std::shared_ptr<const Problem>& problem, int runs,
                     std::uint64_t seed) {
  const auto device = make_device(setting.uri);
  Job job;
  job.problem = problem;
  job.settings.runs = runs;
  job.settings.steps = setting.steps;
  job.settings.seed = seed;
  const Result result = device->run(job);
  const SolveStatistics s =
      solve_statistics(result, problem->best_known_energy, problem->ising.largest_term());
  Score score;
  score.p = s.p_best;
  score.tts_ms = 1e3 * s.wall_s.value;
  score.tts_steps = s.round_trips.value;
  score.latency_ms = 1e3 * s.latency_wall_s.value_or(INFINITY);
  score.us_per_step = s.us_per_round_trip;
  return score;
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

}  // namespace opoloop::bench
