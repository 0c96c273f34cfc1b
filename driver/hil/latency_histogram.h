#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

namespace opoloop::hil {

/// Durations in nanoseconds, counted in bins of 1/128 of an octave or finer: any number of them in fixed
/// memory, percentiles to 0.8%, least and largest exactly.
class LatencyHistogram {
 public:
  void add(std::chrono::nanoseconds duration);
  void add_ns(std::uint64_t ns);

  std::int64_t count() const { return count_; }
  /// 0 where nothing was added.
  std::uint64_t min_ns() const { return count_ == 0 ? 0 : min_; }
  std::uint64_t max_ns() const { return max_; }
  double mean_ns() const;
  /// The duration that a fraction q of all do not exceed: upper edge of its bin, never above max_ns().
  std::uint64_t percentile_ns(double q) const;

  struct Bin {
    std::uint64_t low_ns;  ///< lowest and highest duration in it
    std::uint64_t high_ns;
    std::int64_t count;
  };
  /// Those that hold something, in order.
  std::vector<Bin> bins() const;

 private:
  static constexpr int kBits = 7;
  static constexpr std::size_t kBins = (64 - kBits) * (std::size_t{1} << kBits) + (std::size_t{1} << kBits);
  static std::size_t bin_of(std::uint64_t ns);
  static std::uint64_t lowest_in(std::size_t bin);

  std::array<std::int64_t, kBins> bins_{};
  std::int64_t count_ = 0;
  std::uint64_t min_ = ~std::uint64_t{0};
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace opoloop::hil
