#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace opoloop {

// Time to solution of a class of instances: what it takes at the run length that is best for the class.
//
// On instance i, runs of T steps succeed with probability P_i(T) and cost c_i(T) each, in whatever unit the
// time is asked in (steps, products, seconds). One of them succeeds with q = 99% after
//   TTS_i(T) = c_i(T) · max(1, ln(1 − q)/ln(1 − P_i(T))),
// ∞ where no run succeeded. One T is chosen for the whole class, not one an instance: who meets a new
// instance does not know its own best T. The class needs  min_T median_i TTS_i(T); an unsolved instance
// counts as ∞ and is never left out. (Rønnow et al., Science 345, 420 (2014): a T that is not optimised hides
// the scaling.)

/// Runs of one device on one instance at one length.
struct RunCell {
  double trials = 0;  ///< 0: not measured
  double successes = 0;
  double cost = 0;  ///< of one run, in the unit of the answer

  /// TTS as above; ∞ where no run succeeded.
  double time() const;
  /// Where no run succeeded, the time at the upper end of P's 95% Wilson interval: it takes at least that.
  double least_time() const;
};

/// One device on one class.
struct LengthTable {
  std::vector<double> lengths;              ///< steps of a run, ascending
  std::vector<std::vector<RunCell>> cells;  ///< [instance][length]
};

/// Where the best length lies on the grid: at an end the optimum may be beyond it.
enum class GridEnd { inside, shortest, longest };

struct ClassTime {
  double value = std::numeric_limits<double>::infinity();  ///< ∞: not half the instances solved at any length
  double low = std::numeric_limits<double>::quiet_NaN();   ///< 95%, see class_time()
  double high = std::numeric_limits<double>::quiet_NaN();
  double bound = 0;                   ///< where value is ∞: it takes longer than this
  std::optional<std::size_t> length;  ///< the best; none where value is ∞
  GridEnd end = GridEnd::inside;
  std::size_t instances = 0;
  std::size_t unsolved = 0;   ///< at the best length; without one, at every length
  std::vector<double> draws;  ///< the value of each resample, ∞ included

  bool known() const { return instances > 0; }
};

struct Resampling {
  int resamples = 1000;
  std::uint64_t seed = 1;
  std::uint32_t instance_class = 0;  ///< number of the class: classes are resampled independently
  int threads = 1;                   ///< never changes a result
};

/// The least median over `chosen` instances (numbers of rows of times[instance][length]; one may be there
/// several times) and the length that has it; the shorter of two that are equal. No length where all are ∞.
struct LeastMedian {
  std::optional<std::size_t> length;
  double median = std::numeric_limits<double>::infinity();
};
LeastMedian least_median(const std::vector<std::vector<double>>& times, std::span<const std::size_t> chosen);

/// Point estimate and percentile interval. Each resample draws instances with replacement, draws the
/// successes of each anew from Binomial(trials, successes/trials), and chooses the best length again: the
/// choice is part of the uncertainty. The second draw keeps a class of one instance from looking certain, and
/// makes the interval of a large class a little too wide. The instances drawn do not depend on
/// `device`, so draws of two devices on the same class belong together; their runs are drawn independently. A
/// length that was not measured on every instance is left out.
ClassTime class_time(const LengthTable& table, const Resampling& how, std::uint32_t device);

/// Percentile of values among which may be infinities: the value at place ⌊q(n−1)⌋, or ⌈q(n−1)⌉ where `up`.
/// NaN without values.
double percentile(std::vector<double> values, double q, bool up);

}  // namespace opoloop
