#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "cim_model/parameters.h"

namespace opoloop {

/// What a law is told in round k. Spans have N entries and are valid during the call.
struct Feedback {
  std::int64_t round;                ///< k
  std::span<const double> measured;  ///< x̃^k
  std::span<const double> field;     ///< Σ_j J_ij x̃_j + h-term, not yet scaled by ξ
  double energy;                     ///< H^k, Ising energy of the spins read in round k, offset included
  double offset = 0;                 ///< the part of it that no spin changes
};

/// How the measured amplitudes turn into the injection: the other half of a round trip. Laws keep one error
/// variable e_i a pulse where they need it. One trajectory, in double.
class FeedbackLaw {
 public:
  virtual ~FeedbackLaw() = default;

  /// Back to round 0 for n pulses.
  virtual void start(int n) = 0;
  /// injection_i ← inj_i of round k from e^k, then e^k → e^{k+1} (unless the law waits for x^{k+1}).
  virtual void inject(const Feedback& feedback, std::span<double> injection) = 0;
  /// Told x^{k+1} after advance and clamp. Only LoopParameters::error_uses_new_amplitude needs it.
  virtual void advanced(std::int64_t round, std::span<const double> amplitude) {
    (void)round;
    (void)amplitude;
  }
  /// False: the law computes with J itself (or lives elsewhere), and Feedback::field is left 0.
  virtual bool needs_field() const { return true; }
  /// e, N entries; empty where the law has none.
  virtual std::span<const double> error() const { return {}; }
};

/// The law that `parameters` name. strength = gain · ξ multiplies the field.
std::unique_ptr<FeedbackLaw> make_feedback_law(const LoopParameters& parameters, double strength);

/// True for laws with an error variable e_i per pulse.
bool has_error_variable(LawKind law);

}  // namespace opoloop
