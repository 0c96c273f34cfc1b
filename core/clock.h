#pragma once

#include <algorithm>
#include <chrono>

namespace opoloop {

/// What durations are measured with: it never jumps.
using Clock = std::chrono::steady_clock;

/// Seconds as a duration of the clock. It counts nanoseconds in 63 bits: a century stands for all that is
/// longer.
inline Clock::duration clock_duration(double s) {
  constexpr double kCentury = 3e9;
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::min(s, kCentury)));
}

/// Wall time since a moment, s.
inline double seconds_since(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

}  // namespace opoloop
