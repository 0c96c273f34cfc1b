#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "cim_model/models/truncated_wigner.h"
#include "cim_model/pulse_model.h"

namespace opoloop {

/// One optical delay line: a tap takes a part of every pulse, a fibre longer than the ring's by `delay` slots
/// holds it, a modulator scales it for the pulse it meets, a coupler adds it. Pulse i receives
/// amplitude · modulator[i] of pulse i − delay (mod N).
struct DelayLine {
  int delay;                      ///< slots, 1 … N − 1
  double amplitude;               ///< J of an open modulator, sign included (a line half a wave longer)
  std::vector<double> modulator;  ///< in [−1, 1], one a pulse; empty where the line needs none
};

/// The lines that make J: for every distance d with a coupling, amplitude the J_{i,i−d} of largest size and
/// modulators for the rest. A symmetric J needs d and N − d. Throws InputError where J takes more lines than
/// `limit` (0 = no limit), or modulators where there are none.
std::vector<DelayLine> delay_lines_of(const IsingModel& problem, int limit, bool modulators);

/// Model (g): the pulses of (b) coupled by light instead of by a measured number  [W13; docs/physics.md eq.
/// M10]. Both quadratures are injected:
///
///     dc = [(−1 + p − c² − s²) c + ξ Σ_j J_ij c_j] dt + g √(c² + s² + ½) dW₁
///     ds = [(−1 − p − c² − s²) s + ξ Σ_j J_ij s_j] dt + g √(c² + s² + ½) dW₂
///
/// Order within a round trip: tap, delay (line_delay whole round trips), modulate, inject. Injection is
/// spread over the round trip, as above, or happens at once, c += dt ξ Σ J c, before or after the crystal.
/// All slots of a round trip are tapped at the same time k; that light of pulses i − d < 0 left a round trip
/// earlier is neglected, as in (b). The law gives ξ Σ J c, the model ξ Σ J s. There is nothing electronic
/// that could know ⟨|x|⟩: a linear term needs the ancilla, one more pulse.
class DelayLines final : public PulseModel {
 public:
  DelayLines(const LoopParameters& parameters, const IsingModel& problem);

  int size() const override { return pulses_.size(); }
  void start(std::uint64_t seed, std::uint32_t trajectory) override;
  void measure(std::int64_t round, std::span<const double> pump, std::span<double> record) const override {
    pulses_.measure(round, pump, record);
  }
  void advance(std::int64_t round, const Drive& drive) override;
  void clamp(double bound) override { pulses_.clamp(bound); }
  std::span<const double> amplitude() const override { return pulses_.amplitude(); }
  std::vector<PulseVariable> variables() const override { return pulses_.variables(); }

  const std::vector<DelayLine>& lines() const { return lines_; }

 private:
  /// What the lines inject into the two quadratures of every pulse, per time unit.
  struct Light {
    std::vector<double> in_phase;
    std::vector<double> quadrature;
  };

  TruncatedWigner pulses_;
  std::vector<DelayLine> lines_;
  double strength_;
  double dt_;
  int line_delay_;
  InjectionPoint injection_point_;
  std::deque<Light> in_the_lines_;
};

}  // namespace opoloop
