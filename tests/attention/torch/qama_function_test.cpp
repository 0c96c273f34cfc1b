// The torch operator against the C++ operator it wraps.

#include "attention/torch/qama_function.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <catch2/catch.hpp>
#include <limits>

#include "attention/torch/operator_pool.h"
#include "core/error.h"

using namespace opoloop;
using Catch::Matchers::Contains;

namespace {

template <class Scalar>
std::span<const Scalar> view(const at::Tensor& t) {
  return {t.data_ptr<Scalar>(), static_cast<std::size_t>(t.numel())};
}

template <class Scalar>
bool same(const at::Tensor& tensor, const std::vector<Scalar>& values) {
  const at::Tensor flat = tensor.contiguous();
  return static_cast<std::size_t>(flat.numel()) == values.size() &&
         std::equal(values.begin(), values.end(), flat.data_ptr<Scalar>());
}

struct Inputs {
  at::Tensor Q, K, V, u;

  Inputs(std::int64_t B, std::int64_t H, std::int64_t N, std::int64_t d, at::ScalarType type) {
    const auto options = at::TensorOptions().dtype(type);
    Q = at::randn({B, H, N, d}, options).requires_grad_();
    K = at::randn({B, H, N, d}, options).requires_grad_();
    V = at::randn({B, H, N, d}, options).requires_grad_();
    u = at::randn({d}, options).requires_grad_();
  }
};

template <class Scalar>
void check_equal_to_operator(QamaForm form, bool masked) {
  const int B = 3, H = 2, N = 5, d = 4;
  const Inputs in(B, H, N, d, std::is_same_v<Scalar, float> ? at::kFloat : at::kDouble);
  QamaOptions options;
  options.spec = QamaSpec::published(form);
  options.seed = 9;
  options.threads = 2;
  at::Tensor padding, pairs;
  std::vector<std::uint8_t> removed;
  std::vector<Scalar> mask;
  if (masked) {
    padding = at::zeros({B, N}, at::kBool);
    padding.select(0, 1).select(0, 4).fill_(true);
    pairs = at::zeros({N, N}, at::kBool);
    pairs.select(0, 0).select(0, 2).fill_(true);
    removed.assign(static_cast<std::size_t>(B * N), 0);
    removed[N + 4] = 1;
    mask.assign(static_cast<std::size_t>(N * N), 0);
    mask[2] = -std::numeric_limits<Scalar>::infinity();
  }
  const QamaTensors t = qama_attention(in.Q, in.K, in.V, in.u, padding, pairs, options);
  QamaOperator plain(options);
  const QamaShape shape{B, H, N, d};
  const auto f = plain.forward<Scalar>(shape, view<Scalar>(in.Q), view<Scalar>(in.K), view<Scalar>(in.V),
                                       view<Scalar>(in.u), removed, mask);
  CHECK(t.output.sizes() == at::IntArrayRef({B, N, H * d}));
  CHECK(t.x.sizes() == at::IntArrayRef({B, H, N, options.spec.bits}));
  CHECK(same(t.output, f.output));
  CHECK(same(t.x, f.x));
  CHECK(same(t.energy, f.energy));
  CHECK(same(t.J, f.J));
  CHECK(same(t.h, f.h));
  CHECK(t.output.requires_grad());
  CHECK_FALSE(t.J.requires_grad());

  const at::Tensor direction = at::randn(t.output.sizes(), t.output.options().requires_grad(false));
  t.output.backward(direction);
  const auto g = plain.backward<Scalar>(f, view<Scalar>(in.Q), view<Scalar>(in.K), view<Scalar>(in.V),
                                        view<Scalar>(in.u), view<Scalar>(direction));
  CHECK(same(in.Q.grad(), g.Q));
  CHECK(same(in.K.grad(), g.K));
  CHECK(same(in.V.grad(), g.V));
  CHECK(same(in.u.grad(), g.u));
  CHECK(in.V.grad().abs().sum().item<double>() > 0);
}

}  // namespace

TEST_CASE("torch operator equals the C++ operator bit for bit, forward and backward") {
  for (const QamaForm form : {QamaForm::v2, QamaForm::gated, QamaForm::v1}) {
    for (const bool masked : {false, true}) {
      CAPTURE(name_of(form), masked);
      check_equal_to_operator<float>(form, masked);
      check_equal_to_operator<double>(form, masked);
    }
  }
}

TEST_CASE("torch operator takes views that are not contiguous") {
  const Inputs in(2, 3, 4, 4, at::kFloat);
  QamaOptions options;
  const at::Tensor Q = in.Q.transpose(2, 3), K = in.K.transpose(2, 3), V = in.V.transpose(2, 3);
  const QamaTensors a = qama_attention(Q, K, V, in.u, {}, {}, options);
  const QamaTensors b = qama_attention(Q.contiguous(), K.contiguous(), V.contiguous(), in.u, {}, {}, options);
  CHECK(a.output.equal(b.output));
}

TEST_CASE("torch weights add up to the token energies, and to one for the softmax") {
  const int H = 2, N = 6, d = 3;
  const Inputs in(2, H, N, d, at::kDouble);
  at::Tensor padding = at::zeros({2, N}, at::kBool);
  padding.select(0, 0).fill_(true);  // a sample without a token
  padding.select(0, 1).select(0, 3).fill_(true);
  for (const QamaForm form : {QamaForm::v2, QamaForm::gated}) {
    for (const int bits : {1, 3}) {
      QamaOptions options;
      options.spec.form = form;
      options.spec.bits = bits;
      const QamaTensors t = qama_attention(in.Q, in.K, in.V, in.u, padding, {}, options);
      const at::Tensor w = qama_attention_weights(options, in.Q, in.K, t, padding, {});
      CHECK(w.sizes() == at::IntArrayRef({2, H, N, N}));
      CHECK_FALSE(w.isnan().any().item<bool>());
      CHECK(w.select(0, 0).eq(0).all().item<bool>());
      CHECK(w.select(0, 1).select(1, 3).eq(0).all().item<bool>());  // row and column of the masked token
      CHECK(w.select(0, 1).select(2, 3).eq(0).all().item<bool>());
      // gated: the weights times V are the output; v2: the row sums times u are.
      const at::Tensor heads = form == QamaForm::gated ? w.matmul(in.V) : w.sum(-1, true) * in.u;
      const at::Tensor output = heads.transpose(1, 2).reshape({2, N, H * d});
      CHECK((output - t.output).abs().max().item<double>() < 1e-12);
    }
  }
}

TEST_CASE("torch calls with equal options share a device, whatever the seed") {
  const Inputs in(1, 1, 3, 2, at::kFloat);
  QamaOptions options;
  options.spec.c_l = 0.77;  // nobody else's
  const int before = operators_made();
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    options.seed = seed;
    qama_attention(in.Q, in.K, in.V, in.u, {}, {}, options).output.sum().backward();
  }
  CHECK(operators_made() == before + 1);
  const PooledOperator held(options);
  const PooledOperator second(options);  // the first is taken
  CHECK(operators_made() == before + 2);
  options.spec.c_l = 0.78;
  const PooledOperator other(options);
  CHECK(operators_made() == before + 3);
}

TEST_CASE("torch operator refuses bad input in one line") {
  const Inputs in(1, 2, 3, 4, at::kFloat);
  QamaOptions options;
  const auto call = [&](const at::Tensor& Q, const at::Tensor& u, const at::Tensor& padding,
                        const at::Tensor& pairs) {
    qama_attention(Q, in.K, in.V, u, padding, pairs, options);
  };
  CHECK_THROWS_WITH(call(in.Q.select(0, 0), in.u, {}, {}),
                    Contains("query is [2, 3, 4], expected [B, H, N, d]"));
  CHECK_THROWS_WITH(call(in.Q.transpose(1, 2), in.u, {}, {}), Contains("key is [1, 2, 3, 4], expected"));
  CHECK_THROWS_WITH(call(in.Q.to(at::kDouble), in.u, {}, {}), Contains("key is Float, query is Double"));
  CHECK_THROWS_WITH(call(in.Q.to(at::kHalf), in.u, {}, {}), Contains("query is Half, expected float32 or"));
  CHECK_THROWS_WITH(call(in.Q, at::ones({3}), {}, {}), Contains("u is [3], expected [d] = [4]"));
  CHECK_THROWS_WITH(call(in.Q / 0, in.u, {}, {}), Contains("Q holds"));
  CHECK_THROWS_WITH(call(in.Q, in.u, at::zeros({1, 4}, at::kBool), {}),
                    Contains("key_padding_mask is [1, 4], expected [B, N] = [1, 3]"));
  CHECK_THROWS_WITH(call(in.Q, in.u, at::ones({1, 3}), {}), Contains("0 (kept) and -inf (masked) only"));
  CHECK_THROWS_WITH(call(in.Q, in.u, at::ones({1, 3}, at::kLong), {}), Contains("key_padding_mask is Long"));
  CHECK_THROWS_WITH(call(in.Q, in.u, {}, at::zeros({2, 2})),
                    Contains("attn_mask is [2, 2], expected [N, N]"));
  CHECK_THROWS_WITH(call(in.Q, in.u, {}, at::zeros({3, 3, 3})), Contains("[B·H, N, N] = [2, 3, 3]"));
  const at::Tensor learned = at::zeros({3, 3}).requires_grad_();
  CHECK_THROWS_WITH(call(in.Q, in.u, {}, learned), Contains("attn_mask requires a gradient"));
  {
    const at::NoGradGuard no_gradient;
    CHECK_NOTHROW(call(in.Q, in.u, {}, learned));
  }
  const at::Tensor empty = at::zeros({1, 0, 3, 4});
  CHECK_THROWS_WITH(qama_attention(empty, empty, empty, in.u, {}, {}, options), Contains("heads = 0"));
}

TEST_CASE("torch seeds of forward passes differ from each other and are no negative numbers") {
  std::vector<std::int64_t> seeds;
  for (std::int64_t seed = 0; seed < 4; ++seed) {
    for (std::int64_t pass = -1; pass < 20; ++pass) {
      for (std::int64_t sample = 0; sample < 4; ++sample) seeds.push_back(forward_seed(seed, pass, sample));
    }
  }
  std::sort(seeds.begin(), seeds.end());
  CHECK(seeds.front() >= 0);
  CHECK(std::adjacent_find(seeds.begin(), seeds.end()) == seeds.end());
  CHECK(forward_seed(3, 4, 5) == forward_seed(3, 4, 5));
}
