#pragma once

#include <cstdint>
#include <vector>

#include "driver/annealing.h"
#include "hamiltonian/kernels/matrix_kernels.h"
#include "hamiltonian/qama/qama_problem.h"

namespace opoloop {

/// Metropolis annealing of one QAMA problem by its structure (driver/annealing.h has the rule): a flip
/// changes the fields of its own head at once, and those of the other heads through Σ_t σ_{t,i} when their
/// turn comes, which is the same as flipping spins one by one in order, because heads meet only at equal (i,
/// b).
class QamaAnnealer {
 public:
  explicit QamaAnnealer(const QamaProblem& problem);

  /// Hot: 0.8 of the largest root-mean-square field of a spin in a random state. Cold: as
  /// choose_temperatures() of driver/annealing.h, from one quench.
  AnnealingSchedule choose_temperatures(std::uint64_t seed) const;

  /// Spins after the last sweep, and after descending where the schedule says so. A read is a function of
  /// (seed, read).
  std::vector<std::int8_t> run(const AnnealingSchedule& schedule, std::uint64_t seed,
                               std::uint32_t read) const;

 private:
  struct State;
  void start(State& state, std::uint64_t seed, std::uint32_t read) const;
  void rebuild(State& state) const;
  /// One sweep with the thresholds drawn for it; returns the number of flips.
  int sweep(State& state, const float* thresholds) const;
  void descend(State& state) const;

  int heads_;
  int rows_;    // spins of a head
  int stride_;  // rows_ rounded up to a multiple of 16
  float penalty_;
  kernels::AlignedArray<float> block_;  // J of one head in units of spins, [H][rows][stride], diagonal 0
  std::vector<float> field_;            // h, [H][stride]
};

}  // namespace opoloop
