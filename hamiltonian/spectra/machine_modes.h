#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hamiltonian/ising_model.h"
#include "hamiltonian/spectra/lowest_levels.h"

namespace opoloop {

/// The largest eigenvalues of a loop's own matrices, for any number of spins. A field h counts as the
/// couplings of one more pulse (with_ancilla), here as everywhere in the loop.
struct Modes {
  std::vector<double> values;  ///< decreasing, equal ones as often as they occur; short where not converged
  std::vector<std::vector<double>> vectors;
  bool converged = false;
  std::int64_t products = 0;
};

/// Largest eigenvalues of J. They set the thresholds of the modes, 1 − ξ λ_k, and λ₁ − λ₂ the head start of
/// the first over the second.
Modes coupling_modes(const IsingModel& model, int count, const LevelOptions& options = {});

/// Largest eigenvalues of the Jacobian of the mean-field loop (model (a), linear law, measured without noise)
/// at the amplitudes x:  M = diag(−(1−p) − 3x_i²) + ξJ.  Positive: the state is unstable along that vector.
/// x has one entry a spin, the ancilla's last where h ≠ 0.
Modes jacobian_modes(const IsingModel& model, double xi, double pump, std::span<const double> x, int count,
                     const LevelOptions& options = {});

}  // namespace opoloop
