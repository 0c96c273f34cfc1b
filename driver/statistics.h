#pragma once

#include <cstdint>
#include <optional>

#include "driver/device.h"

namespace opoloop {

struct Interval {
  double low = 0;
  double high = 0;
};

/// Wilson score interval of a proportion, 95% by default.
Interval wilson_interval(std::int64_t successes, std::int64_t trials, double z = 1.959963984540054);

/// Number of independent runs until one succeeds with probability q: max(1, ln(1−q)/ln(1−P)).
/// Infinite for P = 0.
double runs_to_solution(double p_success, double q = 0.99);

/// Time to solution in one unit of time, with the interval that P's Wilson interval implies. Where no run
/// succeeded, `value` is a lower bound: the time at the upper end of the interval (high is infinite).
struct TimeToSolution {
  double value = 0;
  double low = 0;
  double high = 0;
  bool lower_bound = false;
};
TimeToSolution time_to_solution(double run_time, std::int64_t successes, std::int64_t trials,
                                double q = 0.99);

/// What a finished job says about a target energy (docs/run-file.md, physics.md "time to solution").
struct SolveStatistics {
  std::optional<double> target_energy;  ///< what counted as solved; unset only where no run finished
  bool target_is_best_found =
      false;  ///< true: neither given nor proven; success means "as good as the best of this job"
  std::int64_t trials = 0;           ///< runs that were started (diverged ones count as failures)
  std::int64_t successes_best = 0;   ///< best-ever energy ≤ target
  std::int64_t successes_final = 0;  ///< final energy ≤ target
  double p_best = 0, p_final = 0;
  double term = 1;  ///< the problem's largest |J_ij| or |h_i|: successes were counted to 1e−9 of it
  Interval p_best_interval, p_final_interval;
  // All by best-ever success, q = 0.99. The length of a run is the mean number of round trips actually run:
  // `steps`, or less where runs were stopped early; a stopped run that had not succeeded counts as a failure,
  // which keeps the time right (a failure twice as short is half as dear).
  TimeToSolution round_trips;
  std::optional<TimeToSolution> matrix_products;  ///< devices that multiply by J
  TimeToSolution wall_s;                          ///< throughput: wall time of the batch per trajectory
  std::optional<TimeToSolution> machine_s;        ///< devices with a machine preset
  std::optional<double>
      latency_wall_s;  ///< wall seconds until one whole batch first succeeds with q: batches of `trials` runs
  double us_per_round_trip = 0;  ///< wall µs per (round trip × trajectory)
  double gflops = 0;             ///< 2 · stored couplings per product / time
};

/// What rounding may add to an energy: 1e−9 · max(term, |target|). `term`: the largest |J_ij| or |h_i|, so
/// that a problem in units of 1e−24 J is judged like the same problem in units of 1.
double energy_slack(double target, double term);

/// Success within rounding: energy ≤ target + energy_slack.
bool reaches(double energy, double target, double term = 1);

/// target: the energy that counts as solved; unset: the best energy of the result itself. term: see
/// energy_slack (IsingModel::largest_term).
SolveStatistics solve_statistics(const Result& result, std::optional<double> target, double term = 1);

}  // namespace opoloop
