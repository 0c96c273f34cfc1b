#pragma once

#include <algorithm>
#include <cstdint>

namespace opoloop::kernels {

// Metropolis sweeps of one read. Field is int16_t (small integer couplings, everything exact) or float.
//
//   spins, fields, thresholds   [stride], stride = n rounded up to kAnnealingPad; fields f_i = Σ_j J_ij s_j +
//   h_i dense                       [n][stride], row i holds J_ij, zero beyond n; or null, and then
//   row_start, column, value    CSR rows of all ordered pairs
inline constexpr int kAnnealingPad = 32;

template <class Field>
struct AnnealingView;

template <>
struct AnnealingView<std::int16_t> {
  int n;
  int stride;
  const std::int8_t* dense;
  const std::int64_t* row_start;
  const std::int32_t* column;
  const std::int16_t* value;
};

template <>
struct AnnealingView<float> {
  int n;
  int stride;
  const float* dense;
  const std::int64_t* row_start;
  const std::int32_t* column;
  const float* value;
};

/// Sixteen xoshiro128+ generators (Blackman & Vigna 2021, doi 10.1145/3460772) side by side; word w of lane l
/// is state[w][l]. The top 24 bits of a result make u, four more decide on idling.
struct alignas(64) AnnealingRandom {
  std::uint32_t state[4][16];
};

/// T/2 for draw_thresholds(), kept so low that the largest threshold, 24 times as much, stays below the field
/// of padding, the largest float: no coupling of float32 tells such temperatures apart.
inline float half_temperature(double T) {
  return static_cast<float>(std::min(T / 2, 1e36));
}

/// thresholds[i] = T/2 · (−ln u_i), u_i uniform on (0, 1), for i < stride: a spin flips where s_i f_i ≤
/// threshold, which is ΔE = 2 s_i f_i ≤ −T ln u, Metropolis' rule. int16 is rounded down, exact as s_i f_i is
/// an integer. With probability 1/16 the threshold is the lowest number and the spin stays: see kIdleBits.
void draw_thresholds(float half_temperature, int stride, AnnealingRandom& random, std::int16_t* thresholds);
void draw_thresholds(float half_temperature, int stride, AnnealingRandom& random, float* thresholds);

/// One sweep in order of the spins: each flips where s_i f_i ≤ thresholds[i], fields follow at once. Entries
/// beyond n must never flip: spin 1 and a field above every threshold. Returns the number of flips and adds
/// the change of energy to `energy`.
int sweep(const AnnealingView<std::int16_t>& J, const std::int16_t* thresholds, std::int16_t* spins,
          std::int16_t* fields, double& energy);
int sweep(const AnnealingView<float>& J, const float* thresholds, float* spins, float* fields,
          double& energy);

}  // namespace opoloop::kernels
