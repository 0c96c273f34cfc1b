#pragma once

#include <vector>

#include "hamiltonian/ising_model.h"
#include "hamiltonian/problem.h"

namespace opoloop {

/// A model in dimod's sign convention, E = Σ h_i v_i + Σ_{i<j} J_ij v_i v_j + offset, minimised, with v ∈ ±1
/// (spin) or 0/1 (binary): what its COO and JSON files hold.
struct DimodModel {
  bool binary = false;
  std::vector<double> linear;
  std::vector<IsingEdge> quadratic;  ///< IsingEdge::J holds dimod's bias, not our J
  double offset = 0;
};

/// Kind qubo where binary, ising otherwise.
Problem problem_from_dimod(DimodModel model);
/// binary where the problem's kind is qubo.
DimodModel dimod_from_problem(const Problem& problem);

}  // namespace opoloop
