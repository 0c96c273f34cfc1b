#pragma once

#include <cstdint>
#include <span>

#include "hamiltonian/qama/qama_scores.h"

namespace opoloop {

/// The reference QAMA stands beside: multi-head softmax attention (Vaswani et al. 2017, arXiv 1706.03762),
/// output_{i, t·d…} = Σ_j softmax_j(Q_i·K_j scale) V_j over tokens that are not masked. Q, K, V [B, H, N, d],
/// output [B, N, H·d], removed [B, N] or empty; rows of masked tokens are zeros.
template <class Scalar>
void softmax_attention(const QamaShape& shape, double scale, const Scalar* Q, const Scalar* K,
                       const Scalar* V, std::span<const std::uint8_t> removed, Scalar* output, int threads);

extern template void softmax_attention<float>(const QamaShape&, double, const float*, const float*,
                                              const float*, std::span<const std::uint8_t>, float*, int);
extern template void softmax_attention<double>(const QamaShape&, double, const double*, const double*,
                                               const double*, std::span<const std::uint8_t>, double*, int);

}  // namespace opoloop
