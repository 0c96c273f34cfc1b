#include "driver/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace opoloop {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Mean round trips per run: `steps` unless runs were stopped early. A diverged run occupied its place in
/// the batch as long as the longest of the others did (to the end where all diverged), wherever it was lost.
double mean_rounds(const Result& result, double* total) {
  std::int64_t longest = 0;
  for (const Sample& s : result.samples) {
    if (!s.diverged) longest = std::max(longest, s.rounds);
  }
  if (longest == 0) longest = result.steps;
  double sum = 0;
  std::int64_t runs = 0;
  for (const Sample& s : result.samples) {
    if (s.rounds == 0 && !s.diverged) continue;
    sum += static_cast<double>(s.diverged ? longest : s.rounds);
    ++runs;
  }
  *total = sum;
  return runs > 0 ? sum / static_cast<double>(runs) : 0;
}

}  // namespace

Interval wilson_interval(std::int64_t successes, std::int64_t trials, double z) {
  if (trials < 0 || successes < 0 || successes > trials) {
    throw Error("wilson_interval: successes must lie in 0 … trials");
  }
  if (trials == 0) return {0, 1};
  // Wilson, J. Am. Stat. Assoc. 22, 209 (1927): (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n).
  const double n = static_cast<double>(trials);
  const double p = static_cast<double>(successes) / n;
  const double shrink = 1 / (1 + z * z / n);
  const double centre = (p + z * z / (2 * n)) * shrink;
  const double half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)) * shrink;
  // The ends are exactly 0 and 1 where no, or every, trial succeeded; rounding must not hide that.
  return {successes == 0 ? 0 : std::max(0.0, centre - half),
          successes == trials ? 1 : std::min(1.0, centre + half)};
}

double runs_to_solution(double p_success, double q) {
  if (!(p_success >= 0 && p_success <= 1)) throw_parameter_error("p_success", p_success, "a probability");
  if (!(q > 0 && q < 1)) throw_parameter_error("q", q, "strictly between 0 and 1");
  if (p_success == 0) return kInfinity;
  if (p_success == 1) return 1;
  return std::max(1.0, std::log1p(-q) / std::log1p(-p_success));
}

TimeToSolution time_to_solution(double run_time, std::int64_t successes, std::int64_t trials, double q) {
  const Interval p = wilson_interval(successes, trials);
  TimeToSolution tts;
  tts.low = run_time * runs_to_solution(p.high, q);
  tts.high = p.low > 0 ? run_time * runs_to_solution(p.low, q) : kInfinity;
  tts.lower_bound = successes == 0;
  tts.value =
      tts.lower_bound
          ? tts.low
          : run_time * runs_to_solution(static_cast<double>(successes) / static_cast<double>(trials), q);
  return tts;
}

double energy_slack(double target, double term) {
  return 1e-9 * std::max(term, std::abs(target));
}

bool reaches(double energy, double target, double term) {
  return energy <= target + energy_slack(target, term);
}

SolveStatistics solve_statistics(const Result& result, std::optional<double> target, double term) {
  SolveStatistics s;
  s.term = term;
  s.target_energy = target;
  if (!target) {
    for (const Sample& sample : result.samples) {
      if (sample.diverged || std::isnan(sample.energy_best)) continue;
      s.target_energy = std::min(s.target_energy.value_or(kInfinity), sample.energy_best);
    }
    s.target_is_best_found = !result.proven;
  }
  for (const Sample& sample : result.samples) {
    if (sample.rounds == 0 && !sample.diverged && result.steps > 0) continue;  // never started
    ++s.trials;
    if (sample.diverged || !s.target_energy) continue;
    s.successes_best += reaches(sample.energy_best, *s.target_energy, term);
    s.successes_final += reaches(sample.energy_final, *s.target_energy, term);
  }
  if (s.trials > 0) {
    s.p_best = static_cast<double>(s.successes_best) / static_cast<double>(s.trials);
    s.p_final = static_cast<double>(s.successes_final) / static_cast<double>(s.trials);
  }
  s.p_best_interval = wilson_interval(s.successes_best, s.trials);
  s.p_final_interval = wilson_interval(s.successes_final, s.trials);

  double total_rounds = 0;
  const double rounds = mean_rounds(result, &total_rounds);
  const auto tts = [&](double run_time) { return time_to_solution(run_time, s.successes_best, s.trials); };
  s.round_trips = tts(rounds);
  if (result.products_per_step > 0) s.matrix_products = tts(rounds * result.products_per_step);
  const double wall = result.timing.wall_s;
  s.wall_s = tts(s.trials > 0 ? wall / static_cast<double>(s.trials) : 0);
  if (result.machine_time_s) s.machine_s = tts(*result.machine_time_s);
  if (s.successes_best > 0) {
    // A batch fails only if all its runs do: ln(1 − P_batch) = trials · ln(1 − P).
    s.latency_wall_s = wall * std::max(1.0, runs_to_solution(s.p_best) / static_cast<double>(s.trials));
  }
  if (total_rounds > 0) s.us_per_round_trip = wall * 1e6 / total_rounds;
  if (wall > 0) {
    s.gflops = 2.0 * static_cast<double>(result.stored_couplings) * result.products_per_step * total_rounds /
               wall * 1e-9;
  }
  return s;
}

}  // namespace opoloop
