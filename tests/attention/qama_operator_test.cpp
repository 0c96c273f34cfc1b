#include "attention/qama_operator.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "attention/softmax.h"
#include "core/error.h"
#include "tests/hamiltonian/qama_reference.h"

using namespace opoloop;
using namespace opoloop::testing;
using Catch::Matchers::Contains;

namespace {

QamaOptions options_of(QamaForm form, int bits = 1, const std::string& device = "annealing:") {
  QamaOptions options;
  options.spec = QamaSpec::published(form);
  options.spec.bits = bits;
  options.device = device;
  options.runs = 1;
  options.steps = 10;
  return options;
}

template <class Scalar = float>
std::span<const Scalar> view(const std::vector<Scalar>& v) {
  return v;
}

/// The read-outs written down plainly, from Q, K, V and the selection, in double.
std::vector<double> reference_output(QamaForm form, int q, const QamaCase& c,
                                     const std::vector<std::int8_t>& x) {
  const double s = 1 / std::sqrt(c.d);
  const auto J = form == QamaForm::v1 ? reference_J_v1(c) : reference_J(c, s);
  const auto h = form == QamaForm::v1 ? reference_h_v1(c) : reference_h(c);
  std::vector<double> out(static_cast<std::size_t>(c.B * c.H * c.N * c.d), 0.0);
  for (int b = 0; b < c.B; ++b) {
    const auto gone = [&](int i) {
      return !c.removed.empty() && c.removed[static_cast<std::size_t>(b * c.N + i)] != 0;
    };
    for (int t = 0; t < c.H; ++t) {
      const int head = b * c.H + t;
      const auto a = [&](int i) {
        double sum = 0;
        for (int k = 0; k < q; ++k) sum += (1 << k) * x[static_cast<std::size_t>((head * c.N + i) * q + k)];
        return sum / ((1 << q) - 1);
      };
      for (int i = 0; i < c.N; ++i) {
        if (gone(i)) continue;
        double e = 0, total = 0;
        std::vector<double> mixed(static_cast<std::size_t>(c.d), 0.0);
        for (int j = 0; j < c.N; ++j) {
          if (gone(j)) continue;
          e -= J[static_cast<std::size_t>((head * c.N + i) * c.N + j)] * a(i) * a(j);
          double dot = 0;
          for (int k = 0; k < c.d; ++k)
            dot += at(c.Q, (head * c.N + i) * c.d + k) * at(c.K, (head * c.N + j) * c.d + k);
          const double weight = c.allowed(i, j) ? std::exp(dot * s + c.added(i, j)) * (a(j) + 1e-6) : 0.0;
          total += weight;
          for (int k = 0; k < c.d; ++k)
            mixed[static_cast<std::size_t>(k)] += weight * at(c.V, (head * c.N + j) * c.d + k);
        }
        e -= h[static_cast<std::size_t>(head * c.N + i)] * a(i);
        double entropy = 0;
        const std::vector<double> terms = reference_entropy_terms(c, head * c.N + i);
        for (const double term : terms) entropy += term;
        for (int k = 0; k < c.d; ++k) {
          double& value = out[static_cast<std::size_t>(((b * c.N + i) * c.H + t) * c.d + k)];
          if (form == QamaForm::v2) value = e * at(c.u, k);
          if (form == QamaForm::v1) value = -e * terms[static_cast<std::size_t>(k)] / entropy;
          if (form == QamaForm::gated) value = total > 0 ? mixed[static_cast<std::size_t>(k)] / total : 0;
        }
      }
    }
  }
  return out;
}

void check_close(const std::vector<float>& got, const std::vector<double>& want) {
  REQUIRE(got.size() == want.size());
  double worst = 0, size = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(got[i]) - want[i]));
    size = std::max(size, std::abs(want[i]));
  }
  CHECK(worst <= 1e-5 * size);
}

/// Energies of the answers against the sum over pairs, with the published coefficients.
void check_energies(QamaForm form, int q, const QamaCase& c, const QamaForward<float>& f) {
  const bool v1 = form == QamaForm::v1;
  const auto J = v1 ? reference_J_v1(c) : reference_J(c, 1 / std::sqrt(c.d));
  const auto h = v1 ? reference_h_v1(c) : reference_h(c);
  const int rows = c.H * c.N;
  for (int b = 0; b < c.B; ++b) {
    int n = 0;
    for (int i = 0; i < c.N; ++i) {
      n += c.removed.empty() || c.removed[static_cast<std::size_t>(b * c.N + i)] == 0;
    }
    const double others = c.H - 1;
    const double P = v1 ? 2 / (c.H * others) : 0.4 * std::sqrt(2 / 3.14159265358979323846) * n / others;
    const double* of_J = J.data() + static_cast<std::ptrdiff_t>(b) * rows * c.N;
    const double* of_h = h.data() + static_cast<std::ptrdiff_t>(b) * rows;
    const ReferenceEnergy energy{1, v1 ? 1 : 0.16 * n, c.H == 1 ? 0 : P, 0, 0, 0, c.H, c.N, q, n, of_J, of_h};
    const auto first = f.x.begin() + static_cast<std::ptrdiff_t>(b) * rows * q;
    const double want = energy({first, first + static_cast<std::ptrdiff_t>(rows) * q});
    CHECK(std::abs(f.energy[static_cast<std::size_t>(b)] - want) <= 1e-5 * std::abs(want) + 1e-5);
  }
}

}  // namespace

TEST_CASE("attention outputs and energies equal the plain formulas") {
  for (const QamaForm form : {QamaForm::v2, QamaForm::gated, QamaForm::v1}) {
    for (const int H : {1, 8}) {
      for (const int N : {4, 49, 197}) {
        for (const bool masked : {false, true}) {
          for (const bool pairs : {false, true}) {
            for (const int q : {1, 3}) {
              if (N == 197 && (q == 3 || pairs || (H == 8 && !masked))) continue;
              QamaCase c = random_case(N == 4 ? 3 : 1, H, N, 8, masked, 51);
              if (pairs) mask_pairs(c, form != QamaForm::v1);
              QamaOperator attention(options_of(form, q));
              const QamaForward<float> f = attention.forward<float>(
                  {c.B, c.H, c.N, c.d}, view(c.Q), view(c.K), view(c.V), view(c.u), c.removed, view(c.pairs));
              CAPTURE(name_of(form), H, N, masked, pairs, q);
              check_close(f.output, reference_output(form, q, c, f.x));
              check_energies(form, q, c, f);
            }
          }
        }
      }
    }
  }
}

TEST_CASE("attention v1 spreads a token's energy over the entropies of its values") {
  const QamaCase c = random_case(2, 2, 5, 6, true, 53);
  QamaOperator attention(options_of(QamaForm::v1, 3));
  const auto f =
      attention.forward<float>({c.B, c.H, c.N, c.d}, view(c.Q), view(c.K), view(c.V), view(c.u), c.removed);
  const auto J = reference_J_v1(c);
  int nonzero = 0;
  for (int b = 0; b < c.B; ++b) {
    for (int t = 0; t < c.H; ++t) {
      for (int i = 0; i < c.N; ++i) {
        const int row = (b * c.H + t) * c.N + i;
        double e =
            -static_cast<double>(f.h[static_cast<std::size_t>(row)] * f.a[static_cast<std::size_t>(row)]);
        for (int j = 0; j < c.N; ++j) {
          e -= J[static_cast<std::size_t>(row * c.N + j)] *
               static_cast<double>(f.a[static_cast<std::size_t>(row)]) *
               static_cast<double>(f.a[static_cast<std::size_t>((b * c.H + t) * c.N + j)]);
        }
        double sum = 0;  // the shares of the entropy sum to one, so the outputs of a token sum to −e
        for (int k = 0; k < c.d; ++k) {
          sum += static_cast<double>(f.output[static_cast<std::size_t>(((b * c.N + i) * c.H + t) * c.d + k)]);
        }
        CHECK(std::abs(sum + e) < 1e-4);
        nonzero += e != 0;
      }
    }
  }
  CHECK(nonzero > 0);
}

TEST_CASE("attention gated with every token selected is softmax attention") {
  const QamaCase c = random_case(2, 2, 6, 4, true, 54);
  QamaOperator attention(options_of(QamaForm::gated));
  const std::vector<std::int8_t> all(static_cast<std::size_t>(c.B * c.H * c.N), 1);
  const auto f = attention.forward_with<float>({c.B, c.H, c.N, c.d}, view(c.Q), view(c.K), view(c.V),
                                               view(c.u), all, c.removed);
  std::vector<float> softmax(f.output.size());
  softmax_attention<float>({c.B, c.H, c.N, c.d}, 0.5, c.Q.data(), c.K.data(), c.V.data(), c.removed,
                           softmax.data(), 1);
  for (std::size_t i = 0; i < softmax.size(); ++i) CHECK(std::abs(softmax[i] - f.output[i]) < 1e-5F);
}

TEST_CASE("attention does not depend on threads, and its seed fixes it") {
  const QamaCase c = random_case(6, 2, 9, 4, true, 55);
  for (const char* device : {"annealing:", "emulator:"}) {
    QamaOptions options = options_of(QamaForm::v2, 1, device);
    QamaOperator one(options);
    options.threads = 2;
    QamaOperator two(options);
    const QamaShape shape{c.B, c.H, c.N, c.d};
    const auto a = one.forward<float>(shape, view(c.Q), view(c.K), view(c.V), view(c.u), c.removed);
    const auto b = two.forward<float>(shape, view(c.Q), view(c.K), view(c.V), view(c.u), c.removed);
    CHECK(a.x == b.x);
    CHECK(a.output == b.output);
    const auto ga = one.backward<float>(a, view(c.Q), view(c.K), view(c.V), view(c.u), view(a.output));
    const auto gb = two.backward<float>(b, view(c.Q), view(c.K), view(c.V), view(c.u), view(b.output));
    CHECK(ga.u == gb.u);
    CHECK(ga.Q == gb.Q);
  }
}

TEST_CASE("attention of degenerate inputs is defined") {
  for (const QamaForm form : {QamaForm::v2, QamaForm::v1, QamaForm::gated}) {
    for (const char* device : {"annealing:", "emulator:", "exact:"}) {
      CAPTURE(name_of(form), device);
      QamaOptions options = options_of(form, 1, device);
      QamaOperator attention(options);
      // One sample fully masked, the other with all tokens equal.
      const int H = 2, N = 3, d = 4;
      const std::vector<float> same(static_cast<std::size_t>(2 * H * N * d), 0.5F);
      const std::vector<float> u(4, 1.0F);
      const std::vector<std::uint8_t> removed = {1, 1, 1, 0, 0, 0};
      const auto f =
          attention.forward<float>({2, H, N, d}, view(same), view(same), view(same), view(u), removed);
      for (std::size_t i = 0; i < f.output.size(); ++i) {
        REQUIRE(std::isfinite(f.output[i]));
        if (i < f.output.size() / 2) CHECK(f.output[i] == 0);
      }
      CHECK(f.energy[0] == 0);
      // A single token: N = 1, H = 1, no couplings at all.
      const std::vector<float> one = {1, -1, 2, 0.5F};
      const auto single = attention.forward<float>({1, 1, 1, 4}, view(one), view(one), view(one), view(u));
      for (const float value : single.output) CHECK(std::isfinite(value));
      if (form == QamaForm::v2) {
        CHECK(single.x[0] == 1);  // h = 0.625 > 0, so selecting it lowers the energy
        CHECK(single.energy[0] == Approx(-0.16 * 0.625));
        CHECK(single.output[2] == Approx(-0.625));
      }
    }
  }
}

TEST_CASE("attention refuses bad input in one line") {
  QamaOperator attention(options_of(QamaForm::v2));
  const QamaCase c = random_case(1, 2, 3, 4, false, 56);
  const auto run = [&](const QamaShape& shape, const std::vector<float>& Q, const std::vector<float>& u,
                       const std::vector<std::uint8_t>& removed) {
    return attention.forward<float>(shape, view(Q), view(c.K), view(c.V), view(u), removed);
  };
  CHECK_THROWS_WITH(run({1, 0, 3, 4}, c.Q, c.u, {}), Contains("heads = 0"));
  CHECK_THROWS_WITH(run({1, 2, 3, 5}, c.Q, c.u, {}), Contains("Q has 24 values, expected B·H·N·d = 30"));
  CHECK_THROWS_WITH(run({1, 2, 3, 4}, c.Q, c.Q, {}), Contains("u has 24 values, expected d = 4"));
  CHECK_THROWS_WITH(run({1, 2, 3, 4}, c.Q, c.u, {1, 0}), Contains("the mask has 2 values, expected B·N = 3"));
  const auto masked = [&](const std::vector<float>& pairs) {
    return attention.forward<float>({1, 2, 3, 4}, view(c.Q), view(c.K), view(c.V), view(c.u), {},
                                    view(pairs));
  };
  CHECK_THROWS_WITH(masked(std::vector<float>(5)),
                    Contains("attn_mask has 5 values, expected N·N = 9 or B·H·N·N = 18"));
  std::vector<float> pairs(9);
  pairs[4] = INFINITY;
  CHECK_THROWS_WITH(masked(pairs), Contains("attn_mask holds inf at place 4"));
  std::vector<float> bad = c.Q;
  bad[17] = INFINITY;
  CHECK_THROWS_WITH(run({1, 2, 3, 4}, bad, c.u, {}), Contains("Q holds inf at place 17"));
  QamaOptions nowhere = options_of(QamaForm::v2);
  nowhere.device = "abacus:";
  CHECK_THROWS_WITH(QamaOperator(nowhere), Contains("unknown scheme"));

  // 100 usable pulses, and the machine needs an ancilla for the linear term.
  QamaOperator small(options_of(QamaForm::v2, 1, "exact:"));
  const QamaCase big = random_case(1, 4, 7, 4, false, 57);
  CHECK_THROWS_WITH(small.forward<float>({1, 4, 7, 4}, view(big.Q), view(big.K), view(big.V), view(big.u)),
                    Contains("has 24 spins, 28 are needed") && Contains("6 tokens with 4 heads") &&
                        Contains("3 heads with 7 tokens"));
}
