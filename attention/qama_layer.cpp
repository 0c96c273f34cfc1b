#include "attention/qama_layer.h"

#include <fmt/format.h>

#include <cmath>

#include "core/error.h"
#include "core/random.h"

namespace opoloop {
namespace {

/// [B·N, H·d] ↔ [B, H, N, d].
template <class Scalar, class Copy>
void for_each_token_head(const QamaShape& shape, const Copy& copy) {
  for (int b = 0; b < shape.batch; ++b) {
    for (int t = 0; t < shape.heads; ++t) {
      for (int i = 0; i < shape.tokens; ++i) {
        const auto place =
            (static_cast<std::size_t>(b * shape.heads + t) * static_cast<std::size_t>(shape.tokens) +
             static_cast<std::size_t>(i)) *
            static_cast<std::size_t>(shape.width);
        copy(b * shape.tokens + i, t * shape.width, place);
      }
    }
  }
}

template <class Scalar>
std::vector<Scalar> split_heads(const QamaShape& shape, const RowMatrix<Scalar>& rows) {
  std::vector<Scalar> heads(shape.values());
  for_each_token_head<Scalar>(shape, [&](int row, int column, std::size_t place) {
    for (int k = 0; k < shape.width; ++k) heads[place + static_cast<std::size_t>(k)] = rows(row, column + k);
  });
  return heads;
}

template <class Scalar>
RowMatrix<Scalar> join_heads(const QamaShape& shape, const std::vector<Scalar>& heads) {
  RowMatrix<Scalar> rows(shape.batch * shape.tokens, shape.heads * shape.width);
  for_each_token_head<Scalar>(shape, [&](int row, int column, std::size_t place) {
    for (int k = 0; k < shape.width; ++k) rows(row, column + k) = heads[place + static_cast<std::size_t>(k)];
  });
  return rows;
}

}  // namespace

template <class Scalar>
QamaWeights<Scalar>::QamaWeights(int model_width_in, int heads_in, int width_in, std::uint64_t seed)
    : model_width(model_width_in), heads(heads_in), width(width_in) {
  if (model_width < 1) throw_parameter_error("embed_dim", model_width, "at least 1");
  if (heads < 1) throw_parameter_error("num_heads", heads, "at least 1");
  if (width < 1) throw_parameter_error("head width d", width, "at least 1");
  RandomSequence random(seed, Stream::generator);
  const double bound = 1 / std::sqrt(static_cast<double>(model_width));
  for (int k = 0; k < 3; ++k) {
    norm[k] = LayerNorm<Scalar>(model_width);
    projection[k].resize(heads * width, model_width);
    for (Eigen::Index i = 0; i < projection[k].size(); ++i) {
      projection[k].data()[i] = static_cast<Scalar>(bound * (2 * random.uniform() - 1));
    }
  }
  u.resize(width);
  for (int k = 0; k < width; ++k) u(k) = static_cast<Scalar>(random.normal());
}

QamaOptions layer_options(QamaOptions options, int model_width, int heads) {
  if (heads < 1) throw_parameter_error("num_heads", heads, "at least 1");
  if (options.scale == 0) options.scale = std::sqrt(static_cast<double>(heads) / model_width);
  return options;
}

template <class Scalar>
QamaLayerPass<Scalar> qama_layer_forward(QamaOperator& attention, const QamaWeights<Scalar>& weights,
                                         int batch, const RowMatrix<Scalar>& query,
                                         const RowMatrix<Scalar>& key, const RowMatrix<Scalar>& value,
                                         std::span<const std::uint8_t> removed,
                                         std::span<const std::int8_t> x, std::span<const Scalar> pairs) {
  const RowMatrix<Scalar>* inputs[3] = {&query, &key, &value};
  const char* names[3] = {"query", "key", "value"};
  if (batch < 1) throw_parameter_error("batch", batch, "at least 1");
  for (int k = 0; k < 3; ++k) {
    if (inputs[k]->cols() != weights.model_width) {
      throw InputError(fmt::format("attention: {} has width {}, the layer's embed_dim is {}", names[k],
                                   inputs[k]->cols(), weights.model_width));
    }
    if (inputs[k]->rows() != query.rows() || query.rows() % batch != 0 || query.rows() == 0) {
      throw InputError(fmt::format("attention: {} has {} rows, expected batch × tokens with batch = {}",
                                   names[k], inputs[k]->rows(), batch));
    }
  }
  QamaShape shape;
  shape.batch = batch;
  shape.heads = weights.heads;
  shape.tokens = static_cast<int>(query.rows()) / batch;
  shape.width = weights.width;
  QamaLayerPass<Scalar> pass;
  for (int k = 0; k < 3; ++k) {
    pass.normed[k] = weights.norm[k].forward(*inputs[k], pass.saved[k]);
    const RowMatrix<Scalar> projected = pass.normed[k] * weights.projection[k].transpose();
    pass.heads[k] = split_heads(shape, projected);
  }
  const std::span<const Scalar> Q = pass.heads[0], K = pass.heads[1], V = pass.heads[2];
  const std::span<const Scalar> u(weights.u.data(), static_cast<std::size_t>(weights.width));
  pass.attention = x.empty() ? attention.forward<Scalar>(shape, Q, K, V, u, removed, pairs)
                             : attention.forward_with<Scalar>(shape, Q, K, V, u, x, removed, pairs);
  return pass;
}

template <class Scalar>
QamaLayerGradients<Scalar> qama_layer_backward(const QamaOperator& attention,
                                               const QamaWeights<Scalar>& weights,
                                               const QamaLayerPass<Scalar>& pass,
                                               const RowMatrix<Scalar>& output_gradient) {
  const std::span<const Scalar> Q = pass.heads[0], K = pass.heads[1], V = pass.heads[2];
  const std::span<const Scalar> u(weights.u.data(), static_cast<std::size_t>(weights.width));
  const QamaGradients<Scalar> heads = attention.backward<Scalar>(
      pass.attention, Q, K, V, u,
      std::span<const Scalar>(output_gradient.data(), static_cast<std::size_t>(output_gradient.size())));
  QamaLayerGradients<Scalar> gradients;
  const std::vector<Scalar>* of_heads[3] = {&heads.Q, &heads.K, &heads.V};
  for (int k = 0; k < 3; ++k) {
    const RowMatrix<Scalar> projected = join_heads(pass.attention.shape, *of_heads[k]);
    gradients.projection[k] = projected.transpose() * pass.normed[k];
    gradients.norm[k] = weights.norm[k].backward(pass.saved[k], projected * weights.projection[k]);
  }
  gradients.u = Eigen::Map<const RowVector<Scalar>>(heads.u.data(), weights.width);
  return gradients;
}

#define OPOLOOP_INSTANTIATE(S)                                                                               \
  template struct QamaWeights<S>;                                                                            \
  template QamaLayerPass<S> qama_layer_forward(                                                              \
      QamaOperator&, const QamaWeights<S>&, int, const RowMatrix<S>&, const RowMatrix<S>&,                   \
      const RowMatrix<S>&, std::span<const std::uint8_t>, std::span<const std::int8_t>, std::span<const S>); \
  template QamaLayerGradients<S> qama_layer_backward(const QamaOperator&, const QamaWeights<S>&,             \
                                                     const QamaLayerPass<S>&, const RowMatrix<S>&);
OPOLOOP_INSTANTIATE(float)
OPOLOOP_INSTANTIATE(double)
#undef OPOLOOP_INSTANTIATE

}  // namespace opoloop
