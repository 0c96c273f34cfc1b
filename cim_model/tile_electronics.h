#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "cim_model/block_layout.h"
#include "cim_model/kernels/electronics_kernels.h"
#include "cim_model/parameters.h"
#include "hamiltonian/kernels/matrix_kernels.h"

namespace opoloop {

/// cim_model/electronics.h for a block of tiles in float: the same numbers drawn, the same order, for all
/// trajectories of the block at once. One call of each function a round trip.
class TileElectronics {
 public:
  TileElectronics(const LoopParameters& parameters, const BlockLayout& layout, std::uint64_t seed);

  /// record ← x̃ of round k from what the model measured (may be the record itself). [tile][rows][16].
  void measure(std::int64_t round, const float* from, float* record);
  /// Where the law writes its answer for a tile in round k.
  float* answer(std::int64_t round, int tile);
  /// After the law: what arrives at the pulses of the tile in round k is then injection() and quadrature().
  void feed_back(std::int64_t round, int tile);
  const float* injection() const { return injection_.data(); }
  /// Null without a phase error.
  const float* quadrature() const { return quadrature_.size() > 0 ? quadrature_.data() : nullptr; }

  /// Draws what moves the pumps of round k, for pump() of every tile.
  void draw_pumps(std::int64_t round);
  /// p_i of the round drawn in the rows of the tile, valid until the next call.
  const float* pump(int tile, double scheduled);

  /// Dead pulses of one tile ← 0.
  void silence(float* rows) const;
  /// A lane stands for a trajectory, or all lanes of a single one for it.
  ClippingCounts counts(int tile, int lane) const;

 private:
  using Counts = std::array<std::int64_t, 16>;

  Imperfections imperfections_;
  BlockLayout layout_;
  std::uint64_t seed_;
  float noise_sd_;
  kernels::FloatConverter adc_{}, fixed_point_{}, dac_{};
  std::vector<std::vector<double>> drift_;                            // [trajectory of the block][round]
  int slots_;                                                         // of the ring: delay + 1
  kernels::AlignedArray<float> ring_;                                 // [slot][tile][rows][16]
  kernels::AlignedArray<float> injection_, quadrature_, pump_;        // of one tile
  kernels::AlignedArray<float> gain_;                                 // of one tile, empty without a spread
  kernels::AlignedArray<float> record_noise_, pulse_noise_;           // of all tiles
  kernels::AlignedArray<float> common_noise_;                         // [tile][16]
  std::vector<Counts> adc_counts_, fixed_point_counts_, dac_counts_;  // [tile]
};

}  // namespace opoloop
