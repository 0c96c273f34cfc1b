#pragma once

#include <Eigen/Dense>
#include <cstdint>
#include <string>
#include <vector>

#include "driver/calibration/statistics_block.h"

namespace opoloop::calibration {

/// What the joint fit turns; each is the logarithm of a positive number.
enum class LoopParameter { dt, pump_unit, record_gain, g2, white, feedback_gain, dac_clip };

/// Non-linear least squares of all blocks at once, each statistic weighted by its own sampling error
/// (Levenberg–Marquardt, Eigen). Statistics of a block are correlated, so that the covariance of the result
/// is not the usual (JᵀWJ)⁻¹ but, with G = (JᵀWJ)⁻¹JᵀW,
///
///     Cov θ = Σ_blocks G S Gᵀ,     S = covariance over runs of the block's means.
struct LoopFit {
  LoopGuess loop;
  std::vector<LoopParameter> parameters;
  Eigen::VectorXd theta;       ///< logarithms, in the order of `parameters`
  Eigen::MatrixXd covariance;  ///< of theta
  Eigen::MatrixXd bootstrap;   ///< [resample][parameter]: runs of every block drawn again with replacement
  double residual = 0;         ///< Σ z², z = (measured − predicted)/standard error
  std::vector<Eigen::VectorXd> predicted;  ///< of each block
  int smallest_runs = 0;  ///< fewest runs in a block: degrees of freedom of the intervals + 1
  bool converged = false;

  /// Place of a parameter in theta, or −1 where it was not fitted.
  int place(LoopParameter parameter) const;
  /// Standard error of a logarithm; 0 where it was not fitted.
  double error(LoopParameter parameter) const;
};

/// A first guess from the blocks alone; throws InputError naming the kind of record that is missing: below,
/// ring-down, and above at two pumps.
LoopGuess first_guess(const std::vector<StatisticsBlock>& blocks);

/// feedback gain and delay of the guess are taken as a start; `parameters` are fitted, the rest stays.
LoopFit fit_loop(const std::vector<StatisticsBlock>& blocks, const LoopGuess& guess,
                 const std::vector<LoopParameter>& parameters, int resamples, std::uint64_t seed);

/// Whole round trips of delay that explain a block of pairs, found by trying each.
struct DelayFit {
  int delay = 0;
  int low = 0, high = 0;       ///< 95% of the resamples choose one of low … high
  double feedback_gain = 0;    ///< that goes with it, signed
  std::vector<double> misfit;  ///< Σ z² for each delay from 0
};
DelayFit fit_delay(const StatisticsBlock& pairs, const LoopGuess& guess, int largest, int resamples,
                   std::uint64_t seed);

/// 97.5% quantile of Student's t.
double t_quantile(int degrees_of_freedom);

}  // namespace opoloop::calibration
