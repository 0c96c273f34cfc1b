#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "cim_model/parameters.h"

namespace opoloop {

/// The error variables e_i of one trajectory and how they step: explicit Euler, error_substeps steps of
/// error_dt (dt/error_substeps if that is 0) a round trip, clamped to [error_min, error_max] after each.
class ErrorVariable {
 public:
  explicit ErrorVariable(const LoopParameters& parameters)
      : start_(parameters.error_start),
        min_(parameters.error_min),
        max_(parameters.error_max),
        steps_(parameters.error_substeps),
        dt_(parameters.error_step()) {}

  void start(int n) { e_.assign(static_cast<std::size_t>(n), start_); }
  double operator[](std::size_t i) const { return e_[i]; }
  std::span<const double> values() const { return e_; }

  /// e_i ← e_i + rate(e_i) dt, error_substeps times, everything but e_i held.
  template <class Rate>
  void step(std::size_t i, Rate&& rate) {
    double& e = e_[i];
    for (int sub = 0; sub < steps_; ++sub) {
      e += rate(e) * dt_;
      if (min_ > 0) e = std::max(e, min_);
      if (max_ > 0) e = std::min(e, max_);
    }
  }

 private:
  double start_;
  double min_;
  double max_;
  int steps_;
  double dt_;
  std::vector<double> e_;
};

}  // namespace opoloop
