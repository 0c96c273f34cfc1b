#include "hamiltonian/problem.h"

namespace opoloop {

std::string kind_name(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::ising:
      return "ising";
    case ProblemKind::qubo:
      return "qubo";
    case ProblemKind::max_cut:
      return "max_cut";
  }
  return "ising";  // only reachable by casting a number to the enum
}

double Problem::total_weight() const {
  double total = 0;
  for (std::int32_t i = 0; i < ising.size(); ++i) {
    for (const double J : ising.couplings(i)) total -= J;
  }
  return total;
}

}  // namespace opoloop
