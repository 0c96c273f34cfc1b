#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "cim_model/loop.h"

namespace opoloop {

/// n pulses that do not see each other: n independent samples in one trajectory.
inline IsingModel uncoupled(int n) {
  return {n, {}};
}

inline IsingModel ring(int n, double J) {
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) edges.push_back({i, (i + 1) % n, J});
  return {n, edges};
}

/// Mean of many samples with the standard error they imply.
class Mean {
 public:
  void add(double value) {
    ++count_;
    const double step = value - mean_;
    mean_ += step / static_cast<double>(count_);
    squares_ += step * (value - mean_);
  }
  double value() const { return mean_; }
  double standard_error() const {
    return std::sqrt(squares_ / static_cast<double>(count_ - 1) / static_cast<double>(count_));
  }
  std::int64_t count() const { return count_; }

 private:
  std::int64_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;
};

/// Runs the loop with an observer only, for tests that look at every state.
inline TrajectoryResult observe_loop(const IsingModel& problem, const LoopParameters& parameters,
                                     std::uint64_t seed, const LoopObserver& observer,
                                     std::uint32_t trajectory = 0) {
  LoopOptions options;
  options.seed = seed;
  options.trajectory = trajectory;
  options.observer = observer;
  return run_loop(problem, parameters, options);
}

/// Stationary variance of x ← (1 − a dt) x + b ΔW, an Euler step of an Ornstein–Uhlenbeck process whose own
/// variance is b²/(2a): the step adds the factor 1/(1 − a dt/2), so tests need no allowance for dt.
inline double euler_variance(double a, double b, double dt) {
  return b * b / (2 * a * (1 - a * dt / 2));
}

}  // namespace opoloop
