#pragma once

#include <cstdint>
#include <vector>

#include "hamiltonian/ising_model.h"

namespace opoloop {

/// Vectors over all states have 2^20 elements at most.
inline constexpr int kSpectrumMaxSpins = 20;

/// Which functions of the state: all of them, or, where h = 0 makes the energy even under σ → −σ, the even or
/// the odd ones. Those are held on the half of the states whose last spin is +1.
enum class Parity { all, even, odd };

/// The states of n spins as corners of a hypercube. State x: bit i set means σ_i = −1. Flipping spin i is x ^
/// 2^i. In the half space of `even` and `odd` flipping the last spin leaves the half; mirroring brings it
/// back: x → size − 1 − x, with factor +1 or −1.
struct StateSpace {
  int spins = 0;
  Parity parity = Parity::all;

  bool half() const { return parity != Parity::all; }
  /// Bits of a state number: single flips that are an XOR with one bit.
  int bits() const { return half() ? spins - 1 : spins; }
  std::int64_t size() const { return std::int64_t{1} << bits(); }
  /// Factor of the mirrored state when the last spin is flipped.
  double mirror_sign() const { return parity == Parity::odd ? -1.0 : 1.0; }
  /// The state that flipping spin i leads to, or its mirror image in a half space.
  std::int64_t neighbour(std::int64_t state, int i) const {
    return half() && i == spins - 1 ? size() - 1 - state : state ^ (std::int64_t{1} << i);
  }
};

/// E of every state in the space, without the offset; the same for all parities on the shared states. Exact
/// where couplings and fields are multiples of one power of two. Throws InputError for more than 20 spins,
/// and for a half space where h ≠ 0.
std::vector<double> state_energies(const IsingModel& model, const StateSpace& space);

/// Energies that differ by no more count as equal: 1e−10 · (Σ|J| + Σ|h|), as in brute_force().
double energy_tie(const IsingModel& model);

/// Throws InputError, one line, for more than 20 spins; says what still works.
void require_spectrum_size(const IsingModel& model);

}  // namespace opoloop
