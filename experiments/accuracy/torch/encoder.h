#pragma once

// clang-format off
#include <ATen/core/ivalue.h>  // first: clang cannot read the others without it
// clang-format on
#include <torch/nn/modules/embedding.h>

#include "attention/torch/multihead_attention.h"
#include "experiments/accuracy/training.h"

namespace opoloop {

/// Softmax attention with exactly the layers of QamaMultiheadAttention: LayerNorm of query, key and value,
/// projections without bias, heads, an output projection only where asked. The comparison is of what happens
/// between the projections and nothing else.
class SoftmaxAttentionImpl : public torch::nn::Cloneable<SoftmaxAttentionImpl> {
 public:
  SoftmaxAttentionImpl(std::int64_t width, std::int64_t heads, bool with_out_proj);
  void reset() override;
  /// x [B, N, width]; padding [B, N] bool, true = no token, or undefined. [B, N, width].
  at::Tensor forward(const at::Tensor& x, const at::Tensor& padding);

  torch::nn::LayerNorm norm_q{nullptr}, norm_k{nullptr}, norm_v{nullptr};
  torch::nn::Linear q_proj{nullptr}, k_proj{nullptr}, v_proj{nullptr}, out_proj{nullptr};

 private:
  std::int64_t width_, heads_;
  bool with_out_proj_;
};
TORCH_MODULE(SoftmaxAttention);

/// What an encoder is made for.
struct EncoderShape {
  std::int64_t classes = 2;
  std::int64_t side = 0;      ///< of images; 0: texts
  std::int64_t channels = 1;  ///< of images
  std::int64_t patch = 4;     ///< of images
  std::int64_t vocabulary = 0;
  std::int64_t longest = 512;
  std::int64_t width = 64, heads = 8, mlp = 64;
};

/// The published encoders, of images and of texts [arXiv 2504.11083; their layers are those of SimpleViT]:
///
///     image   patches → LayerNorm → Linear → LayerNorm → + sin–cos positions of the grid
///     text    embedding → + sin–cos positions of the line
///     both    x + attention(x) → x + MLP(LayerNorm(x)) → mean over tokens → LayerNorm → Linear
///
/// depth 1. Weights are drawn from torch's generator.
class EncoderImpl : public torch::nn::Module {
 public:
  EncoderImpl(const EncoderShape& shape, const AttentionVariant& attention, const QamaOptions& qama);

  /// Images [B, channels, side, side], 0 … 1, or word numbers [B, N] with padding [B, N]. Logits [B,
  /// classes].
  at::Tensor forward(const at::Tensor& input, const at::Tensor& padding = {});

  /// Moves the trained model to another device; nothing where there is none.
  void set_device(const std::string& uri, std::optional<int> runs, std::optional<std::int64_t> steps);
  bool selects() const { return !qama_.is_empty(); }
  /// x of the last pass, [B, H, N, q] int8; undefined where nothing is selected.
  at::Tensor selection() const { return selects() ? qama_->selection : at::Tensor(); }
  double attention_s = 0;  ///< seconds of all forward passes of attention so far

 private:
  at::Tensor attend(const at::Tensor& x, const at::Tensor& padding, const at::Tensor& live);

  EncoderShape shape_;
  bool mean_scores_;
  torch::nn::LayerNorm norm_patch_{nullptr}, norm_token_{nullptr}, norm_mlp_{nullptr}, norm_head_{nullptr};
  torch::nn::Linear patch_{nullptr}, mlp_in_{nullptr}, mlp_out_{nullptr}, head_{nullptr};
  torch::nn::Embedding words_{nullptr};
  at::Tensor positions_;  // [tokens, width]
  SoftmaxAttention softmax_{nullptr};
  QamaMultiheadAttention qama_{nullptr};
};
TORCH_MODULE(Encoder);

}  // namespace opoloop
