#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "hamiltonian/coupling.h"
#include "hamiltonian/ising_model.h"

namespace opoloop {

enum class BifurcationKind {
  ballistic,  ///< bSB: forces from positions
  discrete,   ///< dSB: forces from their signs
};

/// Simulated bifurcation of Goto et al. 2021, doi 10.1126/sciadv.abe7953 [G21]: N positions x and momenta y
/// under the equations of motion it names bSB and dSB,
///
///     dy_i/dt = −(a0 − a(t)) x_i + c0 Σ_j J_ij x_j       bSB
///     dy_i/dt = −(a0 − a(t)) x_i + c0 Σ_j J_ij sgn x_j   dSB
///     dx_i/dt = a0 y_i
///
/// with inelastic walls: |x_i| > 1 sets x_i = sgn x_i, y_i = 0. Symplectic Euler, y first; a rises linearly
/// from 0 to a0 over the run; spins are the signs of x. (J here is the paper's with H = −½ σJσ, the same
/// sign.) A linear term adds c0 h_i in dSB and c0 h_i ⟨|x|⟩ in bSB, so that it keeps its weight against J x
/// while amplitudes are small (physics.md 3, "External field").
struct BifurcationParameters {
  BifurcationKind kind = BifurcationKind::discrete;
  double dt = 1.25;
  double a0 = 1;
  double c0 = 0;       ///< [G21]: 0.5 √(N−1) / √(Σ_ij J_ij²), fields counted as couplings to an ancilla
  double start = 0.1;  ///< x and y start uniform in ± this
  std::int64_t steps = 1000;
  std::int64_t energy_every = 1;  ///< bSB: look at the energy every so many steps (and at the last); dSB has
                                  ///< it from its own product every step
};

/// c0 of [G21], with the ancilla's couplings h_i counted in Σ J² and N where there is a field.
double bifurcation_c0(const IsingModel& model);

/// One trajectory at its end; energies recomputed in double, offset included.
struct BifurcationRun {
  double energy_final = 0;
  double energy_best = 0;
  std::int64_t round_best = 0;
  std::int64_t rounds = 0;
  bool diverged = false;
  std::vector<std::int8_t> spins_best, spins_final;
};

struct BifurcationOptions {
  std::uint64_t seed = 1;
  std::uint32_t first_trajectory = 0;      ///< of this block; trajectory t is a function of (seed, t)
  int trajectories = kTileLanes;           ///< in this block, 1 … 1024; its tiles share each pass over J
  std::optional<double> stop_energy;       ///< stop when a trajectory of the block reaches it
  std::function<bool()> stop;              ///< asked every few steps; may be empty
  std::function<void(std::int64_t)> done;  ///< told how many trajectory-steps were done; may be empty
};

/// Runs one block of trajectories side by side. Thread-safe; the result of a trajectory depends on nothing
/// but the problem, the parameters, the seed and its number.
std::vector<BifurcationRun> run_bifurcation(const IsingModel& model, const Coupling& coupling,
                                            const BifurcationParameters& parameters,
                                            const BifurcationOptions& options);

}  // namespace opoloop
