#include "experiments/accuracy/torch/encoder.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "core/threads.h"
#include "experiments/accuracy/accuracy_plan.h"
#include "experiments/accuracy/torch/batches.h"
#include "experiments/accuracy/torch/trainer.h"
#include "tests/driver/temporary_folder.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using opoloop::test::TemporaryFolder;

namespace {

using Row = std::vector<double>;
using Rows = std::vector<Row>;

QamaOptions quick_device() {
  QamaOptions qama;
  qama.device = "annealing:";
  qama.runs = 1;
  qama.steps = 10;
  return qama;
}

/// A parameter as rows of doubles (a vector as one row).
Rows rows_of(EncoderImpl& encoder, const std::string& name) {
  const at::Tensor tensor = encoder.named_parameters()[name].detach().to(at::kDouble).contiguous();
  const std::int64_t columns = tensor.size(-1);
  const auto* data = tensor.data_ptr<double>();
  Rows rows;
  for (std::int64_t k = 0; k < tensor.numel(); k += columns) rows.emplace_back(data + k, data + k + columns);
  return rows;
}

Row linear(const Row& x, const Rows& weight, const Row& bias) {
  Row y = bias.empty() ? Row(weight.size(), 0) : bias;
  for (std::size_t o = 0; o < y.size(); ++o) {
    for (std::size_t i = 0; i < x.size(); ++i) y[o] += weight[o][i] * x[i];
  }
  return y;
}

Row layer_norm(const Row& x, const Row& gain, const Row& bias) {
  double mean = 0, square = 0;
  for (const double v : x) mean += v / static_cast<double>(x.size());
  for (const double v : x) square += (v - mean) * (v - mean) / static_cast<double>(x.size());
  Row y;
  for (std::size_t k = 0; k < x.size(); ++k)
    y.push_back((x[k] - mean) / std::sqrt(square + 1e-5) * gain[k] + bias[k]);
  return y;
}

/// The text encoder with softmax attention as its definition says, with loops: `words` to logits.
Row by_hand(EncoderImpl& encoder, const EncoderShape& shape, const std::vector<std::int64_t>& words) {
  const auto p = [&](const std::string& name) { return rows_of(encoder, name); };
  const auto v = [&](const std::string& name) { return rows_of(encoder, name).front(); };
  const auto width = static_cast<std::size_t>(shape.width), heads = static_cast<std::size_t>(shape.heads);
  const std::size_t d = width / heads, n = words.size();
  Rows x;
  for (std::size_t i = 0; i < n; ++i) {
    Row token = p("words.weight")[static_cast<std::size_t>(words[i])];
    for (std::size_t k = 0; k < width / 2; ++k) {
      const double angle = static_cast<double>(i) *
                           std::pow(1e4, -static_cast<double>(k) / (static_cast<double>(width) / 2 - 1));
      token[k] += std::sin(angle);
      token[k + width / 2] += std::cos(angle);
    }
    x.push_back(token);
  }
  Rows q, k, value;
  for (const Row& token : x) {
    q.push_back(linear(layer_norm(token, v("attention.norm_q.weight"), v("attention.norm_q.bias")),
                       p("attention.q_proj.weight"), {}));
    k.push_back(linear(layer_norm(token, v("attention.norm_k.weight"), v("attention.norm_k.bias")),
                       p("attention.k_proj.weight"), {}));
    value.push_back(linear(layer_norm(token, v("attention.norm_v.weight"), v("attention.norm_v.bias")),
                           p("attention.v_proj.weight"), {}));
  }
  Row pooled(width, 0);
  for (std::size_t i = 0; i < n; ++i) {
    Row attended(width, 0);
    for (std::size_t t = 0; t < heads; ++t) {
      Row weight;
      double sum = 0;
      for (std::size_t j = 0; j < n; ++j) {
        double score = 0;
        for (std::size_t c = t * d; c < (t + 1) * d; ++c) score += q[i][c] * k[j][c];
        weight.push_back(std::exp(score / std::sqrt(static_cast<double>(d))));
        sum += weight.back();
      }
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t c = t * d; c < (t + 1) * d; ++c) attended[c] += weight[j] / sum * value[j][c];
      }
    }
    Row token = x[i];
    for (std::size_t c = 0; c < width; ++c) token[c] += attended[c];
    Row hidden = linear(layer_norm(token, v("norm_mlp.weight"), v("norm_mlp.bias")), p("mlp_in.weight"),
                        v("mlp_in.bias"));
    for (double& h : hidden) h *= 0.5 * (1 + std::erf(h / std::sqrt(2.0)));
    const Row out = linear(hidden, p("mlp_out.weight"), v("mlp_out.bias"));
    for (std::size_t c = 0; c < width; ++c) pooled[c] += (token[c] + out[c]) / static_cast<double>(n);
  }
  return linear(layer_norm(pooled, v("norm_head.weight"), v("norm_head.bias")), p("head.weight"),
                v("head.bias"));
}

/// Two classes of 4 × 4 images, upright and lying stripes, with noise.
std::shared_ptr<const LabelledData> stripes() {
  auto data = std::make_shared<LabelledData>();
  data->name = "stripes";
  data->classes = 2;
  for (const auto& [part, count] : {std::pair{&data->train, 40}, std::pair{&data->test, 10}}) {
    part->side = 4;
    part->channels = 1;
    for (int k = 0; k < count; ++k) {
      part->labels.push_back(k % 2);
      for (int p = 0; p < 16; ++p) {
        const bool bright = k % 2 == 0 ? p % 2 == 0 : p / 4 % 2 == 0;
        part->pixels.push_back(static_cast<std::uint8_t>((bright ? 150 : 20) + (7 * k + 13 * p) % 60));
      }
    }
  }
  return data;
}

TrainingTask task_of(const std::string& form) {
  TrainingTask task;
  task.data = stripes();
  task.attention = form_variant(form);
  task.budget.epochs = 4;
  task.budget.batch = 7;
  task.budget.learning_rate = 5e-3;
  task.budget.decay = true;
  task.budget.runs = 1;
  task.budget.steps = 5;
  task.budget.patch = 2;
  task.seed = 5;
  task.inference_devices = {"annealing:"};
  task.identity = form;
  return task;
}

/// Everything but seconds, bit by bit.
bool same(const TrainedModel& a, const TrainedModel& b) {
  return a.train_loss == b.train_loss && a.accuracy == b.accuracy &&
         std::memcmp(&a.selected, &b.selected, sizeof(double)) == 0 && a.moved.size() == b.moved.size() &&
         a.moved[0].agreement == b.moved[0].agreement &&
         a.moved[0].logit_difference == b.moved[0].logit_difference && a.parameters == b.parameters;
}

}  // namespace

TEST_CASE("encoder: the text encoder is what its definition says") {
  at::manual_seed(3);
  EncoderShape shape;
  shape.classes = 3;
  shape.vocabulary = 9;
  shape.width = 8;
  shape.heads = 2;
  shape.mlp = 5;
  Encoder encoder(shape, form_variant("softmax"), quick_device());
  const c10::NoGradGuard no_gradient;
  // The second text is shorter: padding must not reach its logits.
  const at::Tensor words =
      at::tensor(std::vector<std::int64_t>{2, 8, 1, 4, 5, 6, 0, 0}, at::kLong).view({2, 4});
  const at::Tensor logits = encoder->forward(words, words == 0);
  REQUIRE(logits.sizes() == at::IntArrayRef({2, 3}));
  const Row first = by_hand(*encoder, shape, {2, 8, 1, 4}), second = by_hand(*encoder, shape, {5, 6});
  for (std::int64_t c = 0; c < 3; ++c) {
    CHECK(logits[0][c].item<double>() == Approx(first[static_cast<std::size_t>(c)]).margin(1e-5));
    CHECK(logits[1][c].item<double>() == Approx(second[static_cast<std::size_t>(c)]).margin(1e-5));
  }
}

TEST_CASE("encoder: forms have the same layers but for what happens between the projections") {
  EncoderShape shape;
  shape.classes = 4;
  shape.side = 8;
  shape.channels = 3;
  shape.patch = 4;
  shape.width = 16;
  shape.heads = 4;
  std::int64_t softmax_parameters = 0;
  for (const char* form : {"softmax", "v2", "gated", "v1"}) {
    CAPTURE(form);
    at::manual_seed(4);
    Encoder encoder(shape, form_variant(form), quick_device());
    std::int64_t count = 0;
    for (const at::Tensor& parameter : encoder->parameters()) count += parameter.numel();
    if (std::string(form) == "softmax") softmax_parameters = count;
    CHECK(count - softmax_parameters == (std::string(form) == "softmax" ? 0 : 4));  // u has d numbers
    const at::Tensor logits = encoder->forward(at::rand({3, 3, 8, 8}));
    CHECK(logits.sizes() == at::IntArrayRef({3, 4}));
    CHECK(encoder->selection().defined() == (std::string(form) != "softmax"));
  }
  shape.patch = 3;
  CHECK_THROWS_WITH(Encoder(shape, form_variant("softmax"), quick_device()), Contains("--patch"));
}

TEST_CASE("encoder: patches are read row by row, a colour after another") {
  EncoderShape shape;
  shape.side = 4;
  shape.patch = 2;
  shape.width = 8;
  shape.heads = 2;
  at::manual_seed(5);
  Encoder encoder(shape, form_variant("softmax"), quick_device());
  const c10::NoGradGuard no_gradient;
  const at::Tensor image = at::rand({1, 1, 4, 4});
  const at::Tensor logits = encoder->forward(image);
  // Positions tell patches apart: the image turned upside down is another one; a constant added to a patch is
  // not, because LayerNorm takes it away.
  CHECK((encoder->forward(image.flip(2)) - logits).abs().max().item<double>() > 1e-4);
  at::Tensor brighter = image.clone();
  brighter.narrow(2, 0, 2).narrow(3, 2, 2).add_(0.5);
  CHECK((encoder->forward(brighter) - logits).abs().max().item<double>() < 1e-4);
}

TEST_CASE("trainer: learns, for every form") {
  for (const char* form : {"softmax", "v2", "gated", "v1"}) {
    CAPTURE(form);
    TrainingTask task = task_of(form);
    task.budget.epochs = 12;
    const auto model = train_model(task, {});
    REQUIRE(model);
    REQUIRE(model->train_loss.size() == 12);
    CHECK(model->train_loss.back() < 0.7 * model->train_loss.front());
    CHECK(model->best_accuracy() >= model->accuracy.back());
    CHECK(model->tokens == 4);
    CHECK(std::isnan(model->selected) == (std::string(form) == "softmax"));
  }
}

TEST_CASE("trainer: a stopped training goes on where it was, with the same numbers") {
  for (const char* form : {"softmax", "v2"}) {
    const TrainingTask task = task_of(form);
    const auto whole = train_model(task, {});
    REQUIRE(whole);
    const TemporaryFolder folder;
    PointContext context;
    context.scratch = folder / "point";
    int asked = 0, stops = 0;
    // Stopped again and again: in the middle of an epoch, before a test, during inference elsewhere.
    std::optional<TrainedModel> resumed;
    while (!resumed) {
      asked = 0;
      context.stop = [&asked] { return ++asked > 5; };
      resumed = train_model(task, context);
      stops += resumed ? 0 : 1;
      REQUIRE(stops < 30);
    }
    CAPTURE(form, stops);
    CHECK(stops > 3);
    CHECK(same(*whole, *resumed));
    // A checkpoint of another task is left alone.
    TrainingTask other = task;
    other.identity = "something else";
    other.budget.learning_rate *= 2;
    context.stop = {};
    const auto fresh = train_model(other, context);
    REQUIRE(fresh);
    CHECK(fresh->train_loss != whole->train_loss);
    CHECK(fresh->train_loss.size() == whole->train_loss.size());
  }
}

TEST_CASE("trainer: models trained at the same time are those trained one after another") {
  std::vector<TrainingTask> tasks;
  for (const char* form : {"softmax", "v2", "gated", "v2"}) tasks.push_back(task_of(form));
  tasks[3].seed = 6;
  std::vector<std::optional<TrainedModel>> alone(tasks.size()), together(tasks.size());
  const auto train = [&](auto& results) {
    return [&](std::int64_t k) {
      results[static_cast<std::size_t>(k)] = train_model(tasks[static_cast<std::size_t>(k)], {});
    };
  };
  parallel_for(4, 1, train(alone));
  parallel_for(4, 4, train(together));
  for (std::size_t k = 0; k < tasks.size(); ++k) {
    CAPTURE(k);
    REQUIRE((alone[k] && together[k]));
    CHECK(same(*alone[k], *together[k]));
  }
  CHECK(alone[1]->train_loss != alone[3]->train_loss);
}

TEST_CASE("batches: an epoch's order is a permutation of its own") {
  const auto first = epoch_order(100, 3, 0), second = epoch_order(100, 3, 1);
  CHECK(first != second);
  CHECK(first == epoch_order(100, 3, 0));
  std::vector<std::int64_t> sorted = first;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t k = 0; k < 100; ++k) REQUIRE(sorted[k] == static_cast<std::int64_t>(k));

  Examples texts;
  texts.texts = {"a a", "b b b c", "c"};
  texts.labels = {1, 0, 1};
  const Vocabulary vocabulary(texts.texts);
  const BatchSource source(texts, &vocabulary, 3);
  const std::vector<std::int64_t> numbers = {2, 1};
  const Batch batch = source.batch(numbers);
  REQUIRE(batch.input.sizes() == at::IntArrayRef({2, 3}));  // the longest, cut at three words
  CHECK(batch.labels[0].item<int>() == 1);
  CHECK(batch.padding[0][1].item<bool>());
  CHECK_FALSE(batch.padding[1][2].item<bool>());
  CHECK(batch.input[0][1].item<int>() == Vocabulary::kPadding);
}
