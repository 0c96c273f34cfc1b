#pragma once

#include <cstdint>
#include <vector>

#include "cim_model/pulse_model.h"

namespace opoloop {

/// Optics of the ring of model (e), from the parameters of the continuous model (d) whose limit it is. All
/// losses are in power. With j, dt and g² in the units of (d) (intrinsic amplitude lifetimes):
///
///     R_out = 1 − e^{−j dt}                       out-coupler: amplitude rate j/2
///     R_facet = 1 − e^{−(1 + j/2) dt}             each of two facets: together amplitude rate 1 + j/2, the
///                                                 intrinsic loss and the injection coupler's j/2
///     (ετ)² = 4 g² dt                             two-photon loss of a pass, x_b' = −½x², is g² x³ dt
///
/// so that √((1 − R_out)(1 − R_facet)²) = e^{−(1 + j) dt} without approximation: the cavity's amplitude
/// lifetime is T_decay = 1/((1 + j) dt) round trips. [N22]'s n_sat is 2(1 + j)/g².
struct DiscreteOptics {
  double out_coupling;  ///< R_out = r_out², power fraction that is measured every round trip
  double facet_loss;    ///< R_facet = r_loss², power lost at each crystal facet
  double interaction;   ///< ετ, strength of the χ⁽²⁾ interaction times the length of a pass
  double decay_trips;   ///< T_decay, 1/e lifetime of the amplitude [round trips]

  static DiscreteOptics of(const LoopParameters& parameters);
  /// Pump amplitude ⟨q_b⟩ at which a solitary pulse starts to oscillate, √2/(ετ T_decay)  [N22].
  double threshold_pump() const;
};

/// Largest x² that a crystal pass with pump p (of the model) leaves in a pulse: a stronger one is turned into
/// pump light and comes out weaker. From the pass without fluctuations and one facet (docs/physics.md eq.
/// M6): about 0.22/dt at p = 0, 0.29/dt at p dt = 0.2. Laws that hold x² at a target cannot ask for more, and
/// run away from targets near it.
double attainable_square(const LoopParameters& parameters, double pump);
/// The same at the highest pump of the run: no pulse is ever stronger.
double attainable_square(const LoopParameters& parameters);
/// The highest p of the run, the schedule's in units of pump_unit.
double highest_pump_of(const LoopParameters& parameters);

/// Gaussian state of one signal pulse, q = (a + a†)/√2 and p = (a − a†)/√2i; vacuum variance ½. ⟨p⟩ = 0.
struct PulseState {
  double q = 0;  ///< ⟨q⟩
  double var_q = 0.5;
  double var_p = 0.5;
};

/// Loss of a fraction R of the power to a port nobody looks at: q ← √(1−R) q, V ← (1−R) V + R/2.
PulseState lose(PulseState state, double power);

/// What the homodyne detector behind the out-coupler shows: w = √η q_out + vacuum ~ N(mean, variance).
struct HomodyneOutcome {
  double mean;      ///< √(ηR) ⟨q⟩
  double variance;  ///< η(R V + (1−R)/2) + (1−η)/2
};
HomodyneOutcome homodyne(const PulseState& state, double out_coupling, double efficiency);

/// The pulse left in the ring when the detector has shown w: the Gaussian conditioned on it  [N22].
///
///     C = Cov(q_ring, w) = √(ηR(1−R)) (V − ½)
///     ⟨q⟩ ← √(1−R)⟨q⟩ + C (w − ⟨w⟩)/Var w,   V_q ← (1−R)V_q + R/2 − C²/Var w,   V_p ← (1−R)V_p + R/2
PulseState out_couple(const PulseState& state, double w, double out_coupling, double efficiency);

/// Model (e), the round trip optics by the part  [N22; docs/physics.md eqs. M5–M7]. The state x^k is the
/// pulse just before the out-coupler. Round k:
///
///     measure   w ~ N(mean, variance) of the out-coupled light; x̃ = g w/(√(2η) r_out)
///     advance   the same w conditions what stays in the ring; displacement of ⟨q⟩ by √2 inj dt/g; facet
///     loss;
///               crystal pass with a fresh pump pulse in a coherent state (x_b = p dt/ετ, variances ¼) that
///               is traced out behind it; facet loss
///
/// x = g⟨q⟩/√2. Pump p, injection, dt, j, η as in model (d), the limit dt → 0 at fixed g² and j; the solitary
/// threshold is p = 1 + j at any dt. `substeps` is the least number of Runge–Kutta steps of a
/// crystal pass; strong pulses get more, see crystal_steps(). Starts in vacuum.
class DiscreteRing final : public PulseModel {
 public:
  DiscreteRing(const LoopParameters& parameters, int n);

  int size() const override { return static_cast<int>(x_.size()); }
  void start(std::uint64_t seed, std::uint32_t trajectory) override;
  void measure(std::int64_t round, std::span<const double> pump, std::span<double> record) const override;
  void advance(std::int64_t round, const Drive& drive) override;
  void clamp(double bound) override;
  std::span<const double> amplitude() const override { return x_; }
  std::vector<PulseVariable> variables() const override;

 private:
  PulseState state(std::size_t i) const { return {q_[i], var_q_[i], var_p_[i]}; }
  /// Standard normals of the detector in round k, one a pulse: measure and advance see the same ones.
  const std::vector<double>& detector_noise(std::int64_t round) const;

  DiscreteOptics optics_;
  double dt_;
  double g_;
  double efficiency_;
  int least_steps_;
  std::uint64_t seed_ = 0;
  std::uint32_t trajectory_ = 0;
  std::vector<double> q_, var_q_, var_p_;
  std::vector<double> x_;  // g q/√2
  mutable std::vector<double> normals_;
  mutable std::int64_t normals_round_ = -1;  // the round normals_ belong to: drawn once for both halves
};

}  // namespace opoloop
