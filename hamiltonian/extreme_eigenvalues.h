#pragma once

#include "hamiltonian/ising_model.h"

namespace opoloop {

/// The ends of the spectrum of J, a field counted as the couplings of an ancilla spin. λ_max sets the
/// threshold of the loop (1 − ξ λ_max), λ_min the largest stable time step of a round trip.
struct ExtremeEigenvalues {
  double smallest = 0;
  double largest = 0;
};

/// By Lanczos (Spectra), both ends to about 1%; dense below 64 spins. The same result every time.
ExtremeEigenvalues extreme_eigenvalues(const IsingModel& model);

}  // namespace opoloop
