#pragma once

#include <cstddef>

namespace opoloop {

/// Takes a tile's rows apart: tile[row][i][16] → lanes[lane · lane_stride + row · n + i].
/// tile: rows · n · 16 floats; lane_stride ≥ rows · n.
void split_lanes(const float* tile, std::size_t rows, std::size_t n, float* lanes, std::size_t lane_stride);

}  // namespace opoloop
