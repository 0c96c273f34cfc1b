#pragma once

#include <algorithm>
#include <cmath>

#include "cim_model/feedback_law.h"

namespace opoloop {

/// A modulator that cannot inject more than `limit`: inj_i = clip(ξ Σ_j J_ij x̃_j, ±limit)
/// [docs/physics.md eq. F2].
class ClippedLaw final : public FeedbackLaw {
 public:
  ClippedLaw(double strength, double limit) : strength_(strength), limit_(limit) {}

  void start(int /*n*/) override {}
  void inject(const Feedback& feedback, std::span<double> injection) override {
    for (std::size_t i = 0; i < injection.size(); ++i) {
      injection[i] = std::clamp(strength_ * feedback.field[i], -limit_, limit_);
    }
  }

 private:
  double strength_;
  double limit_;
};

/// The same with a soft edge: inj_i = limit · tanh(ξ Σ_j J_ij x̃_j / limit) [docs/physics.md eq. F3].
/// Bounds the injection only; the bounded transfer functions of [B21] act on the whole signal of a spin and
/// would be a pulse model.
class TanhLaw final : public FeedbackLaw {
 public:
  TanhLaw(double strength, double limit) : strength_(strength), limit_(limit) {}

  void start(int /*n*/) override {}
  void inject(const Feedback& feedback, std::span<double> injection) override {
    for (std::size_t i = 0; i < injection.size(); ++i) {
      injection[i] = limit_ * std::tanh(strength_ * feedback.field[i] / limit_);
    }
  }

 private:
  double strength_;
  double limit_;
};

}  // namespace opoloop
