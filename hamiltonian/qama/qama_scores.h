#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hamiltonian/qama/qama_spec.h"

namespace opoloop {

/// Sizes of a batch of heads: Q, K, V are [B, H, N, d], row-major.
struct QamaShape {
  int batch = 1;   ///< B
  int heads = 1;   ///< H
  int tokens = 1;  ///< N
  int width = 1;   ///< d

  std::size_t samples() const { return static_cast<std::size_t>(batch); }
  /// Rows of Q: B·H·N.
  std::size_t rows() const {
    return samples() * static_cast<std::size_t>(heads) * static_cast<std::size_t>(tokens);
  }
  std::size_t values() const { return rows() * static_cast<std::size_t>(width); }   ///< of Q, K or V
  std::size_t scores() const { return rows() * static_cast<std::size_t>(tokens); }  ///< of J
  /// Throws InputError naming the size that is below 1.
  void validate() const;
};

/// J [B, H, N, N] and h [B, H, N] of the Hamiltonian, from queries, keys and values.
///
///     v2, gated   J^t = sym(Q^t K^tᵀ scale), zero diagonal, sym(A) = (A+Aᵀ)/2;  h_{t,i} = (1/d) Σ_d
///     V_{t,i,d} u_d v1          J_ij = JSD₂(softmax(Q_i), softmax(K_j)), in bits; off-diagonal entries
///     normalised to mean 0 and
///                 variance 1 over batch and pairs of a head, the diagonal kept; not symmetric.
///                 h = Σ_d −v̂ log₂ v̂, v̂ = clamp(V/(Σ_d V + ε), ε, 1), ε = 1e−6, normalised over batch and
///                 tokens
///
/// `removed` [B, N] marks masked tokens, or is empty; v1 leaves them out of its means. u has d entries (v1:
/// not looked at). The result does not depend on the number of threads.
template <class Scalar>
void qama_scores(const QamaSpec& spec, const QamaShape& shape, double scale, const Scalar* Q, const Scalar* K,
                 const Scalar* V, const Scalar* u, std::span<const std::uint8_t> removed, Scalar* J,
                 Scalar* h, int threads);

extern template void qama_scores<float>(const QamaSpec&, const QamaShape&, double, const float*, const float*,
                                        const float*, const float*, std::span<const std::uint8_t>, float*,
                                        float*, int);
extern template void qama_scores<double>(const QamaSpec&, const QamaShape&, double, const double*,
                                         const double*, const double*, const double*,
                                         std::span<const std::uint8_t>, double*, double*, int);

/// The entropies of v1: out_k = −v̂_k log₂ v̂_k of one row of V; returns their sum.
template <class Scalar>
double qama_value_entropy(const Scalar* V, int width, double* out);
extern template double qama_value_entropy<float>(const float*, int, double*);
extern template double qama_value_entropy<double>(const double*, int, double*);

}  // namespace opoloop
