#include "experiments/rank_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "core/error.h"
#include "core/random.h"
#include "core/threads.h"

namespace opoloop {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// Sums of products of deviations from the mean of each stratum.
struct Sums {
  double xx = 0, xy = 0, yy = 0;

  void add(std::span<const double> x, std::span<const double> y) {
    const auto n = static_cast<double>(x.size());
    if (x.empty()) return;
    const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n;
    const double mean_y = std::accumulate(y.begin(), y.end(), 0.0) / n;
    for (std::size_t i = 0; i < x.size(); ++i) {
      xx += (x[i] - mean_x) * (x[i] - mean_x);
      xy += (x[i] - mean_x) * (y[i] - mean_y);
      yy += (y[i] - mean_y) * (y[i] - mean_y);
    }
  }
  double correlation() const { return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : kNone; }
  double slope() const { return xx > 0 ? xy / xx : kNone; }
};

/// All numbers of one sample.
struct Point {
  std::vector<double> rho, slope;  // [predictor · outcomes + outcome]
  std::vector<double> mean;        // [predictor]
};

using Groups = std::vector<std::vector<std::size_t>>;

std::vector<double> pick(const std::vector<double>& values, const std::vector<std::size_t>& items) {
  std::vector<double> picked;
  picked.reserve(items.size());
  for (const std::size_t i : items) picked.push_back(values[i]);
  return picked;
}

Point point_of(const RankInput& input, const Groups& groups) {
  const std::size_t outcomes = input.outcomes.size();
  const std::size_t pairs = input.predictors.size() * outcomes;
  std::vector<Sums> ranks(pairs), logs(pairs);
  for (const auto& group : groups) {
    std::vector<std::vector<double>> x, y, rank_x, rank_y;
    for (const auto& values : input.predictors) {
      x.push_back(pick(values, group));
      rank_x.push_back(midranks(x.back()));
    }
    for (const auto& values : input.outcomes) {
      y.push_back(pick(values, group));
      rank_y.push_back(midranks(y.back()));
    }
    for (std::size_t p = 0; p < x.size(); ++p) {
      for (std::size_t o = 0; o < outcomes; ++o) {
        ranks[p * outcomes + o].add(rank_x[p], rank_y[o]);
        std::vector<double> log_x, log_y;
        for (std::size_t i = 0; i < group.size(); ++i) {
          const double a = x[p][i], b = y[o][i];
          if (!(a > 0 && b > 0) || std::isinf(a) || std::isinf(b)) continue;
          log_x.push_back(std::log(a));
          log_y.push_back(std::log(b));
        }
        logs[p * outcomes + o].add(log_x, log_y);
      }
    }
  }
  Point point;
  for (std::size_t k = 0; k < pairs; ++k) {
    point.rho.push_back(ranks[k].correlation());
    point.slope.push_back(logs[k].slope());
  }
  for (std::size_t p = 0; p < input.predictors.size(); ++p) {
    double sum = 0, count = 0;
    for (std::size_t o = 0; o < outcomes; ++o) {
      const double rho = point.rho[p * outcomes + o];
      if (!input.main[o] || std::isnan(rho)) continue;
      sum += rho;
      count += 1;
    }
    point.mean.push_back(count > 0 ? sum / count : kNone);
  }
  return point;
}

/// Percentiles of the resamples around a value; unknown where less than nine in ten resamples have one.
RankEstimate estimate(double value, std::vector<double> resamples, const RankInput& input) {
  const std::size_t all = resamples.size();
  std::erase_if(resamples, [](double v) { return std::isnan(v); });
  RankEstimate e{value, kNone, kNone, kNone, kNone};
  if (std::isnan(value) || all == 0 || resamples.size() * 10 < all * 9) {
    e.value = kNone;
    return e;
  }
  std::sort(resamples.begin(), resamples.end());
  e.low = sorted_quantile(resamples, (1 - input.level) / 2);
  e.high = sorted_quantile(resamples, (1 + input.level) / 2);
  e.low_wide = sorted_quantile(resamples, (1 - input.level_wide) / 2);
  e.high_wide = sorted_quantile(resamples, (1 + input.level_wide) / 2);
  return e;
}

}  // namespace

bool RankEstimate::known() const {
  return !std::isnan(value);
}

std::vector<double> midranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (const double v : values) {
    if (std::isnan(v)) throw Error("midranks: a value is not a number");
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first + 1;
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    const double shared = 0.5 * static_cast<double>(first + 1 + end);
    for (std::size_t k = first; k < end; ++k) ranks[order[k]] = shared;
    first = end;
  }
  return ranks;
}

double spearman(std::span<const double> x, std::span<const double> y) {
  if (x.size() != y.size()) throw Error("spearman: two lists of different length");
  Sums sums;
  sums.add(midranks(x), midranks(y));
  return sums.correlation();
}

RankTable rank_table(const RankInput& input) {
  std::map<std::string, std::vector<std::size_t>> by_name;
  for (std::size_t i = 0; i < input.stratum.size(); ++i) by_name[input.stratum[i]].push_back(i);
  RankTable table;
  table.items = input.stratum.size();
  Groups groups;
  for (const auto& [name, items] : by_name) {
    table.strata.push_back(name);
    groups.push_back(items);
  }
  const Point all = point_of(input, groups);
  std::vector<Point> resampled(static_cast<std::size_t>(std::max(0, input.resamples)));
  parallel_for(input.resamples, input.threads, [&](std::int64_t k) {
    RandomSequence random(input.seed, Stream::bootstrap, static_cast<std::uint32_t>(k));
    Groups drawn = groups;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      for (std::size_t& item : drawn[g]) item = groups[g][random.below(groups[g].size())];
    }
    resampled[static_cast<std::size_t>(k)] = point_of(input, drawn);
  });

  const std::size_t predictors = input.predictors.size(), outcomes = input.outcomes.size();
  const auto column = [&](auto&& get) {
    std::vector<double> values;
    values.reserve(resampled.size());
    for (const Point& point : resampled) values.push_back(get(point));
    return estimate(get(all), std::move(values), input);
  };
  table.rho.resize(predictors);
  table.slope.resize(predictors);
  table.slope_items.resize(predictors);
  table.mean_difference.resize(predictors);
  for (std::size_t p = 0; p < predictors; ++p) {
    for (std::size_t o = 0; o < outcomes; ++o) {
      const std::size_t k = p * outcomes + o;
      table.rho[p].push_back(column([k](const Point& point) { return point.rho[k]; }));
      table.slope[p].push_back(column([k](const Point& point) { return point.slope[k]; }));
      std::size_t usable = 0;
      for (std::size_t i = 0; i < table.items; ++i) {
        const double a = input.predictors[p][i], b = input.outcomes[o][i];
        usable += a > 0 && b > 0 && std::isfinite(a) && std::isfinite(b) ? 1U : 0U;
      }
      table.slope_items[p].push_back(usable);
    }
    table.mean_rho.push_back(column([p](const Point& point) { return point.mean[p]; }));
    for (std::size_t other = 0; other < predictors; ++other) {
      table.mean_difference[p].push_back(
          column([p, other](const Point& point) { return point.mean[p] - point.mean[other]; }));
    }
  }
  return table;
}

double median_of(std::vector<double> values) {
  std::erase_if(values, [](double v) { return std::isnan(v); });
  if (values.empty()) return kNone;
  std::sort(values.begin(), values.end());
  const double low = values[(values.size() - 1) / 2], high = values[values.size() / 2];
  return std::isinf(high) ? high : (low + high) / 2;
}

double quantile_of(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return sorted_quantile(values, q);
}

double sorted_quantile(std::span<const double> values, double q) {
  const double at = q * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  const double part = at - static_cast<double>(low);
  // Nothing to interpolate, and infinities have no difference.
  if (part == 0 || values[low] == values[high]) return values[low];
  return values[low] + part * (values[high] - values[low]);
}

}  // namespace opoloop
