#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "driver/device.h"
#include "hamiltonian/quantiser.h"

namespace opoloop {

/// A problem as one device can take it, and the way back.
struct AdaptedProblem {
  std::shared_ptr<const Problem> original;
  std::shared_ptr<const Problem> problem;  ///< for the device; `original` itself where nothing had to change
  bool ancilla = false;                    ///< spin n carries the linear term (hamiltonian/ising_model.h)
  std::optional<Quantisation> quantisation;
  std::vector<std::string> adaptations;  ///< in words, for the run file; empty where nothing changed

  /// An energy of `original` in the device's units (exact quantisation: the same state; otherwise close).
  double device_energy(double energy) const;
  /// The way back: device_energy(problem_energy(e)) = e.
  double problem_energy(double device_energy) const;

  /// Turns the device's answer into one about `original`: removes the ancilla, recomputes every energy from
  /// the spins in double, takes the final spins as best where rounding of J hid that they are, and puts
  /// `adaptations` before the device's own. Throws Error on samples of the wrong length.
  Result restore(Result result) const;
};

/// Makes a problem fit what a device can take: a linear term becomes an ancilla spin where the device has
/// none, real couplings become integers where the device has only those: unchanged where they are integers in
/// range, exact multiples of the smallest where that fits, and otherwise scaled so that the largest fills the
/// range. Throws InputError where more spins are needed than the device has.
AdaptedProblem adapt(const std::shared_ptr<const Problem>& problem, const Capabilities& capabilities);

}  // namespace opoloop
