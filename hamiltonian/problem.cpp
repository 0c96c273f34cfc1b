#include "hamiltonian/problem.h"

namespace opoloop {

double Problem::total_weight() const {
  double total = 0;
  for (std::int32_t i = 0; i < ising.size(); ++i) {
    for (const double J : ising.couplings(i)) total -= J;
  }
  return total;
}

}  // namespace opoloop
