#pragma once

#include "cim_model/feedback_law.h"
#include "cim_model/laws/error_variable.h"

namespace opoloop {

/// Chaotic amplitude control [R21; docs/physics.md eq. F4]:
///
///     inj_i = e_i ξ Σ_j J_ij x̃_j,    de_i/dt = −β e_i (x̃_i² − α)
///
/// With error_uses_new_amplitude the step of e waits for x^{k+1} and uses it in place of x̃^k.
class CacLaw final : public FeedbackLaw {
 public:
  CacLaw(const LoopParameters& parameters, double strength)
      : parameters_(parameters), strength_(strength), e_(parameters) {}

  void start(int n) override { e_.start(n); }

  void inject(const Feedback& feedback, std::span<double> injection) override {
    for (std::size_t i = 0; i < injection.size(); ++i) injection[i] = e_[i] * strength_ * feedback.field[i];
    if (!parameters_.error_uses_new_amplitude) step_error(feedback.round, feedback.measured);
  }

  void advanced(std::int64_t round, std::span<const double> amplitude) override {
    if (parameters_.error_uses_new_amplitude) step_error(round, amplitude);
  }

  std::span<const double> error() const override { return e_.values(); }

 private:
  void step_error(std::int64_t round, std::span<const double> x) {
    const double alpha = parameters_.alpha.at(round, parameters_.rounds);
    const double beta = parameters_.beta.at(round, parameters_.rounds);
    for (std::size_t i = 0; i < x.size(); ++i) {
      e_.step(i, [&](double e) { return -beta * e * (x[i] * x[i] - alpha); });
    }
  }

  LoopParameters parameters_;
  double strength_;
  ErrorVariable e_;
};

}  // namespace opoloop
