#pragma once

#include "cim_model/feedback_law.h"
#include "cim_model/laws/error_variable.h"

namespace opoloop {

/// Amplitude-heterogeneity correction [L19; docs/physics.md eq. F9]:
///
///     inj_i = e_i ξ Σ_j J_ij x̃_j,    de_i/dt = −β (x̃_i² − a) e_i,    a = α + ξ ⟨σ_i Σ_j J_ij σ_j⟩_i
///
/// a follows the amplitude p − 1 + ξ ⟨σΣJσ⟩ that equal pulses with e = 1 would have, α in place of p − 1. The
/// mean is −2 (H − offset)/N; a linear term counts in it as the couplings of an ancilla would.
/// With error_uses_new_amplitude the step of e waits for x^{k+1}, with the a of round k.
class AhcLaw final : public FeedbackLaw {
 public:
  AhcLaw(const LoopParameters& parameters, double strength)
      : parameters_(parameters), strength_(strength), e_(parameters) {}

  void start(int n) override { e_.start(n); }

  void inject(const Feedback& feedback, std::span<double> injection) override {
    const double mean = -2 * (feedback.energy - feedback.offset) / static_cast<double>(injection.size());
    target_ = parameters_.alpha.at(feedback.round, parameters_.rounds) + strength_ * mean;
    for (std::size_t i = 0; i < injection.size(); ++i) injection[i] = e_[i] * strength_ * feedback.field[i];
    if (!parameters_.error_uses_new_amplitude) step_error(feedback.round, feedback.measured);
  }

  void advanced(std::int64_t round, std::span<const double> amplitude) override {
    if (parameters_.error_uses_new_amplitude) step_error(round, amplitude);
  }

  std::span<const double> error() const override { return e_.values(); }

 private:
  void step_error(std::int64_t round, std::span<const double> x) {
    const double beta = parameters_.beta.at(round, parameters_.rounds);
    for (std::size_t i = 0; i < x.size(); ++i) {
      e_.step(i, [&](double e) { return -beta * (x[i] * x[i] - target_) * e; });
    }
  }

  LoopParameters parameters_;
  double strength_;
  ErrorVariable e_;
  double target_ = 0;  // a of this round
};

}  // namespace opoloop
