#include "driver/hil/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace opoloop::hil {

// A number of b bits, b > kBits + 1, is shifted to kBits + 1 bits; smaller ones have a bin of their own.
std::size_t LatencyHistogram::bin_of(std::uint64_t ns) {
  const int shift = std::max(0, static_cast<int>(std::bit_width(ns)) - kBits - 1);
  return (static_cast<std::size_t>(shift) << kBits) + (ns >> shift);
}

std::uint64_t LatencyHistogram::lowest_in(std::size_t bin) {
  constexpr std::size_t kSmall = std::size_t{1} << (kBits + 1);
  if (bin < kSmall) return bin;
  const std::size_t shift = (bin >> kBits) - 1;
  return (bin - (shift << kBits)) << shift;
}

void LatencyHistogram::add(std::chrono::nanoseconds duration) {
  add_ns(static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration.count())));
}

void LatencyHistogram::add_ns(std::uint64_t ns) {
  ++bins_[bin_of(ns)];
  ++count_;
  sum_ += static_cast<double>(ns);
  min_ = std::min(min_, ns);
  max_ = std::max(max_, ns);
}

double LatencyHistogram::mean_ns() const {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

std::uint64_t LatencyHistogram::percentile_ns(double q) const {
  const auto wanted =
      std::clamp<std::int64_t>(std::llround(std::ceil(q * static_cast<double>(count_))), 1, count_ + 1);
  std::int64_t so_far = 0;
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    so_far += bins_[bin];
    if (so_far >= wanted) return std::min(max_, lowest_in(bin + 1) - 1);
  }
  return max_;
}

std::vector<LatencyHistogram::Bin> LatencyHistogram::bins() const {
  std::vector<Bin> out;
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    if (bins_[bin] > 0) out.push_back({lowest_in(bin), lowest_in(bin + 1) - 1, bins_[bin]});
  }
  return out;
}

}  // namespace opoloop::hil
