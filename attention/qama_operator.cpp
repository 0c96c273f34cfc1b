#include "attention/qama_operator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "core/clock.h"
#include "core/error.h"
#include "core/threads.h"
#include "driver/batch.h"
#include "hamiltonian/qama/qama_decoder.h"

namespace opoloop {
namespace {

void require_size(const char* name, std::size_t have, std::size_t want, const char* shape) {
  if (have != want) {
    throw InputError(fmt::format("attention: {} has {} values, expected {} = {}", name, have, shape, want));
  }
}

template <class Scalar>
void require_finite(const char* name, std::span<const Scalar> values, int threads) {
  constexpr std::size_t kChunk = 65536;
  parallel_for(
      static_cast<std::int64_t>((values.size() + kChunk - 1) / kChunk), threads, [&](std::int64_t c) {
        const std::size_t from = static_cast<std::size_t>(c) * kChunk;
        const std::size_t to = std::min(values.size(), from + kChunk);
        // A sum of products with zero is zero unless one of them is not finite.
        Scalar sum[8] = {};
        std::size_t i = from;
        for (; i + 8 <= to; i += 8) {
          for (std::size_t k = 0; k < 8; ++k) sum[k] += values[i + k] * Scalar(0);
        }
        bool fine = true;
        for (const Scalar s : sum) fine = fine && s == 0;
        for (; i < to; ++i) fine = fine && std::isfinite(values[i]);
        if (fine) return;
        for (i = from; i < to; ++i) {
          if (!std::isfinite(values[i])) {
            throw InputError(
                fmt::format("attention: {} holds {} at place {}: not a finite number", name, values[i], i));
          }
        }
      });
}

template <class Scalar>
void require_pairs(const QamaShape& shape, std::span<const Scalar> pairs) {
  const auto N = static_cast<std::size_t>(shape.tokens);
  if (pairs.empty() || pairs.size() == N * N || pairs.size() == shape.scores()) {
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (!(pairs[i] < std::numeric_limits<Scalar>::infinity())) {
        throw InputError(fmt::format(
            "attention: attn_mask holds {} at place {}: a finite number, or -inf to remove the pair",
            pairs[i], i));
      }
    }
    return;
  }
  throw InputError(fmt::format("attention: attn_mask has {} values, expected N·N = {} or B·H·N·N = {}",
                               pairs.size(), N * N, shape.scores()));
}

template <class Scalar>
QamaInput<Scalar> input_of(const QamaForward<Scalar>& f, double scale, std::span<const Scalar> Q,
                           std::span<const Scalar> K, std::span<const Scalar> V, std::span<const Scalar> u) {
  return {f.shape, scale, Q.data(), K.data(), V.data(), u.data(), f.removed, f.pairs};
}

template <class Scalar>
ReadOutInput<Scalar> read_out_input(const QamaForward<Scalar>& f, double scale, std::span<const Scalar> Q,
                                    std::span<const Scalar> K, std::span<const Scalar> V,
                                    std::span<const Scalar> u) {
  return {input_of(f, scale, Q, K, V, u), f.J.data(), f.h.data(), f.a.data()};
}

}  // namespace

QamaOperator::QamaOperator(QamaOptions options) : options_(std::move(options)) {
  options_.spec.validate();
  if (options_.threads < 1) throw_parameter_error("threads", options_.threads, "at least 1");
  if (!std::isfinite(options_.scale) || options_.scale < 0) {
    throw_parameter_error("scale", options_.scale, "a positive number, or 0 for d^-1/2");
  }
  device_ = make_device(options_.device);
}

QamaOperator::~QamaOperator() = default;

double QamaOperator::scale(int width) const {
  return options_.scale > 0 ? options_.scale : 1 / std::sqrt(static_cast<double>(width));
}

template <class Scalar>
QamaForward<Scalar> QamaOperator::score(const QamaShape& shape, std::span<const Scalar> Q,
                                        std::span<const Scalar> K, std::span<const Scalar> V,
                                        std::span<const Scalar> u, std::span<const std::uint8_t> removed,
                                        std::span<const Scalar> pairs) const {
  const auto begin = Clock::now();
  shape.validate();
  require_size("Q", Q.size(), shape.values(), "B·H·N·d");
  require_size("K", K.size(), shape.values(), "B·H·N·d");
  require_size("V", V.size(), shape.values(), "B·H·N·d");
  require_size("u", u.size(), static_cast<std::size_t>(shape.width), "d");
  if (!removed.empty()) {
    require_size("the mask", removed.size(), shape.samples() * static_cast<std::size_t>(shape.tokens), "B·N");
  }
  require_pairs(shape, pairs);
  require_finite("Q", Q, options_.threads);
  require_finite("K", K, options_.threads);
  require_finite("V", V, options_.threads);
  require_finite("u", u, 1);
  QamaForward<Scalar> forward;
  forward.shape = shape;
  forward.removed.assign(removed.begin(), removed.end());
  forward.pairs.assign(pairs.begin(), pairs.end());
  forward.J.resize(shape.scores());
  forward.h.resize(shape.rows());
  qama_scores<Scalar>(options_.spec, input_of(forward, scale(shape.width), Q, K, V, u), forward.J.data(),
                      forward.h.data(), options_.threads);
  forward.scores_s = seconds_since(begin);
  return forward;
}

template <class Scalar>
std::vector<QamaProblem> QamaOperator::problems(const QamaForward<Scalar>& forward) const {
  const QamaShape& shape = forward.shape;
  const auto rows = static_cast<std::size_t>(shape.heads) * static_cast<std::size_t>(shape.tokens);
  const std::size_t pairs = rows * static_cast<std::size_t>(shape.tokens);
  const auto tokens = static_cast<std::size_t>(shape.tokens);
  std::vector<QamaProblem> all(shape.samples());
  parallel_for(shape.batch, options_.threads, [&](std::int64_t sample) {
    const auto b = static_cast<std::size_t>(sample);
    std::span<const std::uint8_t> removed;
    if (!forward.removed.empty()) removed = std::span(forward.removed).subspan(b * tokens, tokens);
    const auto J = std::span(forward.J).subspan(b * pairs, pairs);
    const auto h = std::span(forward.h).subspan(b * rows, rows);
    if constexpr (std::is_same_v<Scalar, float>) {
      all[b] = QamaProblem(options_.spec, shape.heads, shape.tokens, J, h, removed);
    } else {
      const std::vector<float> J_float(J.begin(), J.end()), h_float(h.begin(), h.end());
      all[b] = QamaProblem(options_.spec, shape.heads, shape.tokens, J_float, h_float, removed);
    }
  });
  return all;
}

template <class Scalar>
void QamaOperator::finish(QamaForward<Scalar>& forward, std::span<const Scalar> Q, std::span<const Scalar> K,
                          std::span<const Scalar> V, std::span<const Scalar> u) const {
  const auto begin = Clock::now();
  const int q = options_.spec.bits;
  const auto digits = static_cast<Scalar>((1 << q) - 1);
  forward.a.assign(forward.shape.rows(), Scalar(0));
  for (std::size_t i = 0; i < forward.a.size(); ++i) {
    int sum = 0;
    for (int b = 0; b < q; ++b) {
      sum += forward.x[i * static_cast<std::size_t>(q) + static_cast<std::size_t>(b)] != 0 ? 1 << b : 0;
    }
    forward.a[i] = static_cast<Scalar>(sum) / digits;
  }
  forward.output.resize(forward.shape.values());
  read_out<Scalar>(options_.spec, read_out_input(forward, scale(forward.shape.width), Q, K, V, u),
                   options_.divide_by_h, forward.output.data(), options_.threads);
  forward.read_out_s = seconds_since(begin);
}

template <class Scalar>
QamaForward<Scalar> QamaOperator::forward(const QamaShape& shape, std::span<const Scalar> Q,
                                          std::span<const Scalar> K, std::span<const Scalar> V,
                                          std::span<const Scalar> u, std::span<const std::uint8_t> removed,
                                          std::span<const Scalar> pairs) {
  QamaForward<Scalar> result = score(shape, Q, K, V, u, removed, pairs);
  const auto begin = Clock::now();
  const std::vector<QamaProblem> batch = problems(result);
  JobSettings settings;
  settings.seed = options_.seed;
  settings.threads = options_.threads;
  settings.runs = options_.runs;
  settings.steps = options_.steps;
  BatchResult solved = device_->run_batch(batch, settings);
  if (!solved.failure.empty() || solved.done() < batch.size()) {
    throw Error(fmt::format("attention: device '{}' failed after {} of {} problems: {}", options_.device,
                            solved.done(), batch.size(), solved.failure));
  }
  const std::size_t selection =
      result.shape.rows() / shape.samples() * static_cast<std::size_t>(options_.spec.bits);
  result.x.resize(selection * shape.samples());
  for (std::size_t b = 0; b < batch.size(); ++b) {
    const std::vector<std::int8_t> x = decode_selection(batch[b], solved.answers[b]->spins).x;
    std::copy(x.begin(), x.end(), result.x.begin() + static_cast<std::ptrdiff_t>(b * selection));
    result.energy.push_back(solved.answers[b]->energy);
  }
  result.adaptations = std::move(solved.adaptations);
  result.runs = solved.runs;
  result.steps = solved.steps;
  result.solve_s = seconds_since(begin);
  finish(result, Q, K, V, u);
  return result;
}

template <class Scalar>
QamaForward<Scalar> QamaOperator::forward_with(const QamaShape& shape, std::span<const Scalar> Q,
                                               std::span<const Scalar> K, std::span<const Scalar> V,
                                               std::span<const Scalar> u, std::span<const std::int8_t> x,
                                               std::span<const std::uint8_t> removed,
                                               std::span<const Scalar> pairs) const {
  QamaForward<Scalar> result = score(shape, Q, K, V, u, removed, pairs);
  require_size("x", x.size(), shape.rows() * static_cast<std::size_t>(options_.spec.bits), "B·H·N·q");
  const std::vector<QamaProblem> batch = problems(result);
  const std::size_t selection = x.size() / shape.samples();
  for (std::size_t b = 0; b < batch.size(); ++b) {
    const std::vector<std::int8_t> spins = encode_selection(batch[b], x.subspan(b * selection, selection));
    const std::vector<std::int8_t> kept =
        decode_selection(batch[b], spins).x;  // masked tokens select nothing
    result.x.insert(result.x.end(), kept.begin(), kept.end());
    result.energy.push_back(batch[b].energy(spins));
  }
  finish(result, Q, K, V, u);
  return result;
}

template <class Scalar>
void QamaOperator::backward(const QamaForward<Scalar>& forward, std::span<const Scalar> Q,
                            std::span<const Scalar> K, std::span<const Scalar> V, std::span<const Scalar> u,
                            std::span<const Scalar> output_gradient, QamaGradients<Scalar>& gradients) const {
  const QamaShape& shape = forward.shape;
  require_size("Q", Q.size(), shape.values(), "B·H·N·d");
  require_size("K", K.size(), shape.values(), "B·H·N·d");
  require_size("V", V.size(), shape.values(), "B·H·N·d");
  require_size("u", u.size(), static_cast<std::size_t>(shape.width), "d");
  require_size("the gradient of the output", output_gradient.size(), shape.values(), "B·N·H·d");
  for (auto* g : {&gradients.Q, &gradients.K, &gradients.V}) g->resize(shape.values());
  gradients.u.resize(static_cast<std::size_t>(shape.width));
  read_out_backward<Scalar>(options_.spec, read_out_input(forward, scale(shape.width), Q, K, V, u),
                            options_.divide_by_h, output_gradient.data(),
                            {gradients.Q.data(), gradients.K.data(), gradients.V.data(), gradients.u.data()},
                            options_.threads);
}

template <class Scalar>
QamaGradients<Scalar> QamaOperator::backward(const QamaForward<Scalar>& forward, std::span<const Scalar> Q,
                                             std::span<const Scalar> K, std::span<const Scalar> V,
                                             std::span<const Scalar> u,
                                             std::span<const Scalar> output_gradient) const {
  QamaGradients<Scalar> gradients;
  backward<Scalar>(forward, Q, K, V, u, output_gradient, gradients);
  return gradients;
}

#define OPOLOOP_INSTANTIATE(S)                                                                            \
  template QamaForward<S> QamaOperator::forward(const QamaShape&, std::span<const S>, std::span<const S>, \
                                                std::span<const S>, std::span<const S>,                   \
                                                std::span<const std::uint8_t>, std::span<const S>);       \
  template QamaForward<S> QamaOperator::forward_with(                                                     \
      const QamaShape&, std::span<const S>, std::span<const S>, std::span<const S>, std::span<const S>,   \
      std::span<const std::int8_t>, std::span<const std::uint8_t>, std::span<const S>) const;             \
  template void QamaOperator::backward(const QamaForward<S>&, std::span<const S>, std::span<const S>,     \
                                       std::span<const S>, std::span<const S>, std::span<const S>,        \
                                       QamaGradients<S>&) const;                                          \
  template QamaGradients<S> QamaOperator::backward(const QamaForward<S>&, std::span<const S>,             \
                                                   std::span<const S>, std::span<const S>,                \
                                                   std::span<const S>, std::span<const S>) const;
OPOLOOP_INSTANTIATE(float)
OPOLOOP_INSTANTIATE(double)
#undef OPOLOOP_INSTANTIATE

}  // namespace opoloop
