#pragma once

#include <string>
#include <vector>

#include "driver/run_file.h"
#include "driver/statistics.h"

namespace opoloop {

/// One of two runs, judged by the target that both are judged by.
struct ComparedRun {
  std::string path;
  std::string device;
  std::int64_t runs = 0;  ///< that were started
  std::int64_t successes = 0;
  double p = 0;
  Interval p_interval;
  TimeToSolution round_trips;  ///< steps, in the device's own unit
  TimeToSolution wall_s;       ///< throughput
  double best_energy = 0;
  std::vector<double> energies;  ///< best of each run that did not diverge
};

/// A quantity of time to solution, B's over A's, with the interval that both P's intervals imply.
struct TimeRatio {
  std::string name;
  double value = 0;
  Interval interval;
};

struct ParameterDifference {
  std::string name, a, b;  ///< empty: that run has no such parameter
};

/// Two run files of the same problem beside each other.
struct RunComparison {
  ComparedRun a, b;
  std::string problem;
  double target = 0;
  std::string target_source;  ///< in words
  double success_z = 0;       ///< two-proportion test, pooled; positive where B succeeds more often
  double success_p = 1;
  double energy_distance = 0;  ///< Kolmogorov–Smirnov, best energies of the runs
  double energy_p = 1;
  std::vector<TimeRatio> ratios;
  std::vector<ParameterDifference> parameters;  ///< those that differ
  std::string answer;                           ///< one or two sentences
};

/// Throws InputError where a file has no results yet or the two are of different problems (by the hash of the
/// file, or by name and size where it was generated).
RunComparison compare_runs(const RunFileContents& a, const RunFileContents& b);

/// The page; a table of name, A, B; the same table as CSV.
std::string run_comparison_html(const RunComparison& comparison, const std::string& command_line);
std::string run_comparison_text(const RunComparison& comparison);
std::string run_comparison_csv(const RunComparison& comparison);

}  // namespace opoloop
