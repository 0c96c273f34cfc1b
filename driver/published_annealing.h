#pragma once

#include <cstdint>
#include <vector>

#include "driver/annealing.h"
#include "hamiltonian/ising_model.h"

namespace opoloop {

/// The simulated annealing that the QAMA paper compares machines with (arXiv 2504.11083), as a named
/// baseline: temperature 1000 → 0.001 by factors of 0.99 (1375 steps), each step proposing five single flips
/// of random spins under Metropolis' rule, then a greedy descent. Temperatures are in units of the problem's
/// energy. The paper stops early after 50 steps without an improvement of the best energy; taken literally
/// that ends nearly every run while it is still hot, so it is off unless asked for (patience = 50): the
/// baseline that others are held against is the stronger one.
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
