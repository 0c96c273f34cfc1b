#pragma once

#include <cstdint>

#include "cim_model/parameters.h"

namespace opoloop::kernels {

/// Numbers of one round trip, the same for every pulse and trajectory. Unbounded limits are ±infinity.
struct RoundConstants {
  ModelKind model;
  LawKind law;
  Stepper stepper;
  int substeps;
  float dt;  ///< of one amplitude sub-step
  float sqrt_dt;
  float p;           ///< pump
  float saturation;  ///< μ
  float strength;    ///< gain·ξ
  float alpha;
  float error_rate;  ///< β · time of one error step
  int error_steps;
  float error_min;
  float error_max;
  bool error_after;  ///< the error step sees the amplitude after the advance
  float c;           ///< sfc
  float k;           ///< sfc
  float limit;       ///< clipped, tanh
  float clamp;       ///< |x| bound
  float g;
  float loss;         ///< j
  float back_action;  ///< g √(η j)
  float condition;    ///< 2 η j
};

/// Arrays of one tile, rows of 16 floats, 64-byte aligned. In a tile, lanes are trajectories and rows are
/// pulses; for a trajectory on its own, lanes are 16 consecutive pulses. The arithmetic is the same.
struct TileArrays {
  float* x;               ///< amplitude (in units of 1/g: c or gμ)
  float* second;          ///< quadrature s (truncated Wigner), variance V (Gaussian), or null
  float* error;           ///< e, or null
  const float* measured;  ///< x̃; equals x for models without a separate record
  const float* field;     ///< J x̃
  const float* h;         ///< h_i in every lane of row i, or null
  const float* h_scale;   ///< [16] ⟨|x̃|⟩ or √α of each lane; with h only
  const float* target;    ///< [16] squared target amplitude of each lane (cac_best, ahc)
  const float* rate;      ///< [16] ξ_t · time of one error step of each lane; of ahc β · that time
  const float* noise;     ///< standard normals [substep][slot][16], slots as in core/random.h, or null
};

/// One round trip of a tile after its product: law, injection, advance, clamp. Returns false in a bit of the
/// result where a lane holds a number that is not finite (bit l = lane l).
std::uint32_t advance_tile(const RoundConstants& constants, const TileArrays& arrays, int rows);

/// The same in three passes, for machines whose electronics stand between law and pulses
/// (cim_model/tile_electronics.h). Without them the passes compute what advance_tile() does, bit for bit.
///
/// Law: injection[row][16] from the field, and the next error variable unless it waits for the amplitude.
std::uint32_t law_tile(const RoundConstants& constants, const TileArrays& arrays, int rows, float* injection);
/// Advance and clamp with a pump and an injection for every row; quadrature may be null.
std::uint32_t advance_driven_tile(const RoundConstants& constants, const TileArrays& arrays, int rows,
                                  const float* pump, const float* injection, const float* quadrature);
/// The error step of laws that wait for the amplitude after the advance (error_after); none otherwise.
std::uint32_t late_error_tile(const RoundConstants& constants, const TileArrays& arrays, int rows);

/// measured[i] = x[i] + scale · noise[i] over `count` floats (a multiple of 16).
void add_record_noise(const float* x, const float* noise, float scale, float* measured, std::int64_t count);

/// best[row] takes the sign bits of x where `lanes` has a bit: the spins of a new best energy.
void update_best_signs(const float* x, int rows, std::uint32_t lanes, std::uint16_t* best);

/// energy[lane] −= Σ_i h_i σ_i, summed over pulses in increasing order.
void subtract_field_energy(const double* h, const float* x, int n, double* energy);
/// scale[lane] = ⟨|x̃|⟩ over the pulses of each lane.
void mean_amplitude(const float* x, int n, float* scale);

}  // namespace opoloop::kernels
