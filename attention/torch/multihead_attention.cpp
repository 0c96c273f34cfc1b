#include "attention/torch/multihead_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "attention/torch/operator_pool.h"
#include "attention/torch/qama_function.h"
#include "core/error.h"

namespace opoloop {

QamaMultiheadAttentionImpl::QamaMultiheadAttentionImpl(QamaMultiheadAttentionOptions options_in)
    : options(std::move(options_in)) {
  const auto at_least_one = [](const char* name, std::int64_t value) {
    if (value < 1) throw_parameter_error(name, static_cast<double>(value), "at least 1");
  };
  at_least_one("embed_dim", options.embed_dim);
  at_least_one("num_heads", options.num_heads);
  at_least_one("kdim", options.kdim.value_or(1));
  at_least_one("vdim", options.vdim.value_or(1));
  at_least_one("eval_samples", options.eval_samples);
  if (options.embed_dim % options.num_heads != 0) {
    throw InputError(fmt::format("attention: embed_dim = {} is not divisible by num_heads = {}",
                                 options.embed_dim, options.num_heads));
  }
  QamaOptions checked = options.qama;
  checked.threads = std::max(1, checked.threads);
  const PooledOperator made(checked);
  reset();
}

void QamaMultiheadAttentionImpl::reset() {
  const std::int64_t E = options.embed_dim;
  const std::int64_t widths[] = {E, options.kdim.value_or(E), options.vdim.value_or(E)};
  torch::nn::LayerNorm* norms[] = {&norm_q, &norm_k, &norm_v};
  torch::nn::Linear* projections[] = {&q_proj, &k_proj, &v_proj};
  const char* norm_names[] = {"norm_q", "norm_k", "norm_v"};
  const char* projection_names[] = {"q_proj", "k_proj", "v_proj"};
  for (int k = 0; k < 3; ++k) {
    if (options.norm) {
      *norms[k] =
          register_module(norm_names[k], torch::nn::LayerNorm(torch::nn::LayerNormOptions({widths[k]})));
    }
    *projections[k] = register_module(projection_names[k],
                                      torch::nn::Linear(torch::nn::LinearOptions(widths[k], E).bias(false)));
  }
  if (options.out_proj) {
    out_proj =
        register_module("out_proj", torch::nn::Linear(torch::nn::LinearOptions(E, E).bias(options.bias)));
  }
  u = register_parameter("u", at::randn({E / options.num_heads}));
  passes = register_buffer("passes", at::zeros({}, at::kLong));
}

std::tuple<at::Tensor, at::Tensor> QamaMultiheadAttentionImpl::forward(
    const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
    const at::Tensor& key_padding_mask, bool need_weights, const at::Tensor& attn_mask,
    bool average_attn_weights) {
  const bool batched = query.dim() == 3;
  const at::Tensor* inputs[] = {&query, &key, &value};
  const char* names[] = {"query", "key", "value"};
  torch::nn::LayerNorm* norms[] = {&norm_q, &norm_k, &norm_v};
  torch::nn::Linear* projections[] = {&q_proj, &k_proj, &v_proj};
  at::Tensor heads[3];
  for (int k = 0; k < 3; ++k) {
    at::Tensor in = *inputs[k];
    const std::int64_t width = (*projections[k])->options.in_features();
    if (in.dim() != query.dim() || in.dim() < 2 || in.dim() > 3 || in.size(-1) != width) {
      throw InputError(fmt::format("attention: {} has {} dimensions and width {}, expected {} and {}",
                                   names[k], in.dim(), in.dim() > 0 ? in.size(-1) : 0, batched ? 3 : 2,
                                   width));
    }
    if (in.sizes().slice(0, static_cast<std::size_t>(in.dim() - 1)) !=
        query.sizes().slice(0, static_cast<std::size_t>(in.dim() - 1))) {
      throw InputError(
          fmt::format("attention: {} and query differ in length or batch: QAMA selects among the "
                      "tokens of one sequence",
                      names[k]));
    }
    if (!batched) in = in.unsqueeze(0);
    if (batched && !options.batch_first) in = in.transpose(0, 1);
    if (options.norm) in = (*norms[k])->forward(in);
    heads[k] = (*projections[k])
                   ->forward(in)
                   .unflatten(-1, {options.num_heads, options.embed_dim / options.num_heads})
                   .transpose(1, 2);
  }
  at::Tensor removed = key_padding_mask;
  if (removed.defined() && !batched) removed = removed.unsqueeze(0);

  std::int64_t pass = -1;
  if (is_training()) {
    pass = passes.item<std::int64_t>();
    passes.add_(1);
  }
  const std::int64_t samples = is_training() ? 1 : options.eval_samples;
  at::Tensor output, weights;
  for (std::int64_t sample = 0; sample < samples; ++sample) {
    QamaOptions qama = options.qama;
    qama.seed =
        static_cast<std::uint64_t>(forward_seed(static_cast<std::int64_t>(options.qama.seed), pass, sample));
    const QamaTensors result = qama_attention(heads[0], heads[1], heads[2], u, removed, attn_mask, qama);
    output = sample == 0 ? result.output : output + result.output;
    selection = result.x;
    if (!need_weights) continue;
    const at::Tensor one = qama_attention_weights(qama, heads[0], heads[1], result, removed, attn_mask);
    weights = sample == 0 ? one : weights + one;
  }
  if (samples > 1) {
    output = output / samples;
    if (need_weights) weights = weights / samples;
  }
  if (options.out_proj) {
    output = out_proj->forward(output);
    // A masked token gives zeros, also past the bias.
    if (removed.defined()) output = output.masked_fill(removed.to(at::kBool).unsqueeze(-1), 0);
  }
  if (need_weights && average_attn_weights) weights = weights.mean(1);
  if (!batched) return {output.squeeze(0), need_weights ? weights.squeeze(0) : weights};
  return {options.batch_first ? output : output.transpose(0, 1), weights};
}

}  // namespace opoloop
