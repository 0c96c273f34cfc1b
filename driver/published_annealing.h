#pragma once

#include <cstdint>
#include <vector>

#include "driver/annealing.h"
#include "hamiltonian/ising_model.h"

namespace opoloop {

/// The simulated annealing that the QAMA paper compares machines with (arXiv 2504.11083; settings of its
/// public code), as a named baseline: temperature 1000 → 0.001 by factors of 0.99 (1375 steps), each step
/// proposing five single flips of random spins, one after the other, under Metropolis' rule; then steepest
/// descent from the best state. Temperatures are in units of the problem's energy. The public code stops
/// after 50 steps without a new best energy anywhere in the batch, which a batch of 128 hardly ever does; for
/// a single problem the same rule ends most runs while they are hot. Here a problem stands alone, so the rule
/// is off unless asked for (patience = 50): the stronger baseline, and what the code does on batches.
struct PublishedSchedule {
  double hot = 1000;
  double cold = 0.001;
  double factor = 0.99;
  int flips = 5;
  int patience = 0;  ///< steps without a new best energy before it stops; 0 = never

  std::int64_t steps() const;
};

/// One read; `rounds` of the result counts temperatures.
AnnealingRead published_annealing(const IsingModel& model, const PublishedSchedule& schedule,
                                  std::uint64_t seed, std::uint32_t read);

}  // namespace opoloop
