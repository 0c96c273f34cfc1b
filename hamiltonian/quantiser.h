#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hamiltonian/ising_model.h"

namespace opoloop {

/// What rounding J and h to signed integers of b bits did: J' = round(scale·J), half away from zero,
/// |J'| ≤ 2^(b−1) − 1 (the range is kept symmetric, so that −J' exists for every J').
struct Quantisation {
  int bits = 0;
  double scale = 1;            ///< device units per unit of the problem
  bool exact = false;          ///< every coupling and field came through (to a relative 1e−12)
  double largest_error = 0;    ///< max |J'/scale − J| over couplings and fields, in units of the problem
  double relative_error = 0;   ///< largest_error / max(|J|, |h|)
  std::int64_t vanished = 0;   ///< couplings and fields that became zero
  std::int64_t couplings = 0;  ///< couplings of the problem, each pair once
  std::int64_t vanished_couplings = 0;  ///< those of them that became zero

  /// Share of the couplings that are not zero afterwards; 1 for a problem without any.
  double surviving_share() const {
    return couplings == 0 ? 1.0
                          : 1.0 - static_cast<double>(vanished_couplings) / static_cast<double>(couplings);
  }
};

/// The units of the integer grid and what rounding to it does: 1 where the problem already fits, the smallest
/// value where all are multiples of it (±J/√N, halves of a QUBO), otherwise such that the largest value fills
/// the range. Throws InputError for bits < 2.
Quantisation measure_quantisation(const IsingModel& model, int bits);

/// round(scale·J), round(scale·h); the offset is dropped, because device units have none.
IsingModel quantised(const IsingModel& model, double scale);

/// In one sentence; empty where nothing changes.
std::string in_words(const Quantisation& quantisation);

/// What rounding did to the ground state, by looking at every state of a small problem.
struct GroundStateShift {
  bool moved = false;     ///< no ground state of the rounded problem is one of the problem
  double energy = 0;      ///< ground energy of the problem
  double worst_loss = 0;  ///< largest energy above it, in units of the problem, of a rounded ground state
};

/// Empty above 20 spins, where nobody looks at every state.
std::optional<GroundStateShift> ground_state_shift(const IsingModel& model, const Quantisation& quantisation,
                                                   int threads = 1);

}  // namespace opoloop
