#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "attention/qama_operator.h"

namespace opoloop {

template <class T>
using TorchOptional = c10::optional<T>;

/// What the operator gives to torch. All but the output carry no gradient.
struct QamaTensors {
  at::Tensor output;  ///< [B, N, H·d], of the inputs' type; zeros where a token is masked
  at::Tensor x;       ///< [B, H, N, q] int8, the selection
  at::Tensor energy;  ///< [B] float64, the minimised energy, nothing dropped
  at::Tensor J;       ///< [B, H, N, N]
  at::Tensor h;       ///< [B, H, N]
};

/// The operator with autograd: gradients reach query, key, value [B, H, N, d] and u [d] (docs/qama.md, 3)
/// with the selection held constant; second derivatives are refused. float32 or float64, CPU.
/// key_padding_mask [B, N]: bool, true = masked, or floating, −inf = masked and 0 = not. attn_mask [N, N] or
/// [B·H, N, N]: bool, true = the ordered pair takes no part, or floating, added to the scores;
/// no gradient flows to it, so one that requires a gradient is refused where gradients are recorded.
/// options.threads = 0 takes torch's number of threads. Throws InputError on bad input, Error where the
/// device fails.
QamaTensors qama_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           const at::Tensor& u, const TorchOptional<at::Tensor>& key_padding_mask,
                           const TorchOptional<at::Tensor>& attn_mask, const QamaOptions& options);

/// What each token took from each other, [B, H, N, N], without gradient:
///
///     v2, v1   −(J_ij a_i a_j + δ_ij h_i a_i), whose rows sum to the token energies e_i of the read-out
///     gated    the rows of the softmax over selected tokens, which sum to one
///
/// Masked tokens have zero rows and columns. q bits are read from x.
at::Tensor qama_attention_weights(const QamaOptions& options, const at::Tensor& query, const at::Tensor& key,
                                  const QamaTensors& result,
                                  const TorchOptional<at::Tensor>& key_padding_mask,
                                  const TorchOptional<at::Tensor>& attn_mask);

/// Seed of one forward pass of a layer: `pass` counts passes of training, and is −1 outside training, where
/// every pass draws the same numbers; `sample` counts the samples that are averaged. Between 0 and 2^63 − 1.
std::int64_t forward_seed(std::int64_t seed, std::int64_t pass, std::int64_t sample);

}  // namespace opoloop
