#include "attention/torch/multihead_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <torch/optim/adam.h>
#include <torch/utils.h>

#include <catch2/catch.hpp>

#include "core/error.h"

using namespace opoloop;
using Catch::Matchers::Contains;

TEST_CASE("torch::nn module learns what its form can express") {
  for (const QamaForm form : {QamaForm::v2, QamaForm::gated}) {
    torch::manual_seed(11);
    QamaMultiheadAttentionOptions options(8, 2);
    options.batch_first = true;
    options.qama.spec.form = form;
    options.qama.runs = 1;
    options.qama.steps = 20;
    options.out_proj = true;
    QamaMultiheadAttention layer(options);
    const at::Tensor x = at::randn({8, 6, 8});
    torch::optim::Adam adam(layer->parameters(), torch::optim::AdamOptions(0.02));
    double first = 0, last = 0;
    for (int step = 0; step < 60; ++step) {
      adam.zero_grad();
      const at::Tensor output = std::get<0>(layer->forward(x, x, x, {}, false));
      // Token 0 asks for a positive sum, the others for a negative one: out_proj's bias alone cannot.
      const at::Tensor sums = output.mean(-1);
      const at::Tensor loss =
          (sums.select(1, 0) - 1).square().mean() + (sums.narrow(1, 1, 5).mean(1) + 1).square().mean();
      loss.backward();
      adam.step();
      if (step == 0) first = loss.item<double>();
      last = loss.item<double>();
    }
    CAPTURE(name_of(form), first, last);
    CHECK(last < 0.9 * first);
    CHECK(layer->passes.item<std::int64_t>() == 60);
    for (const auto& parameter : layer->named_parameters()) {
      CAPTURE(parameter.key());
      // u has no part in gated's output.
      CHECK((parameter.value().grad().abs().sum().item<double>() > 0) ==
            (form == QamaForm::v2 || parameter.key() != "u"));
    }
  }
}

TEST_CASE("torch::nn module has the shapes of torch's, either way round") {
  torch::manual_seed(12);
  QamaMultiheadAttentionOptions options(6, 3);
  options.kdim = 4;
  options.vdim = 5;
  QamaMultiheadAttention layer(options);
  layer->eval();
  const at::Tensor q = at::randn({7, 2, 6}), k = at::randn({7, 2, 4}), v = at::randn({7, 2, 5});
  const auto [output, weights] = layer->forward(q, k, v);
  CHECK(output.sizes() == at::IntArrayRef({7, 2, 6}));
  CHECK(weights.sizes() == at::IntArrayRef({2, 7, 7}));
  const at::Tensor each = std::get<1>(layer->forward(q, k, v, {}, true, {}, false));
  CHECK(each.sizes() == at::IntArrayRef({2, 3, 7, 7}));
  CHECK(each.mean(1).allclose(weights));
  CHECK_FALSE(std::get<1>(layer->forward(q, k, v, {}, false)).defined());
  layer->options.batch_first = true;
  const auto other = layer->forward(q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1));
  CHECK(std::get<0>(other).transpose(0, 1).equal(output));
  const auto unbatched = layer->forward(q.select(1, 0), k.select(1, 0), v.select(1, 0));
  CHECK(std::get<0>(unbatched).allclose(output.select(1, 0)));
  CHECK(std::get<1>(unbatched).sizes() == at::IntArrayRef({7, 7}));
}

TEST_CASE("torch::nn module averages samples outside training and clones") {
  torch::manual_seed(13);
  QamaMultiheadAttentionOptions options(8, 2);
  options.qama.runs = 1;
  options.qama.steps = 1;  // a bad solver: its samples differ
  QamaMultiheadAttention layer(options);
  const at::Tensor x = at::randn({20, 2, 8});
  layer->eval();
  const at::Tensor one = std::get<0>(layer->forward(x, x, x));
  CHECK(one.equal(std::get<0>(layer->forward(x, x, x))));
  layer->options.eval_samples = 4;
  const at::Tensor four = std::get<0>(layer->forward(x, x, x));
  CHECK_FALSE(four.equal(one));
  CHECK(four.equal(std::get<0>(layer->forward(x, x, x))));
  const auto copy = std::dynamic_pointer_cast<QamaMultiheadAttentionImpl>(layer->clone());
  CHECK(std::get<0>(copy->forward(x, x, x)).equal(four));
  layer->train();
  CHECK_FALSE(std::get<0>(layer->forward(x, x, x)).equal(std::get<0>(layer->forward(x, x, x))));
}

TEST_CASE("torch::nn module refuses what does not fit") {
  CHECK_THROWS_WITH(QamaMultiheadAttention(QamaMultiheadAttentionOptions(6, 4)),
                    Contains("embed_dim = 6 is not divisible by num_heads = 4"));
  CHECK_THROWS_WITH(QamaMultiheadAttention(QamaMultiheadAttentionOptions(6, 0)), Contains("num_heads = 0"));
  QamaMultiheadAttentionOptions nowhere(6, 2);
  nowhere.qama.device = "abacus:";
  CHECK_THROWS_WITH(QamaMultiheadAttention(nowhere), Contains("unknown scheme"));
  QamaMultiheadAttention layer(QamaMultiheadAttentionOptions(6, 2));
  const at::Tensor x = at::randn({3, 1, 6});
  CHECK_THROWS_WITH(layer->forward(x, at::randn({4, 1, 6}), x), Contains("key and query differ in length"));
  CHECK_THROWS_WITH(layer->forward(x, x, at::randn({3, 1, 5})),
                    Contains("value has 3 dimensions and width 5"));
}
