#pragma once

#include <cstddef>
#include <cstdint>

#include "core/random.h"

namespace opoloop {

/// How the fast engine lays out a block of trajectories: tiles of [rows][16] floats, one after the other. In
/// a tile, rows are pulses and lanes are trajectories. With one trajectory (`single`), lanes are pulses: the
/// state is a plain vector of N floats in ⌈N/16⌉ rows.
struct BlockLayout {
  bool single = false;
  int n = 0;  ///< pulses
  int tiles = 0;
  int rows = 0;             ///< of a tile
  std::uint32_t first = 0;  ///< global number of lane 0 of tile 0

  std::size_t tile_size() const { return static_cast<std::size_t>(rows) * 16; }
  std::size_t size() const { return tile_size() * static_cast<std::size_t>(tiles); }

  /// One value a pulse into the rows of one tile: in every lane of its row, or in its place of a single
  /// trajectory.
  void spread(const double* values, float* out) const;

  /// Standard normals of one step, [tile][rows][kind][16] with tiles `tile_stride` floats apart: slot
  /// pulse · kinds + kind of core/random.h.
  void normals(std::uint64_t seed, Stream stream, std::uint64_t step, int kinds, float* out,
               std::size_t tile_stride) const;
};

}  // namespace opoloop
