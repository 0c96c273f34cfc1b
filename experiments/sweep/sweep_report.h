#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "experiments/sweep/sweep_plan.h"

namespace opoloop {

struct Sweep;

/// Middle and quartiles of a metric over points: values of the data, no interpolation, but for the median of
/// an even number. NaN (what a point does not have) is left out; infinities take part.
struct MetricSpread {
  std::size_t points = 0;  ///< that have it
  std::size_t infinite = 0;
  double median = 0, low = 0, high = 0;
};

/// What the points of one setting on one class of instances say.
struct SweepSummaryRow {
  std::string device, setting, instances;
  std::uint64_t measured = 0, failed = 0;
  std::vector<MetricSpread> metrics;  ///< in the order of the configuration
};

struct SweepSummary {
  std::vector<std::string> metrics, units, descriptions;
  std::vector<SweepSummaryRow> rows;  ///< settings in the order of the plan, classes within
  std::vector<std::pair<std::string, std::string>> failures;  ///< point, reason: the first of all
  std::uint64_t points = 0, measured = 0, failed = 0;
};

/// sweep: the merged file of this plan, whole or not.
SweepSummary summarise(const SweepPlan& plan, const Sweep& sweep);

void print_sweep(const SweepSummary& summary, std::ostream& out);
/// One JSON object: experiment, file, points, measured, failed, complete, metrics, rows, failures.
void print_sweep_json(const SweepSummary& summary, const SweepPlan& plan, const std::string& file,
                      std::ostream& out);
std::string sweep_summary_csv(const SweepSummary& summary);
/// First screen: the first metric of each setting over the instances, as figure and table, and what failed.
std::string sweep_html(const SweepSummary& summary, const SweepPlan& plan, const std::string& command_line);

}  // namespace opoloop
