#pragma once

#include <Eigen/Dense>
#include <cstdint>
#include <string>
#include <vector>

#include "driver/calibration/loop_moments.h"
#include "driver/calibration/record.h"

namespace opoloop::calibration {

/// A record reduced to the averages that the loop's moments predict: one row of numbers a run. Runs are
/// independent, whatever is correlated within one (pulses share the pump, rows share the past), so that the
/// scatter over runs is the sampling error of everything computed from them.
struct StatisticsBlock {
  RecordKind kind = RecordKind::below;
  std::string name;
  double pump = 0;                  ///< setting
  std::vector<std::int64_t> lags;   ///< below, above, drift, pairs
  std::vector<std::int64_t> rows;   ///< above, drift: of the build-up; ring_down: after the switch
  std::vector<double> couplings;    ///< pairs, ladder: the one strength
  std::vector<std::string> labels;  ///< of each statistic, for the report
  std::vector<double> axis;         ///< lag, row or coupling of each statistic
  Eigen::MatrixXd per_run;          ///< [run][statistic]
  Eigen::MatrixXd pulse_product;    ///< above, drift: [run][pulse] ⟨y(k) y(k+lag)⟩, what a gain map is of

  Eigen::VectorXd mean() const { return per_run.colwise().mean().transpose(); }
  /// Covariance of mean(), from the scatter over runs.
  Eigen::MatrixXd covariance() const;
};

/// Pulses without light: their records are 0 (or the same code) where the others are above threshold.
std::vector<std::int32_t> dead_pulses(const RecordSet& set);

/// Throws InputError naming the record where it holds too little to be reduced.
StatisticsBlock reduce(const CalibrationRecord& record, const std::vector<std::int32_t>& dead);

/// What the loop would show on average, in the order of the block's statistics.
Eigen::VectorXd predict(const StatisticsBlock& block, const LoopGuess& guess);

}  // namespace opoloop::calibration
