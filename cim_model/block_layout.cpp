#include "cim_model/block_layout.h"

#include <algorithm>
#include <vector>

#include "cim_model/kernels/noise_kernels.h"

namespace opoloop {

void BlockLayout::spread(const double* values, float* out) const {
  for (int i = 0; i < n; ++i) {
    const auto value = static_cast<float>(values[i]);
    if (single) {
      out[i] = value;
    } else {
      std::fill_n(out + static_cast<std::ptrdiff_t>(i) * 16, 16, value);
    }
  }
}

void BlockLayout::normals(std::uint64_t seed, Stream stream, std::uint64_t step, int kinds, float* out,
                          std::size_t tile_stride) const {
  if (!single) {
    for (int t = 0; t < tiles; ++t) {
      kernels::fill_normals(seed, stream, first + static_cast<std::uint32_t>(t) * 16, step, n * kinds,
                            out + static_cast<std::size_t>(t) * tile_stride);
    }
    return;
  }
  // Slot = pulse·kinds + kind; the state wants [pulse/16][kind][pulse%16].
  thread_local std::vector<float> slots;
  slots.resize(static_cast<std::size_t>(n * kinds));
  kernels::fill_normals_one(seed, stream, first, step, n * kinds, slots.data());
  for (int i = 0; i < n; ++i) {
    for (int kind = 0; kind < kinds; ++kind) {
      out[(i / 16 * kinds + kind) * 16 + i % 16] = slots[static_cast<std::size_t>(i * kinds + kind)];
    }
  }
}

}  // namespace opoloop
