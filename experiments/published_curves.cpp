#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/random.h"
#include "experiments/published_table.h"
#include "experiments/rank_statistics.h"
#include "experiments/tts/class_time.h"
#include "experiments/tts/scaling_fit.h"

namespace opoloop {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Where a falling curve crosses `level`, by interpolation in ln g².
double crossing(const std::vector<double>& g2, const std::vector<double>& p, double level) {
  for (std::size_t i = 1; i < g2.size(); ++i) {
    if (p[i] >= level) continue;
    const double share = p[i - 1] > p[i] ? (p[i - 1] - level) / (p[i - 1] - p[i]) : 1;
    return std::exp(std::log(g2[i - 1]) + std::clamp(share, 0.0, 1.0) * std::log(g2[i] / g2[i - 1]));
  }
  return PublishedPoint::kNone;
}

struct Cell {  // one N: products to solution of each instance at each run length
  std::map<double, std::vector<double>> tts;
};

struct Best {
  double rounds = 0, median = kInfinity;
};

/// The run length with the least median over the chosen instances.
Best best_length(const Cell& cell, const std::vector<std::size_t>& chosen) {
  Best best;
  for (const auto& [rounds, tts] : cell.tts) {
    std::vector<double> values;
    for (const std::size_t i : chosen) values.push_back(tts[i]);
    const double median = median_of(values);
    if (median < best.median) best = {rounds, median};
  }
  return best;
}

/// Least squares of ln(median) over √N.
Line fit(const std::vector<double>& spins, const std::vector<double>& medians) {
  std::vector<double> x, y;
  for (const double n : spins) x.push_back(std::sqrt(n));
  for (const double median : medians) y.push_back(std::log(median));
  return least_squares(x, y);
}

/// Best medians and γ of one series; N at which less than half the instances were ever solved are left out.
ScalingCurve curve_of(const std::string& series, const std::map<double, Cell>& measured, std::uint64_t seed) {
  constexpr int kResamples = 1000;
  ScalingCurve curve;
  curve.series = series;
  std::vector<const Cell*> cells;
  for (const auto& [spins, cell] : measured) {
    if (cell.tts.empty()) continue;
    std::vector<std::size_t> all(cell.tts.begin()->second.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    const Best best = best_length(cell, all);
    if (std::isinf(best.median)) continue;
    curve.spins.push_back(spins);
    curve.rounds.push_back(best.rounds);
    curve.median.push_back({best.median, best.median, best.median});
    curve.instances.push_back(static_cast<int>(all.size()));
    cells.push_back(&cell);
  }
  // Resample instances of each size; the best run length is chosen anew each time.
  RandomSequence random(seed, Stream::bootstrap);
  std::vector<std::vector<double>> medians(cells.size());
  std::vector<double> slopes;
  for (int resample = 0; resample < kResamples; ++resample) {
    std::vector<double> drawn, spins;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      std::vector<std::size_t> chosen(static_cast<std::size_t>(curve.instances[c]));
      for (std::size_t& i : chosen) i = random.below(chosen.size());
      const double median = best_length(*cells[c], chosen).median;
      medians[c].push_back(median);
      if (std::isinf(median)) continue;
      drawn.push_back(median);
      spins.push_back(curve.spins[c]);
    }
    if (drawn.size() >= 2) slopes.push_back(fit(spins, drawn).slope);
  }
  for (std::size_t c = 0; c < cells.size(); ++c) {
    curve.median[c].low = percentile(medians[c], 0.025, false);
    curve.median[c].high = percentile(medians[c], 0.975, false);
  }
  if (curve.spins.size() >= 2) {
    std::vector<double> values;
    for (const Estimate& m : curve.median) values.push_back(m.value);
    const Line line = fit(curve.spins, values);
    curve.intercept = line.intercept;
    curve.gamma = {line.slope, percentile(slopes, 0.025, false), percentile(slopes, 0.975, false)};
  }
  return curve;
}

}  // namespace

Estimate half_plateau(const SaturationCurve& curve) {
  std::vector<double> low, high;
  for (const Interval& i : curve.interval) {
    low.push_back(i.low);
    high.push_back(i.high);
  }
  const double level = curve.p.empty() ? 0 : curve.p.front() / 2;
  Estimate e{crossing(curve.g2, curve.p, level), crossing(curve.g2, low, level),
             crossing(curve.g2, high, level)};
  if (std::isnan(e.high)) e.high = kInfinity;
  return e;
}

std::vector<SaturationCurve> saturation_curves(const std::vector<PublishedPoint>& points) {
  std::vector<std::string> order;
  std::map<std::string, std::map<double, std::pair<double, double>>> pooled;  // g² → successes, trials
  std::map<std::string, double> spins;
  for (const PublishedPoint& p : points) {
    if (p.part != kSaturation || !p.problem.empty()) continue;
    if (std::find(order.begin(), order.end(), p.series) == order.end()) order.push_back(p.series);
    spins[p.series] = p.spins;
    auto& [successes, trials] = pooled[p.series][p.g2];
    successes += p.successes;
    trials += p.trials;
  }
  std::vector<SaturationCurve> curves;
  for (const std::string& series : order) {
    SaturationCurve curve;
    curve.series = series;
    curve.spins = spins[series];
    for (const auto& [g2, counts] : pooled[series]) {
      curve.g2.push_back(g2);
      curve.p.push_back(counts.first / counts.second);
      curve.interval.push_back(wilson_interval(std::llround(counts.first), std::llround(counts.second)));
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

std::vector<ScalingCurve> scaling_curves(const std::vector<PublishedPoint>& points, std::uint64_t seed) {
  std::vector<std::string> order;
  std::map<std::string, std::map<double, Cell>> measured;
  std::map<std::string, int> below;
  for (const PublishedPoint& p : points) {
    if (p.part != kScaling || !p.problem.empty()) continue;
    if (std::find(order.begin(), order.end(), p.series) == order.end()) order.push_back(p.series);
    const double tts = p.rounds * runs_to_solution(p.successes / p.trials);
    measured[p.series][p.spins].tts[p.rounds].push_back(tts);
    below[p.series] += p.best_energy < p.target_energy - energy_slack(p.target_energy, 1) ? 1 : 0;
  }
  std::vector<ScalingCurve> curves;
  for (const std::string& series : order) {
    auto& cells = measured[series];
    double longest = kInfinity;  // that every N has
    for (auto& [spins, cell] : cells) {
      // An interrupted file may hold a run length on some instances only.
      std::size_t most = 0;
      for (const auto& [rounds, tts] : cell.tts) most = std::max(most, tts.size());
      std::erase_if(cell.tts, [&](const auto& entry) { return entry.second.size() < most; });
      longest = std::min(longest, cell.tts.rbegin()->first);
    }
    curves.push_back(curve_of(series, cells, seed));
    for (auto& [spins, cell] : cells) {
      std::erase_if(cell.tts, [&](const auto& entry) { return entry.first != longest; });
    }
    curves.push_back(curve_of(series, cells, seed));
    curves.back().one_length = true;
    for (auto at = curves.end() - 2; at != curves.end(); ++at) at->below_reference = below[series];
  }
  return curves;
}

}  // namespace opoloop
