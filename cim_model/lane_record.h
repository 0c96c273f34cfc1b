#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace opoloop {

/// Best energies and, for law cac_best, the moving target of the 16 lanes of one tile.
struct LaneRecord {
  std::array<double, 16> energy{};  ///< of this round
  std::array<double, 16> best{};
  std::array<std::int64_t, 16> round_best{};
  std::array<std::int64_t, 16> rounds{};
  std::uint32_t diverged = 0;  ///< bit l: lane l holds a number that is not finite
  // cac_best [L21], as ordered in cim_model/laws/cac_best.h.
  std::array<double, 16> target_best{};
  std::array<double, 16> rate{};
  std::array<double, 16> shift{};
  std::array<std::int64_t, 16> target_round{};

  /// The signs of numbers that are not finite are no spins: their energy is not to be logged.
  void forget_diverged() {
    for (std::size_t l = 0; l < 16; ++l) {
      if (diverged >> l & 1U) energy[l] = std::numeric_limits<double>::quiet_NaN();
    }
  }
};

}  // namespace opoloop
