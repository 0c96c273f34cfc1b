#pragma once

#include <cstdint>
#include <span>

#include "hamiltonian/qama/qama_scores.h"

namespace opoloop {

/// Everything a read-out looks at, for the whole batch, row-major. Masked tokens have a = 0 and give zeros.
template <class Scalar>
struct ReadOutInput : QamaInput<Scalar> {
  const Scalar* J = nullptr;  ///< [B, H, N, N]
  const Scalar* h = nullptr;  ///< [B, H, N]
  const Scalar* a = nullptr;  ///< [B, H, N], selections in [0, 1]
};

/// Gradients of Q, K, V [B, H, N, d] and u [d]; all are overwritten.
template <class Scalar>
struct ReadOutGradient {
  Scalar* Q = nullptr;
  Scalar* K = nullptr;
  Scalar* V = nullptr;
  Scalar* u = nullptr;
};

/// output [B, N, H·d], heads one after the other.
///
///     v2     e_{t,i} = −(Σ_j J^t_ij a_i a_j + h_{t,i} a_i),  output_{i, t·d+k} = e_{t,i} u_k
///     v1     the same e with the raw (not symmetrised) J, output = −e_{t,i} v̂ent_k / Σ_k v̂ent_k, v̂ent =
///            −v̂ log₂ v̂ of the token's values. Published: divided by the batch-normalised h instead, which
///            crosses zero (divide_by_h).
///     gated  output = Σ_j softmax_j(Q_i·K_j s + mask_ij + log(a_j + ε)) V_j, ε = 1e−6, over tokens that are
///     not
///            masked; zeros where nothing is left to look at
template <class Scalar>
void read_out(const QamaSpec& spec, const ReadOutInput<Scalar>& input, bool divide_by_h, Scalar* output,
              int threads);

/// d loss / d (Q, K, V, u) from d loss / d output, with the selection held constant: closed forms
/// (docs/qama.md). v2 needs O(N d) a head where no pairs are masked. v1's u gets zeros: it is not looked at.
template <class Scalar>
void read_out_backward(const QamaSpec& spec, const ReadOutInput<Scalar>& input, bool divide_by_h,
                       const Scalar* output_gradient, const ReadOutGradient<Scalar>& gradient, int threads);

extern template void read_out<float>(const QamaSpec&, const ReadOutInput<float>&, bool, float*, int);
extern template void read_out<double>(const QamaSpec&, const ReadOutInput<double>&, bool, double*, int);
extern template void read_out_backward<float>(const QamaSpec&, const ReadOutInput<float>&, bool, const float*,
                                              const ReadOutGradient<float>&, int);
extern template void read_out_backward<double>(const QamaSpec&, const ReadOutInput<double>&, bool,
                                               const double*, const ReadOutGradient<double>&, int);

}  // namespace opoloop
