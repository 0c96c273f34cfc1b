#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hamiltonian/spectra/lowest_levels.h"
#include "hamiltonian/spectra/state_space.h"

namespace opoloop {

/// Quantum annealing of a problem H_P, offset removed, in a transverse field:
///
///     H(s) = −(1−s) Σ_i σˣ_i + s c H_P,     0 ≤ s ≤ 1
///
/// c puts the two terms on one scale.
enum class ProblemScaling {
  norm,      ///< c = n/‖H_P‖, the operator norm: both terms have norm n, and s* stays away from 1
  coupling,  ///< c = 1/max(|J_ij|, |h_i|)
  none,      ///< c = 1
};
std::string name_of(ProblemScaling scaling);
/// Throws InputError listing the names.
ProblemScaling parse_problem_scaling(const std::string& text);

/// Degeneracies of the final ground state beyond this are not followed: a level each.
inline constexpr std::int64_t kMaxFinalDegeneracy = 32;

struct QuantumSettings {
  ProblemScaling scaling = ProblemScaling::norm;
  int points = 40;  ///< s = 0 … 1, both included; ≥ 2
  int threads = 1;
  LevelOptions levels;
  std::function<void(int done, int planned)> progress;  ///< may be empty; called from any thread
};

/// The lowest levels at one s.
struct GapPoint {
  double s = 0;
  bool converged = false;
  std::vector<double> levels;  ///< E_0 … E_D and one more where there is one; short where not converged
  double gap = 0;              ///< Δ = E_D − E_0; not a number where not converged
  double slope_element = 0;  ///< |⟨D|dH/ds|0⟩|; over all computed states of level E_D where it is degenerate
  double residual = 0;       ///< largest |Hv − Ev| among the levels
  std::int64_t products = 0;
};

enum class GapStatus {
  found,
  no_levels,       ///< one state only, or every state is a final ground state: there is no gap
  too_degenerate,  ///< the final ground state has more than kMaxFinalDegeneracy states
  not_converged,   ///< some points of the curve are missing
  interrupted,
};
std::string name_of(GapStatus status);

struct QuantumGap {
  GapStatus status = GapStatus::found;
  int spins = 0;
  bool even_sector = false;           ///< h = 0: levels of states even under reversal of all spins
  std::int64_t final_degeneracy = 0;  ///< D: ground states of H(1) in the sector
  double norm = 0;                    ///< ‖H_P‖
  double scale = 0;                   ///< c
  std::vector<GapPoint> curve;        ///< the grid, in increasing s
  std::vector<GapPoint> minima;       ///< of each basin of the grid, refined; in increasing s
  std::size_t smallest = 0;           ///< of `minima`
  /// max_s |⟨D|dH/ds|0⟩| / Δ², over the grid and the minima: annealing for longer than this (times 1/ε) keeps
  /// the ground state, by the usual adiabatic criterion. Time unit: 1/(transverse field at s = 0).
  double adiabatic_time = 0;
  std::int64_t products = 0;
};

/// Δ(s), n ≤ 20: the distance from the ground state of H(s) to the first level that is not a ground state of
/// H(1), so that levels which join it at the end do not count. Levels are counted in order of energy with
/// multiplicity; with h = 0 among the states even under reversal of all spins, which annealing never leaves.
/// Minima: golden section around each local minimum of the grid, until Δ settles to 1e−7.
/// Results do not depend on `threads`. Throws InputError for more spins or fewer than 2 points.
QuantumGap quantum_gap(const IsingModel& model, const QuantumSettings& settings);

}  // namespace opoloop
