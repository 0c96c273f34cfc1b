#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hamiltonian/qama/qama_problem.h"

namespace opoloop {

/// What a state of the spins selects, in the tokens of the input.
struct QamaSelection {
  std::vector<std::int8_t> x;  ///< [H, N, q], 0 or 1; 0 where masked
  std::vector<double> a;       ///< [H, N], Σ_b 2^b x_b / (2^q − 1)
};

/// sigma holds problem.spins() values ±1. Throws InputError on another number of them.
QamaSelection decode_selection(const QamaProblem& problem, std::span<const std::int8_t> sigma);

/// The way back: x [H, N, q] of the input to spins; masked tokens are left out.
std::vector<std::int8_t> encode_selection(const QamaProblem& problem, std::span<const std::int8_t> x);

/// Share of the live tokens that each head selects (a summed, for q bits), [H]; 0 without live tokens.
std::vector<double> selected_fraction(const QamaProblem& problem, const QamaSelection& selection);

}  // namespace opoloop
