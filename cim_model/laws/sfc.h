#pragma once

#include <cmath>

#include "cim_model/feedback_law.h"
#include "cim_model/laws/error_variable.h"

namespace opoloop {

/// Separated feedback control [R21; docs/physics.md eq. F6]: a saturated signal plus a filtered correction.
///
///     z_i = −ξ Σ_j J_ij x̃_j,    inj_i = −tanh(c z_i) − k (z_i − e_i),    de_i/dt = −β (e_i − z_i)
class SfcLaw final : public FeedbackLaw {
 public:
  SfcLaw(const LoopParameters& parameters, double strength)
      : parameters_(parameters), strength_(strength), e_(parameters) {}

  void start(int n) override { e_.start(n); }

  void inject(const Feedback& feedback, std::span<double> injection) override {
    const double c = parameters_.sfc_c.at(feedback.round, parameters_.rounds);
    const double beta = parameters_.beta.at(feedback.round, parameters_.rounds);
    for (std::size_t i = 0; i < injection.size(); ++i) {
      const double z = -strength_ * feedback.field[i];
      injection[i] = -std::tanh(c * z) - parameters_.sfc_k * (z - e_[i]);
      e_.step(i, [&](double e) { return -beta * (e - z); });
    }
  }

  std::span<const double> error() const override { return e_.values(); }

 private:
  LoopParameters parameters_;
  double strength_;
  ErrorVariable e_;
};

}  // namespace opoloop
