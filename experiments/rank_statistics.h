#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace opoloop {

// Rank correlation and log–log slope of quantities measured on the same items (instances), with bootstrap
// intervals. Items belong to strata (a family at a size): everything is computed within strata and pooled, so
// that what grows with size alone is no correlation.

/// Ranks 1 … n, equal values sharing the mean of theirs. Infinities are values like any other, ties among
/// themselves. Throws Error on NaN.
std::vector<double> midranks(std::span<const double> values);

/// Spearman's ρ with ties: Pearson's correlation of midranks. NaN where a side is constant.
double spearman(std::span<const double> x, std::span<const double> y);

/// A bootstrap estimate: the value from all items, percentile interval over resamples.
struct RankEstimate {
  double value = 0;
  double low = 0;
  double high = 0;
  double low_wide = 0;  ///< at the level that is corrected for several questions
  double high_wide = 0;
  bool known() const;  ///< false: constant on a side, or too few items
};

/// What a table of quantities says.
struct RankTable {
  std::vector<std::string> strata;
  std::size_t items = 0;
  /// [predictor][outcome]: ρ pooled over strata, Σ_s Σ (r_x − r̄_x)(r_y − r̄_y) / √(Σ_s Σ (r_x − r̄_x)² ·
  /// Σ_s Σ (r_y − r̄_y)²), r midranks within the stratum; with one stratum Spearman's ρ.
  std::vector<std::vector<RankEstimate>> rho;
  /// [predictor][outcome]: slope of ln y over ln x with an intercept for each stratum, over the items where
  /// both are finite and positive.
  std::vector<std::vector<RankEstimate>> slope;
  std::vector<std::vector<std::size_t>> slope_items;
  /// [predictor]: mean of ρ over the outcomes marked in `main`.
  std::vector<RankEstimate> mean_rho;
  /// [predictor][other predictor]: difference of mean_rho, from the same resamples: paired.
  std::vector<std::vector<RankEstimate>> mean_difference;
};

struct RankInput {
  std::vector<std::string> stratum;             ///< of each item
  std::vector<std::vector<double>> predictors;  ///< [predictor][item]; no NaN
  std::vector<std::vector<double>> outcomes;    ///< [outcome][item]; no NaN, +∞ where censored
  std::vector<bool> main;                       ///< [outcome]: counts in mean_rho
  int resamples = 2000;
  double level = 0.95;       ///< of low, high
  double level_wide = 0.99;  ///< of low_wide, high_wide
  std::uint64_t seed = 1;
  int threads = 1;  ///< never changes a result
};

/// Items are resampled with replacement within each stratum.
RankTable rank_table(const RankInput& input);

/// Sorted middle: mean of the two where the count is even, ∞ where one of them is. NaN without values.
double median_of(std::vector<double> values);
/// Quantile q in [0, 1], linear between order statistics; there must be values. `sorted`: ascending.
double sorted_quantile(std::span<const double> sorted, double q);
double quantile_of(std::vector<double> values, double q);

}  // namespace opoloop
