#pragma once

#include <cmath>
#include <cstdint>

#include "cim_model/feedback_law.h"
#include "cim_model/laws/error_variable.h"

namespace opoloop {

/// CAC whose target amplitude and error rate follow the best energy so far [L21; docs/physics.md eq. F7]:
///
///     inj_i = e_i ξ Σ_j J_ij x̃_j,    de_i/dt = −ξ_t (x̃_i² − a) e_i,
///     a = α − ρ tanh(δ (H_best − H)),    dξ_t/dt = γ,  ξ_t ← 0 when τ has passed without a better energy
///
/// Order within round k, H_best being the best of rounds 0 … k − 1 (H^0 itself in round 0):
///   1. a from H^k and H_best — or, with best_energy.previous_energy, the a that round k − 1 worked out
///      (α in round 0);
///   2. inj from e^k;   3. e^k → e^{k+1} with this a and ξ_t;   4. ξ_t ← ξ_t + γ dt;
///   5. if k − k_best > τ/dt: ξ_t ← 0 and k_best ← k;   6. if H^k < H_best: k_best ← k, H_best ← H^k.
/// With error_uses_new_amplitude step 3 waits for x^{k+1}, still with the a and ξ_t of round k.
class CacBestLaw final : public FeedbackLaw {
 public:
  CacBestLaw(const LoopParameters& parameters, double strength)
      : parameters_(parameters), target_(parameters.best_energy), strength_(strength), e_(parameters) {}

  void start(int n) override {
    e_.start(n);
    next_rate_ = 0;
    best_round_ = 0;
  }

  void inject(const Feedback& feedback, std::span<double> injection) override {
    const std::int64_t k = feedback.round;
    const double alpha = parameters_.alpha.at(k, parameters_.rounds);
    if (k == 0) {
      best_energy_ = feedback.energy;
      next_shift_ = 0;
    }
    const double shift = -target_.rho * std::tanh(target_.delta * (best_energy_ - feedback.energy));
    a_ = alpha + (target_.previous_energy ? next_shift_ : shift);
    next_shift_ = shift;
    rate_ = next_rate_;

    for (std::size_t i = 0; i < injection.size(); ++i) injection[i] = e_[i] * strength_ * feedback.field[i];
    if (!parameters_.error_uses_new_amplitude) step_error(feedback.measured);

    next_rate_ += target_.gamma * parameters_.dt;
    if (static_cast<double>(k - best_round_) > target_.tau / parameters_.dt) {
      next_rate_ = 0;
      best_round_ = k;
    }
    if (feedback.energy < best_energy_) {
      best_energy_ = feedback.energy;
      best_round_ = k;
    }
  }

  void advanced(std::int64_t /*round*/, std::span<const double> amplitude) override {
    if (parameters_.error_uses_new_amplitude) step_error(amplitude);
  }

  std::span<const double> error() const override { return e_.values(); }

 private:
  void step_error(std::span<const double> x) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      e_.step(i, [&](double e) { return -rate_ * (x[i] * x[i] - a_) * e; });
    }
  }

  LoopParameters parameters_;
  BestEnergyTarget target_;
  double strength_;
  ErrorVariable e_;
  double a_ = 0;           // of this round
  double rate_ = 0;        // ξ_t of this round
  double next_rate_ = 0;   // ξ_t of the next
  double next_shift_ = 0;  // a − α worked out this round
  double best_energy_ = 0;
  std::int64_t best_round_ = 0;
};

}  // namespace opoloop
