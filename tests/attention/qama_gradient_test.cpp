// Closed-form gradients against central differences, in double, on problems solved exactly. The selection is
// piecewise constant in the weights, so a difference quotient of the whole operator equals the derivative at
// fixed selection as long as the selection stays the same on both sides, which the test checks.

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <string>

#include "attention/qama_layer.h"
#include "core/random.h"

using namespace opoloop;

namespace {

struct Setup {
  int B = 2, H = 2, N = 3, d_model = 6, d = 3;
  std::vector<std::uint8_t> removed;
  std::vector<double> pairs;
  QamaOptions options;
  QamaWeights<double> weights;
  RowMatrix<double> input;
  RowMatrix<double> direction;  // the loss is Σ direction ∘ output

  explicit Setup(QamaForm form, bool masked, int bits) {
    options.spec.form = form;
    options.spec.bits = bits;
    options.device = "exact:";
    options = layer_options(options, d_model, H);
    weights = QamaWeights<double>(d_model, H, d, 77);
    RandomSequence random(78, Stream::generator);
    // Norms away from their trivial start, so that their gradients are tested too.
    for (auto& norm : weights.norm) {
      for (int k = 0; k < d_model; ++k) {
        norm.gain(k) = 1 + 0.3 * random.normal();
        norm.bias(k) = 0.3 * random.normal();
      }
    }
    for (auto& W : weights.projection) W *= 3;  // fields well away from ties
    input.resize(B * N, d_model);
    direction.resize(B * N, H * d);
    for (Eigen::Index i = 0; i < input.size(); ++i) input.data()[i] = random.normal();
    for (Eigen::Index i = 0; i < direction.size(); ++i) direction.data()[i] = random.normal();
    if (masked) removed = {0, 0, 1, 0, 0, 0};
  }

  QamaLayerPass<double> pass(QamaOperator& attention) const {
    return qama_layer_forward<double>(attention, weights, B, input, input, input, removed, {}, pairs);
  }
};

/// Central difference of the loss along one number, and whether the selection stayed the same.
double difference(Setup& s, QamaOperator& attention, double& value, const std::vector<std::int8_t>& x) {
  constexpr double kStep = 1e-5;
  const double kept = value;
  double loss[2];
  for (int side = 0; side < 2; ++side) {
    value = kept + (side == 0 ? -kStep : kStep);
    const auto pass = s.pass(attention);
    REQUIRE(pass.attention.x == x);
    loss[side] = 0;
    for (std::size_t i = 0; i < pass.attention.output.size(); ++i) {
      loss[side] += pass.attention.output[i] * s.direction.data()[i];
    }
  }
  value = kept;
  return (loss[1] - loss[0]) / (2 * kStep);
}

void compare(const std::string& name, Setup& s, QamaOperator& attention, const std::vector<std::int8_t>& x,
             double* values, const double* gradient, Eigen::Index size) {
  double scale = 0;
  for (Eigen::Index i = 0; i < size; ++i) scale = std::max(scale, std::abs(gradient[i]));
  for (Eigen::Index i = 0; i < size; i += 1 + size / 8) {
    CAPTURE(name, i);
    CHECK(std::abs(difference(s, attention, values[i], x) - gradient[i]) <= 1e-6 * scale + 1e-9);
  }
}

}  // namespace

TEST_CASE("attention gradients equal central differences") {
  for (const QamaForm form : {QamaForm::v2, QamaForm::gated, QamaForm::v1}) {
    for (const bool masked : {false, true}) {
      for (const bool pairs : {false, true}) {
        for (const int bits : {1, 2}) {
          for (const bool divide_by_h : {false, true}) {
            if (divide_by_h && (form != QamaForm::v1 || pairs)) continue;
            CAPTURE(name_of(form), masked, pairs, bits, divide_by_h);
            Setup s(form, masked, bits);
            s.options.divide_by_h = divide_by_h;
            if (pairs) {
              const double never = -std::numeric_limits<double>::infinity();
              s.pairs = {0, 0.3, 0, 0, -0.4, never, 0, 0, 0.2};
              if (form == QamaForm::v1) s.pairs = {0, 0, 0, 0, 0, never, 0, 0, 0};
            }
            QamaOperator attention(s.options);
            const auto pass = s.pass(attention);
            const std::vector<std::int8_t> x = pass.attention.x;
            int selected = 0;
            for (const std::int8_t value : x) selected += value;
            REQUIRE(selected > 1);  // else the gradient of v2 through J is zero and nothing is tested
            const auto g = qama_layer_backward<double>(attention, s.weights, pass, s.direction);
            if (form == QamaForm::v2) compare("u", s, attention, x, s.weights.u.data(), g.u.data(), s.d);
            if (form == QamaForm::v1) CHECK(g.u.isZero());
            for (int k = 0; k < 3; ++k) {
              const std::string of = std::string(1, "QKV"[k]);
              compare("W_" + of, s, attention, x, s.weights.projection[k].data(), g.projection[k].data(),
                      g.projection[k].size());
              compare("gain " + of, s, attention, x, s.weights.norm[k].gain.data(), g.norm[k].gain.data(),
                      s.d_model);
              compare("bias " + of, s, attention, x, s.weights.norm[k].bias.data(), g.norm[k].bias.data(),
                      s.d_model);
              if (form == QamaForm::v2 && !masked && !pairs && bits == 1) {
                CHECK(g.projection[k].cwiseAbs().maxCoeff() > 1e-3);
              }
              if (form == QamaForm::v1) CHECK(g.projection[k].cwiseAbs().maxCoeff() > 1e-3);
            }
            const RowMatrix<double> input_gradient = g.norm[0].x + g.norm[1].x + g.norm[2].x;
            compare("input", s, attention, x, s.input.data(), input_gradient.data(), input_gradient.size());
          }
        }
      }
    }
  }
}

TEST_CASE("attention layer projects normalised rows") {
  Setup s(QamaForm::v2, false, 1);
  QamaOperator attention(s.options);
  const auto pass = s.pass(attention);
  for (int k = 0; k < 3; ++k) {
    for (int row = 0; row < s.B * s.N; ++row) {
      double mean = 0, variance = 0;
      for (int c = 0; c < s.d_model; ++c) mean += s.input(row, c) / s.d_model;
      for (int c = 0; c < s.d_model; ++c) {
        variance += (s.input(row, c) - mean) * (s.input(row, c) - mean) / s.d_model;
      }
      for (int out = 0; out < s.H * s.d; ++out) {
        double sum = 0;
        for (int c = 0; c < s.d_model; ++c) {
          const double normal = (s.input(row, c) - mean) / std::sqrt(variance + 1e-5);
          sum += s.weights.projection[k](out, c) *
                 (normal * s.weights.norm[k].gain(c) + s.weights.norm[k].bias(c));
        }
        // [B·N, H·d] row and column to [B, H, N, d].
        const int place = ((row / s.N * s.H + out / s.d) * s.N + row % s.N) * s.d + out % s.d;
        CHECK(pass.heads[k][static_cast<std::size_t>(place)] == Approx(sum).epsilon(1e-12).margin(1e-12));
      }
    }
  }
  CHECK(s.options.scale == Approx(1 / std::sqrt(3.0)));  // (d_model/H)^−½
}

TEST_CASE("attention layer refuses widths that do not fit") {
  Setup s(QamaForm::v2, false, 1);
  QamaOperator attention(s.options);
  s.input.resize(6, 5);
  s.input.setOnes();
  CHECK_THROWS_WITH(s.pass(attention),
                    Catch::Matchers::Contains("query has width 5, the layer's embed_dim is 6"));
  CHECK_THROWS_WITH(QamaWeights<double>(6, 0, 3, 1), Catch::Matchers::Contains("num_heads = 0"));
}
