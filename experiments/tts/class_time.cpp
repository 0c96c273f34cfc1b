#include "experiments/tts/class_time.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/random.h"
#include "core/threads.h"
#include "driver/statistics.h"
#include "experiments/rank_statistics.h"

namespace opoloop {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Resamples of the runs of one cell: the time for each number of successes, and their distribution.
struct CellDraws {
  std::vector<double> times;    ///< [successes]
  std::vector<double> at_most;  ///< [successes]: probability of so many or fewer

  explicit CellDraws(const RunCell& cell) {
    const auto n = static_cast<std::size_t>(cell.trials);
    const double p = cell.successes / cell.trials;
    double sum = 0;
    for (std::size_t k = 0; k <= n; ++k) {
      times.push_back(RunCell{cell.trials, static_cast<double>(k), cell.cost}.time());
      if (p > 0 && p < 1) {
        const auto a = static_cast<double>(k), b = static_cast<double>(n - k);
        sum += std::exp(std::lgamma(a + b + 1) - std::lgamma(a + 1) - std::lgamma(b + 1) + a * std::log(p) +
                        b * std::log1p(-p));
      } else {
        sum = p > 0 && k < n ? 0 : 1;
      }
      at_most.push_back(sum);
    }
    at_most.back() = 1;  // rounding
  }
  double draw(double uniform) const {
    const auto at = std::upper_bound(at_most.begin(), at_most.end() - 1, uniform);
    return times[static_cast<std::size_t>(at - at_most.begin())];
  }
};

/// The lengths that every instance was measured at.
LengthTable complete_lengths(const LengthTable& table) {
  LengthTable kept;
  kept.cells.resize(table.cells.size());
  for (std::size_t t = 0; t < table.lengths.size(); ++t) {
    const bool all = std::all_of(table.cells.begin(), table.cells.end(), [t](const auto& row) {
      return t < row.size() && row[t].trials > 0 && !std::isnan(row[t].cost);
    });
    if (!all) continue;
    kept.lengths.push_back(table.lengths[t]);
    for (std::size_t i = 0; i < table.cells.size(); ++i) kept.cells[i].push_back(table.cells[i][t]);
  }
  return kept;
}

/// What is known of a class no length of which solves half of it.
double bound_of(const LengthTable& table) {
  double bound = kInfinity;
  for (std::size_t t = 0; t < table.lengths.size(); ++t) {
    std::vector<double> least;
    for (const auto& row : table.cells) least.push_back(row[t].least_time());
    bound = std::min(bound, median_of(std::move(least)));
  }
  return bound;
}

std::size_t count_unsolved(const LengthTable& table, std::optional<std::size_t> length) {
  std::size_t unsolved = 0;
  for (const auto& row : table.cells) {
    const bool solved =
        length ? row[*length].successes > 0
               : std::any_of(row.begin(), row.end(), [](const RunCell& cell) { return cell.successes > 0; });
    unsolved += solved ? 0 : 1;
  }
  return unsolved;
}

}  // namespace

double RunCell::time() const {
  return trials > 0 && successes > 0 ? cost * runs_to_solution(successes / trials) : kInfinity;
}

double RunCell::least_time() const {
  if (successes > 0) return time();
  return cost * runs_to_solution(wilson_interval(0, std::llround(trials)).high);
}

LeastMedian least_median(const std::vector<std::vector<double>>& times, std::span<const std::size_t> chosen) {
  LeastMedian best;
  if (times.empty() || chosen.empty()) return best;
  std::vector<double> values(chosen.size());
  const auto upper = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  for (std::size_t t = 0; t < times.front().size(); ++t) {
    for (std::size_t k = 0; k < chosen.size(); ++k) values[k] = times[chosen[k]][t];
    std::nth_element(values.begin(), upper, values.end());
    double median = *upper;
    if (values.size() % 2 == 0 && std::isfinite(median))
      median = (median + *std::max_element(values.begin(), upper)) / 2;
    if (median < best.median) best = {t, median};
  }
  return best;
}

double percentile(std::vector<double> values, double q, bool up) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double place = q * static_cast<double>(values.size() - 1);
  const auto at = static_cast<std::ptrdiff_t>(up ? std::ceil(place) : std::floor(place));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

ClassTime class_time(const LengthTable& all, const Resampling& how, std::uint32_t device) {
  ClassTime answer;
  const LengthTable table = complete_lengths(all);
  if (table.lengths.empty() || table.cells.empty()) return answer;
  const std::size_t instances = table.cells.size(), lengths = table.lengths.size();
  answer.instances = instances;
  std::vector<std::vector<double>> times(instances);
  std::vector<std::vector<CellDraws>> cells(instances);
  for (std::size_t i = 0; i < instances; ++i) {
    for (const RunCell& cell : table.cells[i]) {
      times[i].push_back(cell.time());
      cells[i].emplace_back(cell);
    }
  }
  std::vector<std::size_t> everyone(instances);
  std::iota(everyone.begin(), everyone.end(), std::size_t{0});
  const LeastMedian best = least_median(times, everyone);
  answer.value = best.median;
  answer.unsolved = count_unsolved(table, best.length);
  if (best.length) {
    // Numbers of the grid that was asked for, not of the part of it that is complete.
    const auto at = std::find(all.lengths.begin(), all.lengths.end(), table.lengths[*best.length]);
    answer.length = static_cast<std::size_t>(at - all.lengths.begin());
    if (lengths > 1 && *best.length == 0) answer.end = GridEnd::shortest;
    if (lengths > 1 && *best.length + 1 == lengths) answer.end = GridEnd::longest;
  } else {
    answer.bound = bound_of(table);
  }

  answer.draws.assign(static_cast<std::size_t>(how.resamples), kInfinity);
  // Distinct seeds for the instances of each class and for the runs of each device on it.
  const std::uint64_t base = how.seed + (std::uint64_t{how.instance_class} << 40U);
  parallel_for(how.resamples, how.threads, [&](std::int64_t k) {
    RandomSequence whom(base, Stream::bootstrap, static_cast<std::uint32_t>(k));
    RandomSequence runs(base + (std::uint64_t{device + 1} << 24U), Stream::bootstrap,
                        static_cast<std::uint32_t>(k));
    std::vector<std::vector<double>> drawn(instances, std::vector<double>(lengths));
    for (auto& row : drawn) {
      const auto& from = cells[whom.below(instances)];
      for (std::size_t t = 0; t < lengths; ++t) row[t] = from[t].draw(runs.uniform());
    }
    answer.draws[static_cast<std::size_t>(k)] = least_median(drawn, everyone).median;
  });
  answer.low = percentile(answer.draws, 0.025, false);
  answer.high = percentile(answer.draws, 0.975, true);
  return answer;
}

}  // namespace opoloop
