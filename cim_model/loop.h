#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>

#include "cim_model/engine.h"
#include "cim_model/feedback_law.h"
#include "cim_model/parameters.h"
#include "cim_model/pulse_model.h"
#include "hamiltonian/ising_model.h"

namespace opoloop {

/// What an observer sees of round k: the state x^k, what was measured of it, and the injection that will
/// take it to x^{k+1}. Views are valid during the call only.
struct LoopObservation {
  std::int64_t round;                 ///< k, 0 is the starting state and `rounds` the last
  double time;                        ///< k·dt
  double pump;                        ///< p of round k
  const PulseModel& model;            ///< its amplitude() is x^k
  std::span<const double> amplitude;  ///< x^k as it is read: the model's, with dead pulses 0
  std::span<const double> measured;   ///< x̃^k
  std::span<const double> injection;  ///< inj^k as it arrives, in phase; empty for the last state of a run
  std::span<const double> error;      ///< e^{k+1}, or e^k if it waits for x^{k+1}; empty without one
  double energy;                      ///< H^k, offset included
};
using LoopObserver = std::function<void(const LoopObservation&)>;

struct LoopOptions {
  std::uint64_t seed = 1;
  std::uint32_t trajectory = 0;
  LoopObserver observer;
  /// Looked at once a round trip: when set, the round at hand becomes the last.
  const std::atomic<bool>* stop = nullptr;
};

/// One trajectory of the loop in double, plainly: what the fast engine is tested against.
///
///     for k = 0 … rounds − 1:
///       x̃ = measure(x^k);   inj = law(J x̃ + h-term);   x^{k+1} = clamp(advance(x^k, inj))
///
/// with the imperfections of the machine (cim_model/electronics.h) after measure, after law and before
/// advance./// Energies are those of the spins of x^k (or of the record, with read_record) for k = 0 …
/// rounds. Schedules are evaluated at round k for the step k → k+1. Throws InputError where the parameters
/// are not valid, or where a problem with a field asks for the ancilla: extend it with with_ancilla() first.
TrajectoryResult run_loop(const IsingModel& problem, const LoopParameters& parameters,
                          const LoopOptions& options);

/// The same with a pulse model or a law of the caller's own; both are started here. parameters give rounds,
/// dt, schedules, field mode, clamps and read-out.
TrajectoryResult run_loop(const IsingModel& problem, const LoopParameters& parameters, PulseModel& model,
                          FeedbackLaw& law, const LoopOptions& options);

}  // namespace opoloop
