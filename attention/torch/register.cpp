// The operators of this shared object, torch.ops.opoloop.*, for C++ and for Python's torch.ops.load_library.
// attention/torch/opoloop is the Python side; its stubs repeat these signatures.

#include <torch/library.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "attention/torch/operator_pool.h"
#include "attention/torch/qama_function.h"
#include "core/error.h"

namespace opoloop {
namespace {

// Keyword arguments shared by the operators below; the defaults are those of QamaOptions.
#define OPOLOOP_QAMA_OPTIONS                                                                               \
  "*, str device='annealing:', str form='v2', int? bits=None, float? c_q=None, float? c_l=None, "          \
  "float? c_m=None, float sparsity=0., float sparsity_target=0., float long_range=0., float? scale=None, " \
  "bool divide_by_h=False, int seed=1, int? runs=None, int? steps=None, int threads=0"

QamaOptions options_of(std::string device, const std::string& form, TorchOptional<std::int64_t> bits,
                       TorchOptional<double> c_q, TorchOptional<double> c_l, TorchOptional<double> c_m,
                       double sparsity, double sparsity_target, double long_range,
                       TorchOptional<double> scale, bool divide_by_h, std::int64_t seed,
                       TorchOptional<std::int64_t> runs, TorchOptional<std::int64_t> steps,
                       std::int64_t threads) {
  QamaOptions options;
  options.device = std::move(device);
  options.spec = QamaSpec::published(parse_qama_form(form));
  QamaSpec& spec = options.spec;
  // Out of int's range is out of the allowed range too; validate() says which that is.
  if (bits.has_value()) spec.bits = static_cast<int>(std::clamp<std::int64_t>(*bits, -1, 1000));
  spec.c_q = c_q.value_or(spec.c_q);
  spec.c_l = c_l.value_or(spec.c_l);
  spec.c_m = c_m.value_or(spec.c_m);
  spec.sparsity = sparsity;
  spec.sparsity_target = sparsity_target;
  spec.long_range = long_range;
  if (scale.has_value()) {
    if (!(*scale > 0)) throw_parameter_error("scale", *scale, "a positive number, or None for d^-1/2");
    options.scale = *scale;
  }
  options.divide_by_h = divide_by_h;
  options.seed = static_cast<std::uint64_t>(seed);
  if (runs.has_value()) {
    if (*runs < 1 || *runs > 1'000'000)
      throw_parameter_error("runs", static_cast<double>(*runs), "1 ... 10^6");
    options.runs = static_cast<int>(*runs);
  }
  if (steps.has_value()) {
    if (*steps < 1) throw_parameter_error("steps", static_cast<double>(*steps), "at least 1");
    options.steps = *steps;
  }
  if (threads < 0 || threads > 4096) {
    throw_parameter_error("threads", static_cast<double>(threads), "0 (as torch) ... 4096");
  }
  options.threads = static_cast<int>(threads);
  return options;
}

/// Bad input becomes Python's ValueError and everything else RuntimeError, with our one line as the message.
template <class Body>
auto translated(const Body& body) {
  try {
    return body();
  } catch (const InputError& error) {
    C10_THROW_ERROR(ValueError, error.what());
  }
}

using FiveTensors = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

FiveTensors qama(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const at::Tensor& u,
                 const TorchOptional<at::Tensor>& key_padding_mask,
                 const TorchOptional<at::Tensor>& attn_mask, std::string device, std::string form,
                 TorchOptional<std::int64_t> bits, TorchOptional<double> c_q, TorchOptional<double> c_l,
                 TorchOptional<double> c_m, double sparsity, double sparsity_target, double long_range,
                 TorchOptional<double> scale, bool divide_by_h, std::int64_t seed,
                 TorchOptional<std::int64_t> runs, TorchOptional<std::int64_t> steps, std::int64_t threads) {
  return translated([&]() -> FiveTensors {
    const QamaOptions options =
        options_of(std::move(device), form, bits, c_q, c_l, c_m, sparsity, sparsity_target, long_range, scale,
                   divide_by_h, seed, runs, steps, threads);
    QamaTensors t = qama_attention(query, key, value, u, key_padding_mask, attn_mask, options);
    return {t.output, t.x, t.energy, t.J, t.h};
  });
}

at::Tensor qama_weights(const at::Tensor& query, const at::Tensor& key, const at::Tensor& x,
                        const at::Tensor& J, const at::Tensor& h,
                        const TorchOptional<at::Tensor>& key_padding_mask,
                        const TorchOptional<at::Tensor>& attn_mask, const std::string& form,
                        TorchOptional<double> scale) {
  return translated([&] {
    QamaOptions options;
    options.spec.form = parse_qama_form(form);
    options.scale = scale.value_or(0);
    return qama_attention_weights(options, query, key, {{}, x, {}, J, h}, key_padding_mask, attn_mask);
  });
}

/// Throws what the first call would: a coefficient out of range, an unknown device.
void qama_check(std::string device, std::string form, TorchOptional<std::int64_t> bits,
                TorchOptional<double> c_q, TorchOptional<double> c_l, TorchOptional<double> c_m,
                double sparsity, double sparsity_target, double long_range, TorchOptional<double> scale,
                bool divide_by_h, std::int64_t seed, TorchOptional<std::int64_t> runs,
                TorchOptional<std::int64_t> steps, std::int64_t threads) {
  translated([&] {
    QamaOptions options = options_of(std::move(device), form, bits, c_q, c_l, c_m, sparsity, sparsity_target,
                                     long_range, scale, divide_by_h, seed, runs, steps, threads);
    options.threads = std::max(1, options.threads);
    const PooledOperator made(options);
  });
}

}  // namespace

TORCH_LIBRARY(opoloop, m) {
  m.def(
      "qama(Tensor query, Tensor key, Tensor value, Tensor u, Tensor? key_padding_mask=None, "
      "Tensor? attn_mask=None, " OPOLOOP_QAMA_OPTIONS
      ") -> (Tensor output, Tensor x, Tensor energy, Tensor J, Tensor h)",
      &qama);
  m.def(
      "qama_weights(Tensor query, Tensor key, Tensor x, Tensor J, Tensor h, Tensor? key_padding_mask=None, "
      "Tensor? attn_mask=None, *, str form='v2', float? scale=None) -> Tensor",
      &qama_weights);
  m.def("qama_check(" OPOLOOP_QAMA_OPTIONS ") -> ()", &qama_check);
  m.def("forward_seed(int seed, int training_pass, int sample) -> int", &forward_seed);
  m.def("operators_made() -> int", []() { return std::int64_t{operators_made()}; });
}

}  // namespace opoloop
