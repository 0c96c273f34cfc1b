#pragma once

#include <cstdint>

#include "core/random.h"

namespace opoloop::kernels {

/// Standard normals out[slot][lane] of trajectories first … first+15: the normals of core/random.h.
void fill_normals(std::uint64_t seed, Stream stream, std::uint32_t first_trajectory, std::uint64_t step,
                  int slots, float* out);
/// The same for one trajectory: out[slot].
void fill_normals_one(std::uint64_t seed, Stream stream, std::uint32_t trajectory, std::uint64_t step,
                      int slots, float* out);

}  // namespace opoloop::kernels
