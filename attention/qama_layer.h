#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "attention/layer_norm.h"
#include "attention/qama_operator.h"

namespace opoloop {

/// The trainable part of a QAMA layer: LayerNorm of each input, W_q, W_k, W_v : d_model → H·d without bias,
/// and the vector u ∈ R^d shared by the heads.
template <class Scalar>
struct QamaWeights {
  int model_width = 0;              ///< d_model
  int heads = 0;                    ///< H
  int width = 0;                    ///< d
  LayerNorm<Scalar> norm[3];        ///< of query, key, value inputs
  RowMatrix<Scalar> projection[3];  ///< W_q, W_k, W_v [H·d, d_model], as torch.nn.Linear keeps them
  RowVector<Scalar> u;              ///< [d]

  QamaWeights() = default;
  /// u ~ N(0, 1); W uniform within ±1/√d_model as torch.nn.Linear starts; norms at gain 1, bias 0. Throws
  /// InputError on sizes below 1.
  QamaWeights(int model_width, int heads, int width, std::uint64_t seed);
};

/// Gradients of the weights and of the three inputs [B·N, d_model].
template <class Scalar>
struct QamaLayerGradients {
  typename LayerNorm<Scalar>::Gradient norm[3];  ///< .x is that of the input
  RowMatrix<Scalar> projection[3];
  RowVector<Scalar> u;
};

/// What a forward pass keeps for the backward pass.
template <class Scalar>
struct QamaLayerPass {
  QamaForward<Scalar> attention;  ///< .output is the layer's output [B, N, H·d]
  typename LayerNorm<Scalar>::Saved saved[3];
  RowMatrix<Scalar> normed[3];   ///< [B·N, d_model]
  std::vector<Scalar> heads[3];  ///< Q, K, V [B, H, N, d]
};

/// One forward pass. query, key, value: [B·N, d_model] with the tokens of a sample together (the same matrix
/// three times for self-attention). s = (d_model/H)^−½ unless the options say otherwise. `x`, if not empty,
/// is a selection [B, H, N, q] to use instead of solving; removed and pairs mask tokens and pairs as in
/// QamaOperator::forward. Throws InputError where sizes do not match.
template <class Scalar>
QamaLayerPass<Scalar> qama_layer_forward(QamaOperator& attention, const QamaWeights<Scalar>& weights,
                                         int batch, const RowMatrix<Scalar>& query,
                                         const RowMatrix<Scalar>& key, const RowMatrix<Scalar>& value,
                                         std::span<const std::uint8_t> removed = {},
                                         std::span<const std::int8_t> x = {},
                                         std::span<const Scalar> pairs = {});

/// Gradients at the selection of that pass; output_gradient [B·N, H·d].
template <class Scalar>
QamaLayerGradients<Scalar> qama_layer_backward(const QamaOperator& attention,
                                               const QamaWeights<Scalar>& weights,
                                               const QamaLayerPass<Scalar>& pass,
                                               const RowMatrix<Scalar>& output_gradient);

/// The options of an operator for a layer: the scale of the scores is (d_model/H)^−½ where none is given.
QamaOptions layer_options(QamaOptions options, int model_width, int heads);

}  // namespace opoloop
