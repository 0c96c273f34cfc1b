#pragma once

#include <cstdint>
#include <functional>

#include "hamiltonian/ising_model.h"
#include "hamiltonian/spectra/single_flip_chain.h"

namespace opoloop {

/// The linear system has an unknown a state.
inline constexpr int kHittingTimeMaxSpins = 16;

/// Expected steps of the single-flip chain until it first is in a ground state.
struct HittingTime {
  bool converged = false;
  bool interrupted = false;
  double from_uniform = 0;     ///< started in a state drawn uniformly (infinite temperature)
  double from_stationary = 0;  ///< started in equilibrium
  double from_worst = 0;       ///< started in the worst state
  double residual = 0;         ///< largest error of the equations below, relative to the time of its state
  std::int64_t iterations = 0;
};

/// Solves t(x) = 0 on the ground states, t(x) = 1 + Σ_y P(x,y) t(y) elsewhere, n ≤ 16: conjugate gradients
/// (Eigen) on the symmetrised equations, √π t being the unknown; then Gauss–Seidel, which carries the answer
/// to states so improbable that √π hid them. With h = 0 a state and its mirror image are one unknown.
/// Converged where the residual is below 1e−8. Throws InputError for more spins and for β < 0 or not finite.
HittingTime hitting_time(const IsingModel& model, FlipRule rule, double beta,
                         const std::function<bool()>& stop = {});

}  // namespace opoloop
