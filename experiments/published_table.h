#pragma once

#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include "driver/statistics.h"
#include "experiments/published.h"

namespace opoloop {

/// A number with what is known about its uncertainty; low = high = value where it is exact.
struct Estimate {
  double value = PublishedPoint::kNone;
  double low = PublishedPoint::kNone;
  double high = PublishedPoint::kNone;
  bool as_printed = false;  ///< low and high are what rounds to the printed value

  bool known() const { return !std::isnan(value); }
};

/// How ours and theirs compare, from their intervals alone.
enum class Agreement {
  agrees,       ///< the intervals overlap
  factor_two,   ///< they do not, the values are within a factor of 2
  ours_better,  ///< further apart, ours is less work or more success
  ours_worse,
  nothing_to_compare,  ///< no published number
  missing              ///< ours could not be measured: `problem` says why
};
std::string agreement_text(Agreement agreement);

/// One line of the table.
struct PublishedRow {
  std::string part;
  std::string what;  ///< "G22, CAC: products to solution"
  std::string unit;  ///< "products", "s", "" (a proportion or an exponent)
  Estimate ours;
  Estimate theirs;
  std::string source;   ///< of theirs
  std::string inputs;   ///< what ours is made of, in words: "71 of 2048 runs of 20,000 products"
  std::string note;     ///< what is known about the difference
  std::string problem;  ///< not empty: no measurement, and why
  bool more_is_better = false;
  bool lower_bound = false;  ///< ours: no run succeeded

  double ratio() const { return ours.value / theirs.value; }
  Agreement agreement() const;
};

/// The table, from the points alone. Sections without points are left out.
std::vector<PublishedRow> published_table(const std::vector<PublishedPoint>& points, std::uint64_t seed);

/// Success probability over g², pooled over instances.
struct SaturationCurve {
  std::string series;
  double spins = 0;
  std::vector<double> g2;
  std::vector<double> p;
  std::vector<Interval> interval;  ///< Wilson, 95%
};
std::vector<SaturationCurve> saturation_curves(const std::vector<PublishedPoint>& points);
/// g² at which a curve first falls below half its first value, interpolated in ln g²; the interval from where
/// the Wilson bounds cross that level. Unknown where it never does.
Estimate half_plateau(const SaturationCurve& curve);

/// Products to solution over N: for each N the run length with the least median over instances, and the fit
/// ln(median) = a + γ √N with its 95% interval from resampling instances.
struct ScalingCurve {
  std::string series;
  bool one_length = false;  ///< not the best run length for each N, but the longest measured for all of them
  std::vector<double> spins;
  std::vector<double> rounds;    ///< best run length
  std::vector<Estimate> median;  ///< products to solution, 99%
  std::vector<int> instances;
  Estimate gamma;
  double intercept = 0;     ///< a
  int below_reference = 0;  ///< instances on which a run found less than the reference energy
};
std::vector<ScalingCurve> scaling_curves(const std::vector<PublishedPoint>& points, std::uint64_t seed);

void print_published_table(const std::vector<PublishedRow>& rows, std::ostream& out);
/// One JSON object on one line.
void print_published_json(const std::vector<PublishedRow>& rows, const PublishedOptions& options,
                          bool complete, std::ostream& out);

/// A page with the table first, then the pictures.
std::string published_html(const std::vector<PublishedPoint>& points, std::uint64_t seed,
                           const std::string& command_line);

}  // namespace opoloop
