#pragma once

#include <cstdint>

namespace opoloop::kernels {

/// A converter in floats (cim_model/imperfections.h has the rules): value = (code + offset) · lsb with code
/// clamped to low … high. per_lsb = 1/lsb is exact where lsb is a power of two.
struct FloatConverter {
  float lsb;
  float per_lsb;
  float low;
  float high;
};

// All passes: rows of 16 floats, 64-byte aligned; clipped[lane] counts what was out of range, added to.

/// record ← gain · x + sd · noise; noise may be null, record may be x.
void noisy_record(const float* x, float gain, const float* noise, float sd, int rows, float* record);
/// record ← the middle of its analogue-to-digital code, in place.
void digitise(const FloatConverter& adc, int rows, float* record, std::int64_t* clipped);
/// values ← the nearest code, halves to even, in place: fixed point and digital-to-analogue converters.
void round_to_codes(const FloatConverter& converter, int rows, float* values, std::int64_t* clipped);
/// in_phase ← cosine · arriving, quadrature ← sine · arriving. quadrature may be null (then sine is not
/// used).
void rotate(const float* arriving, float cosine, float sine, int rows, float* in_phase, float* quadrature);
/// pump_i ← scheduled · (common + gain_i + sd · noise_i); common has 16 lanes, gain is in every lane of its
/// row; gain and noise may be null.
void pump_rows(float scheduled, const float* common, const float* gain, const float* noise, float sd,
               int rows, float* pump);

}  // namespace opoloop::kernels
