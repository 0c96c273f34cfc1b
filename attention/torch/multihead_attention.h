#pragma once

// clang-format off
#include <ATen/core/ivalue.h>  // first: clang cannot read the others without it
// clang-format on
#include <torch/nn/cloneable.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <optional>
#include <tuple>

#include "attention/qama_operator.h"

namespace opoloop {

/// Sizes and options of the layer; docs/attention.md has the table, the Python module takes the same.
struct QamaMultiheadAttentionOptions {
  std::int64_t embed_dim = 0;
  std::int64_t num_heads = 1;             ///< divides embed_dim
  std::optional<std::int64_t> kdim = {};  ///< width of the keys, embed_dim where unset
  std::optional<std::int64_t> vdim = {};
  bool batch_first = false;       ///< [B, N, E] instead of [N, B, E]
  bool norm = true;               ///< LayerNorm of query, key and value, as published
  bool out_proj = false;          ///< a linear layer after the heads; the published layer has none
  bool bias = true;               ///< of out_proj; W_q, W_k, W_v have none, as published
  std::int64_t eval_samples = 1;  ///< independent samples whose outputs are averaged outside training
  QamaOptions qama;               ///< device URI, form, coefficients, seed, runs, steps; scale = 0 is d^−½

  QamaMultiheadAttentionOptions() { qama.threads = 0; }  ///< as many as torch uses
  QamaMultiheadAttentionOptions(std::int64_t embed_dim_in, std::int64_t num_heads_in)
      : embed_dim(embed_dim_in), num_heads(num_heads_in) {
    qama.threads = 0;
  }
};

/// QAMA attention as a torch::nn module that stands where torch::nn::MultiheadAttention does.
class QamaMultiheadAttentionImpl : public torch::nn::Cloneable<QamaMultiheadAttentionImpl> {
 public:
  /// Throws InputError on sizes that do not fit, a coefficient out of range, an unknown device.
  explicit QamaMultiheadAttentionImpl(QamaMultiheadAttentionOptions options);

  /// Fresh weights: W as torch.nn.Linear starts, u ~ N(0, 1), from torch's generator.
  void reset() override;

  /// query, key, value: [N, B, E], or [B, N, E] with batch_first, or [N, E]; of one length. Masks as in
  /// qama_attention() (attention/torch/qama_function.h). Gives the output, shaped as the query with
  /// embed_dim, and the weights [B, N, N] averaged over heads or [B, H, N, N] (undefined where not needed),
  /// without B for unbatched input. Throws InputError on bad input, Error where the device fails.
  std::tuple<at::Tensor, at::Tensor> forward(const at::Tensor& query, const at::Tensor& key,
                                             const at::Tensor& value, const at::Tensor& key_padding_mask = {},
                                             bool need_weights = true, const at::Tensor& attn_mask = {},
                                             bool average_attn_weights = true);

  QamaMultiheadAttentionOptions options;
  torch::nn::LayerNorm norm_q{nullptr}, norm_k{nullptr}, norm_v{nullptr};
  torch::nn::Linear q_proj{nullptr}, k_proj{nullptr}, v_proj{nullptr}, out_proj{nullptr};
  at::Tensor u;          ///< [d]
  at::Tensor passes;     ///< forward passes of training so far: each draws numbers of its own
  at::Tensor selection;  ///< x of the last pass, [B, H, N, q] int8; no part of the state
};

TORCH_MODULE(QamaMultiheadAttention);

}  // namespace opoloop
