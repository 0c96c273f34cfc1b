#include "driver/calibration/gain_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "driver/calibration/intervals.h"

namespace opoloop::calibration {
namespace {

/// Deviations of each pulse's product from the mean live pulse's, [run][pulse].
Eigen::MatrixXd deviations(const StatisticsBlock& block, const std::vector<std::int32_t>& live) {
  Eigen::MatrixXd d = Eigen::MatrixXd::Zero(block.pulse_product.rows(), block.pulse_product.cols());
  Eigen::VectorXd mean = Eigen::VectorXd::Zero(d.rows());
  for (const std::int32_t i : live) mean += block.pulse_product.col(i) / static_cast<double>(live.size());
  for (const std::int32_t i : live) d.col(i) = block.pulse_product.col(i) - mean;
  return d;
}

}  // namespace

std::vector<Estimate> fit_gain_map(const std::vector<StatisticsBlock>& blocks, const LoopFit& fit,
                                   const std::vector<std::int32_t>& dead, const CalibrationOptions& options) {
  const LoopGuess& g = fit.loop;
  struct Source {
    Eigen::MatrixXd deviation;
    double pump;
    double weight;
  };
  std::vector<Source> sources;
  std::vector<std::int32_t> live;
  int runs = 0;
  for (const StatisticsBlock& block : blocks) {
    if (block.pulse_product.size() == 0) continue;
    if (live.empty()) {
      for (std::int32_t i = 0; i < block.pulse_product.cols(); ++i) {
        if (std::find(dead.begin(), dead.end(), i) == dead.end()) live.push_back(i);
      }
    }
    Source s{deviations(block, live), block.pump, 0};
    const double scale = g.record_gain * g.record_gain * block.pump / g.pump_unit;
    const Eigen::MatrixXd centred = s.deviation.rowwise() - s.deviation.colwise().mean();
    s.weight = scale * scale / std::max(centred.squaredNorm(), 1e-300) * static_cast<double>(centred.rows());
    runs = runs == 0 ? static_cast<int>(centred.rows()) : std::min(runs, static_cast<int>(centred.rows()));
    sources.push_back(std::move(s));
  }
  if (sources.empty()) return {};
  double total = 0;
  for (const Source& s : sources) total += s.weight;

  // Of the mean over runs, per source, with κ and the threshold of one theta.
  const int gain_at = fit.place(LoopParameter::record_gain);
  const int unit_at = fit.place(LoopParameter::pump_unit);
  const auto combine = [&](const std::vector<Eigen::VectorXd>& means, const Eigen::VectorXd& theta) {
    const double kappa = gain_at < 0 ? g.record_gain : std::exp(theta[gain_at]);
    const double unit = unit_at < 0 ? g.pump_unit : std::exp(theta[unit_at]);
    Eigen::VectorXd map = Eigen::VectorXd::Zero(means.front().size());
    for (std::size_t s = 0; s < sources.size(); ++s)
      map += sources[s].weight / total * means[s] * unit / (kappa * kappa * sources[s].pump);
    return map;
  };
  std::vector<Eigen::VectorXd> means;
  for (const Source& s : sources) means.push_back(s.deviation.colwise().mean().transpose());
  const Eigen::VectorXd map = combine(means, fit.theta);

  // From the scatter over runs, and the scale's own error.
  Eigen::VectorXd variance = Eigen::VectorXd::Zero(map.size());
  for (const Source& s : sources) {
    const double scale = s.weight / total * g.pump_unit / (g.record_gain * g.record_gain * s.pump);
    const Eigen::MatrixXd centred = s.deviation.rowwise() - s.deviation.colwise().mean();
    const auto n = static_cast<double>(centred.rows());
    variance += scale * scale * centred.colwise().squaredNorm().transpose() / (n * (n - 1));
  }
  double scale_variance = 0;
  if (gain_at >= 0 && unit_at >= 0) {
    scale_variance = fit.covariance(unit_at, unit_at) + 4 * fit.covariance(gain_at, gain_at) -
                     4 * fit.covariance(unit_at, gain_at);
  }

  std::vector<std::vector<double>> resampled(static_cast<std::size_t>(map.size()));
  RandomSequence random(options.seed, Stream::bootstrap, 2);
  for (Eigen::Index b = 0; b < fit.bootstrap.rows(); ++b) {
    std::vector<Eigen::VectorXd> drawn;
    for (const Source& s : sources) {
      Eigen::VectorXd sum = Eigen::VectorXd::Zero(map.size());
      const auto n = static_cast<std::uint64_t>(s.deviation.rows());
      for (std::uint64_t r = 0; r < n; ++r)
        sum += s.deviation.row(static_cast<Eigen::Index>(random.below(n))).transpose();
      drawn.push_back(sum / static_cast<double>(n));
    }
    const Eigen::VectorXd again = combine(drawn, fit.bootstrap.row(b).transpose());
    for (Eigen::Index i = 0; i < map.size(); ++i) resampled[static_cast<std::size_t>(i)].push_back(again[i]);
  }

  std::vector<Estimate> estimates;
  for (Eigen::Index i = 0; i < map.size(); ++i) {
    const double error = std::sqrt(variance[i] + map[i] * map[i] * std::max(scale_variance, 0.0));
    Estimate e = interval(map[i], error, runs, resampled[static_cast<std::size_t>(i)]);
    e.name = fmt::format("gain_map[{}]", i);
    e.unit = "relative";
    e.what = "pump of this pulse, relative to the mean pulse";
    estimates.push_back(std::move(e));
  }
  return estimates;
}

}  // namespace opoloop::calibration
