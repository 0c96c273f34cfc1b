#pragma once

#include <cstdint>

namespace opoloop::kernels {

/// One step of simulated bifurcation for one tile (driver/bifurcation.h). Tile arrays are [n][16] float,
/// 64-byte aligned; lanes beyond the trajectories wanted just run along.
struct BifurcationStep {
  float* x;
  float* y;
  float* sign;            ///< out: ±1 by the sign bit of the new x; null where not wanted
  const float* field;     ///< J x or J sgn x
  const float* h;         ///< [n], or null
  const float* h_weight;  ///< [16]: 1 in dSB, ⟨|x|⟩ of the trajectory in bSB
  float detuning;         ///< a0 − a(t)
  float c0;
  float dt;
  float a0;
};

/// y += dt (−detuning·x + c0 (field + h·h_weight)), x += dt a0 y, walls. Returns bits of the lanes in which
/// some spin changed sign; mean_abs[16], where not null, gets ⟨|x|⟩.
std::uint32_t bifurcation_step(int n, const BifurcationStep& step, float* mean_abs);

/// energy[lane] = −½ Σ_i s_i f_i − Σ_i h_i s_i where f = J s; h may be null.
void bifurcation_energies(int n, const float* sign, const float* field, const float* h, double* energy);

}  // namespace opoloop::kernels
