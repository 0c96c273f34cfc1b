#pragma once

#include <vector>

#include "hamiltonian/qama/qama_scores.h"

namespace opoloop {

/// Form v1 of the QAMA scores [arXiv 2504.11083v1]: J [B, H, N, N] and h [B, H, N].
///
///     J_ij = D(softmax(Q_i), softmax(K_j)),  D(p, q) = ½ Σ p log₂(p/m) + ½ Σ q log₂(q/m),  m = (p+q)/2:
///            the Jensen–Shannon divergence in bits. Off-diagonal entries are normalised to mean 0 and
///            variance 1 (ε = 1e−5) over batch and pairs of a head, the diagonal is kept; J is not symmetric.
///     h_i  = Σ_k t_k(V_i),  t_k = −v̂_k log₂ v̂_k,  v̂ = clamp(V/(Σ_k V + ε), ε, 1), ε = 1e−6, normalised
///            likewise over batch and tokens
///
/// Masked tokens take no part in means. A pair mask removes pairs (J_ij = 0, in no mean); a divergence is no
/// dot product, so finite values other than 0 are refused with InputError.
template <class Scalar>
void entropy_scores(const QamaInput<Scalar>& input, Scalar* J, Scalar* h, int threads);

/// ∂L/∂J [B, H, N, N], ∂L/∂h [B, H, N] and ∂L/∂t [B, H, N, d]; zero where a token is masked.
template <class Scalar>
struct EntropyGradient {
  std::vector<Scalar> J, h, terms;
};

/// ∂L/∂Q, ∂L/∂K, ∂L/∂V [B, H, N, d], overwritten, through the scores and through the terms t_k themselves.
/// Turns `of` into the gradients before normalisation.
template <class Scalar>
void entropy_scores_backward(const QamaInput<Scalar>& input, EntropyGradient<Scalar>& of, Scalar* dQ,
                             Scalar* dK, Scalar* dV, int threads);

/// The t_k of one row of V; returns their sum.
template <class Scalar>
double value_entropy(const Scalar* V, int width, double* terms);

extern template void entropy_scores<float>(const QamaInput<float>&, float*, float*, int);
extern template void entropy_scores<double>(const QamaInput<double>&, double*, double*, int);
extern template void entropy_scores_backward<float>(const QamaInput<float>&, EntropyGradient<float>&, float*,
                                                    float*, float*, int);
extern template void entropy_scores_backward<double>(const QamaInput<double>&, EntropyGradient<double>&,
                                                     double*, double*, double*, int);
extern template double value_entropy<float>(const float*, int, double*);
extern template double value_entropy<double>(const double*, int, double*);

}  // namespace opoloop
