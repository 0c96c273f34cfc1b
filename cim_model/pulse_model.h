#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cim_model/parameters.h"
#include "hamiltonian/ising_model.h"

namespace opoloop {

/// A variable of a pulse model by its name in docs/physics.md: one value a pulse, valid until the next call
/// that changes the model.
struct PulseVariable {
  std::string name;
  std::span<const double> values;
};

/// What enters the cavity during one round trip, one value a pulse, held constant.
struct Drive {
  std::span<const double> pump;        ///< p_i, in units of the solitary threshold
  std::span<const double> injection;   ///< into the in-phase quadrature, per time unit, in units of x
  std::span<const double> quadrature;  ///< into the other one (phase errors); empty = none
};

/// What N pulses do between two injections: half of a round trip, the other half is FeedbackLaw. This is the
/// slow and readable path, one trajectory in double; cim_model/engine.h computes the same numbers fast.
///
/// A round trip k takes the state x^k to x^{k+1}: measure(k) reads it, a law answers, advance(k) moves it.
/// Randomness is a pure function of (seed, trajectory, k), so measure(k) and advance(k) see the same noise.
class PulseModel {
 public:
  virtual ~PulseModel() = default;

  virtual int size() const = 0;
  /// Sets x^0. Every number drawn later belongs to this (seed, trajectory).
  virtual void start(std::uint64_t seed, std::uint32_t trajectory) = 0;
  /// record_i ← x̃_i of round k, pumped with p_i in this round; pump and record have N entries.
  virtual void measure(std::int64_t round, std::span<const double> pump, std::span<double> record) const = 0;
  /// x^k → x^{k+1}. A model without a second quadrature ignores that part of the drive.
  virtual void advance(std::int64_t round, const Drive& drive) = 0;
  /// |x_i| ← min(|x_i|, bound), sign kept.
  virtual void clamp(double bound) = 0;

  /// x, the normalised in-phase amplitude that laws see.
  virtual std::span<const double> amplitude() const = 0;
  /// All variables of the state: "x"; "c", "s"; "mu", "V"; …
  virtual std::vector<PulseVariable> variables() const = 0;
};

/// The model that `parameters` name, for the pulses of `problem` (its size; optical delay lines hold J
/// themselves). parameters are taken as valid.
std::unique_ptr<PulseModel> make_pulse_model(const LoopParameters& parameters, const IsingModel& problem);

}  // namespace opoloop
