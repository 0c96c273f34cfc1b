#include "attention/torch/qama_function.h"

// clang-format off
#include <ATen/core/ivalue.h>  // first: clang cannot read the others without it
// clang-format on
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "attention/torch/operator_pool.h"
#include "core/error.h"

namespace opoloop {
namespace {

constexpr double kGateFloor = 1e-6;  // ε of the gated read-out (attention/read_out.h)

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

template <class Scalar>
constexpr at::ScalarType kTypeOf = std::is_same_v<Scalar, float> ? at::kFloat : at::kDouble;

std::string shape_of(const at::Tensor& tensor) {
  return fmt::format("[{}]", fmt::join(tensor.sizes().begin(), tensor.sizes().end(), ", "));
}

void require_shape(const char* name, const at::Tensor& tensor, at::IntArrayRef shape, const char* letters) {
  if (tensor.sizes() != shape) {
    throw InputError(fmt::format("attention: {} is {}, expected {} = [{}]", name, shape_of(tensor), letters,
                                 fmt::join(shape.begin(), shape.end(), ", ")));
  }
}

int size_of(const char* name, std::int64_t value) {
  if (value < 1 || value > std::numeric_limits<int>::max()) {
    throw_parameter_error(name, static_cast<double>(value), "at least 1");
  }
  return static_cast<int>(value);
}

QamaShape require_inputs(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                         const at::Tensor& u) {
  const at::Tensor* inputs[] = {&query, &key, &value, &u};
  const char* names[] = {"query", "key", "value", "u"};
  for (int k = 0; k < 4; ++k) {
    const at::Tensor& t = *inputs[k];
    if (!t.defined()) throw InputError(fmt::format("attention: {} is missing", names[k]));
    if (!t.device().is_cpu()) {
      throw InputError(fmt::format(
          "attention: {} is on {}: tensors stay on the CPU, the device URI picks what solves the problem",
          names[k], t.device().str()));
    }
    if (t.layout() != at::kStrided) throw InputError(fmt::format("attention: {} is not dense", names[k]));
    if (t.scalar_type() != at::kFloat && t.scalar_type() != at::kDouble) {
      throw InputError(fmt::format("attention: {} is {}, expected float32 or float64", names[k],
                                   at::toString(t.scalar_type())));
    }
    if (t.scalar_type() != query.scalar_type()) {
      throw InputError(fmt::format("attention: {} is {}, query is {}: they must agree", names[k],
                                   at::toString(t.scalar_type()), at::toString(query.scalar_type())));
    }
  }
  if (query.dim() != 4) {
    throw InputError(fmt::format("attention: query is {}, expected [B, H, N, d]", shape_of(query)));
  }
  require_shape("key", key, query.sizes(), "[B, H, N, d]");
  require_shape("value", value, query.sizes(), "[B, H, N, d]");
  require_shape("u", u, query.sizes().slice(3), "[d]");
  QamaShape shape;
  shape.batch = size_of("batch", query.size(0));
  shape.heads = size_of("heads", query.size(1));
  shape.tokens = size_of("tokens", query.size(2));
  shape.width = size_of("head width d", query.size(3));
  return shape;
}

/// [B, N], true where masked; undefined where there is no mask.
at::Tensor padding(const TorchOptional<at::Tensor>& mask, at::IntArrayRef shape) {
  if (!mask.has_value() || !mask->defined()) return {};
  require_shape("key_padding_mask", *mask, shape, "[B, N]");
  if (mask->scalar_type() == at::kBool) return mask->cpu().contiguous();
  if (!mask->is_floating_point()) {
    throw InputError(fmt::format("attention: key_padding_mask is {}, expected bool or floating point",
                                 at::toString(mask->scalar_type())));
  }
  const at::Tensor removed = mask->detach().cpu().isneginf();
  if (!removed.logical_or(mask->detach().cpu().eq(0)).all().item<bool>()) {
    throw InputError(
        "attention: a floating key_padding_mask holds 0 (kept) and -inf (masked) only; weights between "
        "tokens "
        "go into attn_mask");
  }
  return removed.contiguous();
}

/// [N, N] or [B·H, N, N] of the scores' type, −inf where a pair is removed; undefined without a mask.
at::Tensor pair_mask(const TorchOptional<at::Tensor>& mask, const QamaShape& shape, at::ScalarType type) {
  if (!mask.has_value() || !mask->defined()) return {};
  const std::int64_t N = shape.tokens;
  if (mask->dim() == 2) {
    require_shape("attn_mask", *mask, {N, N}, "[N, N]");
  } else {
    require_shape("attn_mask", *mask, {std::int64_t{shape.batch} * shape.heads, N, N},
                  "[N, N], or [B·H, N, N]");
  }
  if (mask->requires_grad() && at::GradMode::is_enabled()) {
    throw InputError(
        "attention: attn_mask requires a gradient, and none flows to it: give attn_mask.detach(), or use "
        "torch.no_grad()");
  }
  const at::Tensor plain = mask->detach().cpu();
  if (plain.scalar_type() == at::kBool) {
    return at::zeros(plain.sizes(), at::TensorOptions().dtype(type))
        .masked_fill(plain, -std::numeric_limits<double>::infinity());
  }
  if (!plain.is_floating_point()) {
    throw InputError(fmt::format("attention: attn_mask is {}, expected bool or floating point",
                                 at::toString(plain.scalar_type())));
  }
  return plain.to(type).contiguous();
}

template <class Scalar>
std::span<const Scalar> view(const at::Tensor& tensor) {
  if (!tensor.defined()) return {};
  return {tensor.data_ptr<Scalar>(), static_cast<std::size_t>(tensor.numel())};
}

std::span<const std::uint8_t> bytes(const at::Tensor& mask) {
  if (!mask.defined()) return {};
  return {static_cast<const std::uint8_t*>(mask.data_ptr()), static_cast<std::size_t>(mask.numel())};
}

/// A tensor on memory that `owner` keeps alive.
template <class Scalar, class Owner>
at::Tensor tensor_on(std::vector<Scalar>& values, at::IntArrayRef shape, at::ScalarType type,
                     const Owner& owner) {
  return at::from_blob(values.data(), shape, [owner](void*) {}, at::TensorOptions().dtype(type));
}

/// The same, taking the values.
template <class Scalar>
at::Tensor tensor_of(std::vector<Scalar> values, at::IntArrayRef shape, at::ScalarType type) {
  const auto owner = std::make_shared<std::vector<Scalar>>(std::move(values));
  return tensor_on(*owner, shape, type, owner);
}

/// What a pass needs besides the tensors that may carry gradients.
struct Call {
  QamaShape shape;
  at::Tensor removed, pairs;
  QamaOptions options;
};

/// What the backward pass needs besides tensors.
struct Kept : torch::CustomClassHolder {
  QamaOptions options;
  std::shared_ptr<const void> forward;  // QamaForward<Scalar>
};

template <class Scalar>
variable_list solve(AutogradContext& context, const variable_list& in, const Call& call) {
  const QamaShape& shape = call.shape;
  const QamaOptions& options = call.options;
  const auto forward = std::make_shared<QamaForward<Scalar>>();
  {
    const PooledOperator attention(options);
    *forward =
        attention->forward<Scalar>(shape, view<Scalar>(in[0]), view<Scalar>(in[1]), view<Scalar>(in[2]),
                                   view<Scalar>(in[3]), bytes(call.removed), view<Scalar>(call.pairs));
  }
  const std::int64_t B = shape.batch, H = shape.heads, N = shape.tokens, d = shape.width;
  const auto type = kTypeOf<Scalar>;
  // J is large: the tensor is the memory that the backward pass reads. The rest is copied or handed over.
  variable_list out = {tensor_of(std::move(forward->output), {B, N, H * d}, type),
                       tensor_of(std::vector(forward->x), {B, H, N, options.spec.bits}, at::kChar),
                       tensor_of(std::move(forward->energy), {B}, at::kDouble),
                       tensor_on(forward->J, {B, H, N, N}, type, forward),
                       tensor_of(std::vector(forward->h), {B, H, N}, type)};
  const auto kept = c10::make_intrusive<Kept>();
  kept->options = options;
  kept->forward = forward;
  context.saved_data["kept"] = at::IValue::make_capsule(kept);
  // J is saved so that torch notices if somebody changes it in place.
  context.save_for_backward({in[0], in[1], in[2], in[3], out[3]});
  context.mark_non_differentiable({out[1], out[2], out[3], out[4]});
  return out;
}

template <class Scalar>
variable_list gradients_of(const Kept& kept, const variable_list& in, const at::Tensor& output_gradient) {
  const auto& forward = *static_cast<const QamaForward<Scalar>*>(kept.forward.get());
  const at::Tensor gradient = output_gradient.contiguous();
  QamaGradients<Scalar> g;
  {
    const PooledOperator attention(kept.options);
    attention->backward<Scalar>(forward, view<Scalar>(in[0]), view<Scalar>(in[1]), view<Scalar>(in[2]),
                                view<Scalar>(in[3]), view<Scalar>(gradient), g);
  }
  const auto type = kTypeOf<Scalar>;
  return {tensor_of(std::move(g.Q), in[0].sizes(), type), tensor_of(std::move(g.K), in[1].sizes(), type),
          tensor_of(std::move(g.V), in[2].sizes(), type), tensor_of(std::move(g.u), in[3].sizes(), type)};
}

struct QamaFunction : torch::autograd::Function<QamaFunction> {
  static variable_list forward(AutogradContext* context, const at::Tensor& query, const at::Tensor& key,
                               const at::Tensor& value, const at::Tensor& u, const Call& call) {
    const variable_list in = {query.contiguous(), key.contiguous(), value.contiguous(), u.contiguous()};
    return query.scalar_type() == at::kFloat ? solve<float>(*context, in, call)
                                             : solve<double>(*context, in, call);
  }

  static variable_list backward(AutogradContext* context, variable_list output_gradients) {
    if (at::GradMode::is_enabled()) {
      throw Error("attention: second derivatives are not implemented (create_graph=True)");
    }
    const variable_list in = context->get_saved_variables();
    const auto kept = context->saved_data.at("kept").toCapsule();
    const auto& state = static_cast<const Kept&>(*kept);
    variable_list gradients = in[0].scalar_type() == at::kFloat
                                  ? gradients_of<float>(state, in, output_gradients[0])
                                  : gradients_of<double>(state, in, output_gradients[0]);
    gradients.emplace_back();  // the call has none
    return gradients;
  }
};

void require_results(const QamaShape& shape, const QamaTensors& result) {
  const std::int64_t B = shape.batch, H = shape.heads, N = shape.tokens;
  require_shape("J", result.J, {B, H, N, N}, "[B, H, N, N]");
  require_shape("h", result.h, {B, H, N}, "[B, H, N]");
  require_shape("x", result.x, {B, H, N, result.x.dim() == 4 ? result.x.size(3) : 1}, "[B, H, N, q]");
}

std::uint64_t mixed(std::uint64_t z) {  // SplitMix64, Steele et al. 2014
  z += 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

}  // namespace

QamaTensors qama_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           const at::Tensor& u, const TorchOptional<at::Tensor>& key_padding_mask,
                           const TorchOptional<at::Tensor>& attn_mask, const QamaOptions& given) {
  const QamaShape shape = require_inputs(query, key, value, u);
  const at::Tensor removed = padding(key_padding_mask, {shape.batch, shape.tokens});
  Call call{shape, removed, pair_mask(attn_mask, shape, query.scalar_type()), given};
  if (call.options.threads == 0) call.options.threads = at::get_num_threads();
  variable_list out = QamaFunction::apply(query, key, value, u, std::as_const(call));
  return {out[0], out[1], out[2], out[3], out[4]};
}

at::Tensor qama_attention_weights(const QamaOptions& options, const at::Tensor& query, const at::Tensor& key,
                                  const QamaTensors& result,
                                  const TorchOptional<at::Tensor>& key_padding_mask,
                                  const TorchOptional<at::Tensor>& attn_mask) {
  const at::NoGradGuard no_gradient;
  const QamaShape shape =
      require_inputs(query, key, query, query.dim() == 4 ? query.new_zeros({query.size(3)}) : query);
  require_results(shape, result);
  const std::int64_t q = result.x.size(3);
  at::Tensor a = result.J.new_zeros(result.h.sizes());
  for (std::int64_t b = 0; b < q; ++b) {
    a += result.x.select(3, b).to(a.scalar_type()) * static_cast<double>(std::int64_t{1} << b);
  }
  a /= static_cast<double>((std::int64_t{1} << q) - 1);
  if (options.spec.form != QamaForm::gated) {
    const at::Tensor pairs = a.unsqueeze(-1) * a.unsqueeze(-2);
    // Where nothing is selected J does not matter, whatever it holds.
    at::Tensor weights = -(result.J * pairs).masked_fill(pairs.eq(0), 0);
    weights.diagonal(0, -2, -1).sub_(result.h * a);
    return weights;
  }
  const double scale = options.scale > 0 ? options.scale : 1 / std::sqrt(static_cast<double>(query.size(3)));
  const double never = -std::numeric_limits<double>::infinity();
  at::Tensor scores = query.matmul(key.transpose(-1, -2)) * scale + (a + kGateFloor).log().unsqueeze(-2);
  const at::Tensor removed = padding(key_padding_mask, {query.size(0), query.size(2)});
  const at::Tensor pairs = pair_mask(attn_mask, shape, scores.scalar_type());
  if (pairs.defined()) scores = pairs.dim() == 2 ? scores + pairs : scores + pairs.view(scores.sizes());
  if (removed.defined()) {
    scores = scores.masked_fill(removed.unsqueeze(1).unsqueeze(1), never);
    scores = scores.masked_fill(removed.unsqueeze(1).unsqueeze(-1), never);
  }
  // A row with nothing to look at is zero, not 0/0.
  const at::Tensor nothing = scores.eq(never).all(-1, true);
  return scores.softmax(-1).masked_fill(nothing, 0);
}

std::int64_t forward_seed(std::int64_t seed, std::int64_t pass, std::int64_t sample) {
  std::uint64_t z = mixed(static_cast<std::uint64_t>(seed));
  z = mixed(z ^ static_cast<std::uint64_t>(pass + 1));
  z = mixed(z ^ static_cast<std::uint64_t>(sample));
  return static_cast<std::int64_t>(z >> 1U);
}

}  // namespace opoloop
