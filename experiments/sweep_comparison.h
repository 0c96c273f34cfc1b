#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "driver/sweep_file.h"

namespace opoloop {

/// One quantity of two experiment files, over the rows that both have.
struct ComparedColumn {
  std::string name, units;
  std::size_t compared = 0;            ///< rows where both have a number
  std::size_t equal = 0;               ///< of those, the same to the last bit
  std::size_t only_a = 0, only_b = 0;  ///< rows where only one has a number
  double median_a = 0, median_b = 0;
  // B/A over rows where both are positive; NaN where there are none.
  double ratio_low = 0, ratio_median = 0, ratio_high = 0;  ///< 10%, 50%, 90% quantiles
  double largest_change = 0;                               ///< |B − A| / max(|A|, |B|)
  std::string largest_at;                                  ///< the row of it
  std::vector<double> a, b;                                ///< the numbers compared
};

/// Two files of one experiment: another seed, another computer, another version of the program.
struct SweepComparison {
  std::string path_a, path_b, experiment, plan_a, plan_b;
  std::uint64_t seed_a = 0, seed_b = 0;
  std::vector<std::string> key;  ///< columns that say which row of B is which of A
  std::size_t rows_a = 0, rows_b = 0, matched = 0;
  std::vector<ComparedColumn> columns;  ///< those of numbers that are no key
  std::string answer;                   ///< one or two sentences
};

/// Rows are matched by columns whose values the files share: words, then numbers, as few as tell the rows of
/// each file apart. Throws InputError where the files are of different experiments, or where nothing tells
/// rows apart.
SweepComparison compare_sweeps(const Sweep& a, const std::string& path_a, const Sweep& b,
                               const std::string& path_b);

std::string sweep_comparison_html(const SweepComparison& comparison, const std::string& command_line);
std::string sweep_comparison_text(const SweepComparison& comparison);
std::string sweep_comparison_csv(const SweepComparison& comparison);

}  // namespace opoloop
