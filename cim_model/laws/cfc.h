#pragma once

#include "cim_model/feedback_law.h"
#include "cim_model/laws/error_variable.h"

namespace opoloop {

/// Chaotic feedback control [R21; docs/physics.md eq. F5]: the injected signal, not the amplitude, is held at
/// √α.
///
///     z_i = e_i ξ Σ_j J_ij x̃_j,    inj_i = z_i,    de_i/dt = −β e_i (z_i² − α)
class CfcLaw final : public FeedbackLaw {
 public:
  CfcLaw(const LoopParameters& parameters, double strength)
      : parameters_(parameters), strength_(strength), e_(parameters) {}

  void start(int n) override { e_.start(n); }

  void inject(const Feedback& feedback, std::span<double> injection) override {
    const double alpha = parameters_.alpha.at(feedback.round, parameters_.rounds);
    const double beta = parameters_.beta.at(feedback.round, parameters_.rounds);
    for (std::size_t i = 0; i < injection.size(); ++i) {
      const double z = e_[i] * strength_ * feedback.field[i];
      injection[i] = z;
      e_.step(i, [&](double e) { return -beta * e * (z * z - alpha); });
    }
  }

  std::span<const double> error() const override { return e_.values(); }

 private:
  LoopParameters parameters_;
  double strength_;
  ErrorVariable e_;
};

}  // namespace opoloop
