#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "hamiltonian/ising_model.h"

namespace opoloop {

inline constexpr int kBruteForceMaxSpins = 24;

struct BruteForceResult {
  double energy = 0;            ///< ground energy, offset included: IsingModel::energy of ground_states[0]
  std::int64_t degeneracy = 0;  ///< number of ground states; both signs count where h = 0
  /// Up to max_states of them, in order of enumeration; where h = 0 each is followed by its mirror image.
  std::vector<std::vector<std::int8_t>> ground_states;
  std::int64_t evaluated = 0;  ///< states looked at
  bool complete = false;       ///< false only where `stop` ended it early: then nothing is proven
};

/// Looks at every state of n ≤ 24 spins: Gray code, so that each step flips one spin, and incremental local
/// fields, so that it costs O(n). The last spin is fixed where h = 0; the top spins are fixed to share the
/// work between threads (the answer does not depend on their number).
///
/// Arithmetic is double. Where all couplings and fields are multiples of one power of two (integers, the
/// quarters of a QUBO) every sum is exact and so is the degeneracy. Otherwise fields are rebuilt every 4096
/// flips, and states within 1e−10 · (Σ|J| + Σ|h|) of the lowest count as degenerate.
///
/// `stop` (may be empty) is asked every 4096 flips by each thread; `progress` (may be null) counts evaluated
/// states. Throws InputError for more than 24 spins.
BruteForceResult brute_force(const IsingModel& model, int threads = 1, int max_states = 1024,
                             const std::function<bool()>& stop = {},
                             std::atomic<std::int64_t>* progress = nullptr);

}  // namespace opoloop
