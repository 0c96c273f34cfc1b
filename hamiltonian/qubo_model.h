#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hamiltonian/ising_model.h"

namespace opoloop {

/// One quadratic coefficient of a QUBO, i < j (0-based): the whole factor of x_i x_j.
struct QuboTerm {
  std::int32_t i;
  std::int32_t j;
  double q;
};

/// A quadratic unconstrained binary problem:
///
///     F(x) = Σ_i linear_i x_i + Σ_{i<j} q_ij x_i x_j + offset,   x_i ∈ {0,1}   (minimise)
///
/// A symmetric matrix form xᵀQx has linear_i = Q_ii and q_ij = Q_ij + Q_ji. x = (1+σ)/2 maps it onto an
/// Ising model exactly, constant included, so that an energy read in either form is the same number.
struct QuboModel {
  std::int32_t n = 0;
  std::vector<double> linear;   ///< length n
  std::vector<QuboTerm> terms;  ///< each unordered pair at most once
  double offset = 0;

  /// F(x); x has length n and holds 0 or 1.
  double energy(std::span<const std::int8_t> x) const;
};

/// J_ij = −q_ij/4, h_i = −linear_i/2 − ¼ Σ_j q_ij, offset' = offset + ½ Σ linear + ¼ Σ q.
IsingModel to_ising(const QuboModel& qubo);

/// The inverse map: q_ij = −4 J_ij, linear_i = −2 h_i + 2 Σ_j J_ij, offset' = offset + Σ h − Σ_{i<j} J_ij.
QuboModel to_qubo(const IsingModel& ising);

}  // namespace opoloop
