#pragma once

#include <vector>

#include "hamiltonian/ising_model.h"

namespace opoloop {

/// Energies of up to 16 states at once, bit for bit those of IsingModel::energy (the same sums in the same
/// order, side by side), for one pass over the couplings. spins[lane] has length n.
std::vector<double> tile_energies(const IsingModel& model,
                                  const std::vector<const std::vector<std::int8_t>*>& spins);

}  // namespace opoloop
