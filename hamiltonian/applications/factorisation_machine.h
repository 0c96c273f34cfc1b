#pragma once

#include <cstdint>
#include <vector>

#include "hamiltonian/qubo_model.h"

namespace opoloop {

/// A factorisation machine of second order (S. Rendle, ICDM 2010) over bits of which a few are 1:
///
///     ŷ(x) = w₀ + Σ_i w_i x_i + Σ_{i<j} ⟨v_i, v_j⟩ x_i x_j,   v_i ∈ R^rank
///
/// which is a QUBO as it stands: what makes it a surrogate for Ising machines (K. Kitai et al., Phys. Rev.
/// Research 2, 013319 (2020)).
class FactorisationMachine {
 public:
  /// Fits ŷ to samples by ridge regression, one coefficient at a time, exactly (alternating least squares, S.
  /// Rendle, ACM TIST 3, 57 (2012)), `sweeps` times, from seeded N(0, 0.1) factors. ones: the indices that
  /// are 1, a sample; below n. A pure function of its arguments.
  FactorisationMachine(std::int32_t n, int rank, const std::vector<std::vector<std::int32_t>>& ones,
                       const std::vector<double>& y, double ridge, int sweeps, std::uint64_t seed);

  double predict(const std::vector<std::int32_t>& ones) const;
  QuboModel qubo() const;

 private:
  double product(std::int32_t i, std::int32_t j) const;
  std::int32_t n_;
  std::size_t rank_;
  double constant_ = 0;
  std::vector<double> linear_;
  std::vector<double> factors_;  // [i][rank]
};

}  // namespace opoloop
