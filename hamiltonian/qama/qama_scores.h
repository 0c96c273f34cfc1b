#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
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

/// What the operator looks at, for the whole batch, row-major; it owns nothing.
template <class Scalar>
struct QamaInput {
  QamaShape shape;
  double scale = 1;  ///< s of the scores
  const Scalar* Q = nullptr;
  const Scalar* K = nullptr;
  const Scalar* V = nullptr;              ///< [B, H, N, d]
  const Scalar* u = nullptr;              ///< [d]; v1 does not look at it
  std::span<const std::uint8_t> removed;  ///< [B, N], non-zero where a token is masked, or empty
  /// attn_mask, [N, N] for all heads or [B·H, N, N], or empty: added to the score of query i and key j; −inf
  /// removes that ordered pair.
  std::span<const Scalar> pairs;

  bool gone(std::size_t sample, int i) const {
    return !removed.empty() &&
           removed[sample * static_cast<std::size_t>(shape.tokens) + static_cast<std::size_t>(i)] != 0;
  }
  /// Row i of the pair mask of a head, counted over the batch; null without a mask.
  const Scalar* pair_row(std::size_t head, int i) const {
    if (pairs.empty()) return nullptr;
    const auto n = static_cast<std::size_t>(shape.tokens);
    const std::size_t first = pairs.size() == n * n ? 0 : head * n;
    return pairs.data() + (first + static_cast<std::size_t>(i)) * n;
  }
  /// Whether query i may look at key j.
  bool allowed(std::size_t head, int i, int j) const {
    const Scalar* row = pair_row(head, i);
    return row == nullptr || row[j] != -std::numeric_limits<Scalar>::infinity();
  }
};

/// J [B, H, N, N] and h [B, H, N] of the Hamiltonian, from queries, keys and values.
///
///     v2, gated   J^t = sym(S^t), zero diagonal, sym(A) = (A+Aᵀ)/2;  S_ij = s Q_i·K_j + mask_ij, or 0 where
///                 the pair is removed;  h_{t,i} = (1/d) Σ_d V_{t,i,d} u_d
///     v1          hamiltonian/qama/entropy_scores.h
///
/// The result does not depend on the number of threads.
template <class Scalar>
void qama_scores(const QamaSpec& spec, const QamaInput<Scalar>& input, Scalar* J, Scalar* h, int threads);

extern template void qama_scores<float>(const QamaSpec&, const QamaInput<float>&, float*, float*, int);
extern template void qama_scores<double>(const QamaSpec&, const QamaInput<double>&, double*, double*, int);

}  // namespace opoloop
