#include "experiments/accuracy/torch/encoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/meshgrid.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/softmax.h>

#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include "core/clock.h"
#include "core/error.h"

namespace opoloop {
namespace {

/// sin and cos of at · ω_k, ω_k = 10⁴^(−k/(count−1)), [n, 2·count].
at::Tensor waves(const at::Tensor& at, std::int64_t count) {
  const at::Tensor frequency = at::pow(
      1e4, -at::arange(count, at::kFloat) / static_cast<double>(std::max<std::int64_t>(count - 1, 1)));
  const at::Tensor angle = at.to(at::kFloat).unsqueeze(1) * frequency;
  return at::cat({angle.sin(), angle.cos()}, 1);
}

/// A half of the width each for the column and the row of a patch.
at::Tensor grid_positions(std::int64_t across, std::int64_t width) {
  const at::Tensor token = at::arange(across * across, at::kLong);
  const at::Tensor row = at::floor_divide(token, across), column = token - row * across;
  return at::cat({waves(column, width / 4), waves(row, width / 4)}, 1);
}

QamaMultiheadAttentionOptions layer_of(const EncoderShape& shape, const AttentionVariant& variant,
                                       const QamaOptions& qama) {
  QamaMultiheadAttentionOptions options(shape.width, shape.heads);
  options.batch_first = true;
  options.out_proj = variant.out_proj;
  options.bias = false;
  options.qama = qama;
  QamaSpec& spec = options.qama.spec;
  spec = QamaSpec::published(parse_qama_form(variant.form));
  spec.bits = variant.bits.value_or(spec.bits);
  spec.c_q = variant.c_q.value_or(spec.c_q);
  spec.c_l = variant.c_l.value_or(spec.c_l);
  spec.c_m = variant.c_m.value_or(spec.c_m);
  return options;
}

}  // namespace

SoftmaxAttentionImpl::SoftmaxAttentionImpl(std::int64_t width, std::int64_t heads, bool with_out_proj)
    : width_(width), heads_(heads), with_out_proj_(with_out_proj) {
  reset();
}

void SoftmaxAttentionImpl::reset() {
  using torch::nn::LayerNorm, torch::nn::LayerNormOptions, torch::nn::Linear, torch::nn::LinearOptions;
  norm_q = register_module("norm_q", LayerNorm(LayerNormOptions({width_})));
  norm_k = register_module("norm_k", LayerNorm(LayerNormOptions({width_})));
  norm_v = register_module("norm_v", LayerNorm(LayerNormOptions({width_})));
  q_proj = register_module("q_proj", Linear(LinearOptions(width_, width_).bias(false)));
  k_proj = register_module("k_proj", Linear(LinearOptions(width_, width_).bias(false)));
  v_proj = register_module("v_proj", Linear(LinearOptions(width_, width_).bias(false)));
  if (with_out_proj_) {
    out_proj = register_module("out_proj", Linear(LinearOptions(width_, width_).bias(false)));
  }
}

at::Tensor SoftmaxAttentionImpl::forward(const at::Tensor& x, const at::Tensor& padding) {
  const std::int64_t d = width_ / heads_;
  const auto heads_of = [&](torch::nn::LayerNorm& norm, torch::nn::Linear& projection) {
    return projection->forward(norm->forward(x)).unflatten(-1, {heads_, d}).transpose(1, 2);
  };
  const at::Tensor q = heads_of(norm_q, q_proj), k = heads_of(norm_k, k_proj), v = heads_of(norm_v, v_proj);
  at::Tensor scores = at::matmul(q, k.transpose(-1, -2)) / std::sqrt(static_cast<double>(d));
  if (padding.defined()) {
    scores = scores.masked_fill(padding.unsqueeze(1).unsqueeze(2), -std::numeric_limits<double>::infinity());
  }
  const at::Tensor mixed = at::matmul(at::softmax(scores, -1), v).transpose(1, 2).flatten(2);
  return with_out_proj_ ? out_proj->forward(mixed) : mixed;
}

EncoderImpl::EncoderImpl(const EncoderShape& shape, const AttentionVariant& attention,
                         const QamaOptions& qama)
    : shape_(shape), mean_scores_(attention.mean_scores) {
  using torch::nn::LayerNorm, torch::nn::LayerNormOptions, torch::nn::Linear, torch::nn::LinearOptions;
  const std::int64_t width = shape.width;
  if (shape.side > 0) {
    if (shape.patch < 1 || shape.side % shape.patch != 0) {
      throw_parameter_error("--patch", static_cast<double>(shape.patch), "a divisor of the image's side");
    }
    const std::int64_t pixels = shape.channels * shape.patch * shape.patch;
    norm_patch_ = register_module("norm_patch", LayerNorm(LayerNormOptions({pixels})));
    patch_ = register_module("patch", Linear(LinearOptions(pixels, width)));
    norm_token_ = register_module("norm_token", LayerNorm(LayerNormOptions({width})));
    positions_ = grid_positions(shape.side / shape.patch, width);
  } else {
    words_ = register_module(
        "words", torch::nn::Embedding(torch::nn::EmbeddingOptions(shape.vocabulary, width).padding_idx(0)));
    positions_ = waves(at::arange(shape.longest, at::kLong), width / 2);
  }
  if (attention.form == "softmax") {
    softmax_ = register_module("attention", SoftmaxAttention(width, shape.heads, attention.out_proj));
  } else if (attention.form != "none") {
    qama_ = register_module("attention", QamaMultiheadAttention(layer_of(shape, attention, qama)));
  }
  norm_mlp_ = register_module("norm_mlp", LayerNorm(LayerNormOptions({width})));
  mlp_in_ = register_module("mlp_in", Linear(LinearOptions(width, shape.mlp)));
  mlp_out_ = register_module("mlp_out", Linear(LinearOptions(shape.mlp, width)));
  norm_head_ = register_module("norm_head", LayerNorm(LayerNormOptions({width})));
  head_ = register_module("head", Linear(LinearOptions(width, shape.classes)));
}

/// live [B, N]: 1 where there is a token, or undefined. Undefined where the model has no attention.
at::Tensor EncoderImpl::attend(const at::Tensor& x, const at::Tensor& padding, const at::Tensor& live) {
  if (!softmax_.is_empty()) return softmax_->forward(x, padding);
  if (qama_.is_empty()) return {};
  at::Tensor output = std::get<0>(qama_->forward(x, x, x, padding, false));
  if (!mean_scores_) return output;
  return live.defined() ? output / live.sum(1).unsqueeze(1).unsqueeze(2)
                        : output / static_cast<double>(x.size(1));
}

at::Tensor EncoderImpl::forward(const at::Tensor& input, const at::Tensor& padding) {
  at::Tensor x;
  if (shape_.side > 0) {
    const std::int64_t p = shape_.patch;
    // [B, C, rows, columns, p, p] → [B, rows·columns, C·p·p]
    const at::Tensor patches = input.unfold(2, p, p).unfold(3, p, p).permute({0, 2, 3, 1, 4, 5});
    x = norm_token_->forward(patch_->forward(norm_patch_->forward(patches.flatten(3).flatten(1, 2))));
    x = x + positions_;
  } else {
    x = words_->forward(input) + positions_.narrow(0, 0, input.size(1));
  }

  const at::Tensor live = padding.defined() ? padding.logical_not().to(at::kFloat) : at::Tensor();
  const auto begin = Clock::now();
  const at::Tensor attended = attend(x, padding, live);
  attention_s += seconds_since(begin);
  if (attended.defined()) x = x + attended;
  x = x + mlp_out_->forward(at::gelu(mlp_in_->forward(norm_mlp_->forward(x))));
  const at::Tensor pooled =
      live.defined() ? (x * live.unsqueeze(2)).sum(1) / live.sum(1).unsqueeze(1) : x.mean(1);
  return head_->forward(norm_head_->forward(pooled));
}

void EncoderImpl::set_device(const std::string& uri, std::optional<int> runs,
                             std::optional<std::int64_t> steps) {
  if (!selects()) return;
  QamaOptions& qama = qama_->options.qama;
  qama.device = uri;
  qama.runs = runs;
  qama.steps = steps;
}

}  // namespace opoloop
