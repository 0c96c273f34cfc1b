#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "core/random.h"

namespace opoloop {

/// out[s] ← the standard normal of slot s of one (seed, stream, trajectory, step): four slots to a counter.
inline void fill_normals(std::uint64_t seed, Stream stream, std::uint32_t trajectory, std::uint64_t step,
                         std::span<double> out) {
  for (std::size_t slot = 0; slot < out.size(); slot += 4) {
    const auto four = philox_normals(seed, stream, trajectory, step, static_cast<std::uint32_t>(slot / 4));
    std::copy_n(four.begin(), std::min<std::size_t>(4, out.size() - slot),
                out.begin() + static_cast<std::ptrdiff_t>(slot));
  }
}

}  // namespace opoloop
