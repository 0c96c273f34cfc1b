#pragma once

#include <atomic>
#include <optional>

#include "core/clock.h"

namespace opoloop {

/// Tells worker threads when to stop: on a cancel from outside or when the time is over. Remembers which, so
/// that a Result can say so. Cheap enough to ask once a sweep of a small problem.
class StopClock {
 public:
  StopClock(std::optional<double> limit_s, const std::atomic<bool>& cancel)
      : limit_s_(limit_s), cancel_(cancel) {}

  bool stop() const {
    if (cancel_.load(std::memory_order_relaxed)) {
      cancelled_.store(true, std::memory_order_relaxed);
      return true;
    }
    if (limit_s_ && elapsed_s() >= *limit_s_) {
      time_over_.store(true, std::memory_order_relaxed);
      return true;
    }
    return false;
  }

  double elapsed_s() const { return seconds_since(start_); }
  /// Whether stop() has answered true because of a cancel, or because of the time.
  bool cancelled() const { return cancelled_.load(); }
  bool time_over() const { return time_over_.load(); }

 private:
  Clock::time_point start_ = Clock::now();
  std::optional<double> limit_s_;
  const std::atomic<bool>& cancel_;
  mutable std::atomic<bool> cancelled_{false};
  mutable std::atomic<bool> time_over_{false};
};

}  // namespace opoloop
