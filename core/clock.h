#pragma once

#include <chrono>

namespace opoloop {

/// What durations are measured with: it never jumps.
using Clock = std::chrono::steady_clock;

/// Wall time since a moment, s.
inline double seconds_since(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

}  // namespace opoloop
