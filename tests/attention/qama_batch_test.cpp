#include "attention/qama_batch.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "tests/attention/qama_samples.h"
#include "tests/driver/failing_device.h"

using namespace opoloop;
using namespace opoloop::testing;
using Catch::Matchers::Contains;

namespace {

QamaBatch batch_of(const Members& members, int bits = 1) {
  QamaOptions options;
  options.spec.bits = bits;
  return {parse_qama_file(archive_of(members), "in.npz"), options};
}

/// The reference Hamiltonian of one sample, from Q, K, V, u in double.
struct OneSample {
  std::vector<double> J, h;
  ReferenceEnergy energy;

  OneSample(const QamaCase& c, int b, int q) {
    const auto all_J = reference_J(c, 1 / std::sqrt(c.d));
    const auto all_h = reference_h(c);
    J.assign(all_J.begin() + b * c.H * c.N * c.N, all_J.begin() + (b + 1) * c.H * c.N * c.N);
    h.assign(all_h.begin() + b * c.H * c.N, all_h.begin() + (b + 1) * c.H * c.N);
    int live = c.N;
    for (int i = 0; i < c.N && !c.removed.empty(); ++i)
      live -= c.removed[static_cast<std::size_t>(b * c.N + i)];
    const double pi = 3.14159265358979;
    const double penalty = c.H > 1 ? 0.8 / 2 * std::sqrt(2 / pi) * live / (c.H - 1) : 0;
    energy = {1, 0.16 * live, penalty, 0, 0, 0, c.H, c.N, q, live, J.data(), h.data()};
  }
  OneSample(const OneSample&) = delete;
  OneSample& operator=(const OneSample&) = delete;
};

/// Lowest energy over every selection of live tokens, straight from the formula.
double lowest(const QamaCase& c, int b, int q, const OneSample& sample) {
  std::vector<std::size_t> free;
  for (int t = 0; t < c.H; ++t) {
    for (int i = 0; i < c.N; ++i) {
      if (!c.removed.empty() && c.removed[static_cast<std::size_t>(b * c.N + i)] != 0) continue;
      for (int k = 0; k < q; ++k) free.push_back(static_cast<std::size_t>((t * c.N + i) * q + k));
    }
  }
  std::vector<std::int8_t> x(static_cast<std::size_t>(c.H * c.N * q), 0);
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t state = 0; state < std::size_t{1} << free.size(); ++state) {
    for (std::size_t k = 0; k < free.size(); ++k) x[free[k]] = static_cast<std::int8_t>(state >> k & 1U);
    best = std::min(best, sample.energy(x));
  }
  return best;
}

}  // namespace

TEST_CASE("an exact device finds the minimum of the published energy") {
  struct Case {
    int H, N, q;
    bool masked;
  };
  for (const Case& k : std::vector<Case>{{1, 6, 1, false}, {2, 5, 1, true}, {2, 3, 2, false}}) {
    const QamaCase c = random_case(3, k.H, k.N, 4, k.masked, 21);
    const QamaBatch batch = batch_of(members_of(c), k.q);
    const auto device = make_device("exact:");
    const QamaSolution solution = batch.solve(*device, {});
    REQUIRE(solution.failure.empty());
    CHECK(solution.done() == 3);
    const std::size_t size = solution.x.size() / 3;
    for (int b = 0; b < 3; ++b) {
      const OneSample sample(c, b, k.q);
      const auto at_b = static_cast<std::size_t>(b);
      const std::vector<std::int8_t> x(solution.x.begin() + static_cast<std::ptrdiff_t>(at_b * size),
                                       solution.x.begin() + static_cast<std::ptrdiff_t>((at_b + 1) * size));
      CAPTURE(k.H, k.N, k.q, b);
      CHECK(solution.energy[at_b] == Approx(lowest(c, b, k.q, sample)).epsilon(1e-5).margin(1e-6));
      CHECK(sample.energy(x) == Approx(solution.energy[at_b]).epsilon(1e-5).margin(1e-6));
    }
    // Output of v2: −(Σ_j J_ij a_i a_j + h_i a_i) u, heads one after the other.
    if (k.q != 1) continue;
    const auto J = reference_J(c, 0.5);
    const auto h = reference_h(c);
    for (int b = 0; b < c.B; ++b) {
      for (int t = 0; t < c.H; ++t) {
        for (int i = 0; i < c.N; ++i) {
          const int row = (b * c.H + t) * c.N + i;
          const auto a = [&](int j) {
            return static_cast<double>(solution.x[static_cast<std::size_t>((b * c.H + t) * c.N + j)]);
          };
          double e = -h[static_cast<std::size_t>(row)] * a(i);
          for (int j = 0; j < c.N; ++j) e -= J[static_cast<std::size_t>(row * c.N + j)] * a(i) * a(j);
          for (int d = 0; d < c.d; ++d) {
            const double got = at(solution.output, ((b * c.N + i) * c.H + t) * c.d + d);
            CHECK(got == Approx(e * at(c.u, d)).epsilon(1e-4).margin(1e-5));
          }
        }
      }
    }
  }
}

TEST_CASE("a layer's problems are those of its own Q, K and V") {
  const LayerSample sample;
  const QamaBatch batch = batch_of(sample.members());
  CHECK(batch.scale() == Approx(std::sqrt(2.0 / 6)));
  // LayerNorm and projections written down plainly.
  QamaCase c{sample.B, sample.H, sample.N, sample.d, {}, {}, {}, sample.u, {}};
  for (int part = 0; part < 3; ++part) {
    std::vector<float>& into = part == 0 ? c.Q : part == 1 ? c.K : c.V;
    for (int b = 0; b < c.B; ++b) {
      for (int t = 0; t < c.H; ++t) {
        for (int i = 0; i < c.N; ++i) {
          const int row = (b * c.N + i) * sample.model;
          double mean = 0, square = 0;
          for (int m = 0; m < sample.model; ++m) mean += at(sample.X, row + m) / sample.model;
          for (int m = 0; m < sample.model; ++m)
            square += std::pow(at(sample.X, row + m) - mean, 2) / sample.model;
          for (int k = 0; k < c.d; ++k) {
            double sum = 0;
            for (int m = 0; m < sample.model; ++m) {
              double x = (at(sample.X, row + m) - mean) / std::sqrt(square + 1e-5);
              if (part == 1) x = x * at(sample.gain, m) + at(sample.bias, m);
              sum += x * at(sample.W[part], (t * c.d + k) * sample.model + m);
            }
            into.push_back(static_cast<float>(sum));
          }
        }
      }
    }
  }
  const auto J = reference_J(c, std::sqrt(2.0 / 6));
  const auto h = reference_h(c);
  REQUIRE(batch.J().size() == J.size());
  REQUIRE(batch.h().size() == h.size());
  for (std::size_t k = 0; k < J.size(); ++k)
    CHECK(static_cast<double>(batch.J()[k]) == Approx(J[k]).epsilon(1e-4).margin(1e-4));
  for (std::size_t k = 0; k < h.size(); ++k)
    CHECK(static_cast<double>(batch.h()[k]) == Approx(h[k]).epsilon(1e-4).margin(1e-4));
}

TEST_CASE("what a failing device had answered stays, the rest is marked") {
  const QamaCase c = random_case(4, 1, 3, 4, false, 22);
  const QamaBatch batch = batch_of(members_of(c));
  test::FailingDevice device;
  const QamaSolution solution = batch.solve(device, {});
  CHECK(solution.answered == std::vector<std::uint8_t>{1, 1, 0, 0});
  CHECK(solution.done() == 2);
  CHECK_THAT(solution.failure, Contains("problem 2") && Contains("connection lost"));
  CHECK(solution.energy[1] == Approx(OneSample(c, 1, 1).energy({1, 1, 1})).epsilon(1e-5));
  CHECK(std::isnan(solution.energy[2]));
  CHECK(std::isfinite(solution.output[23]));  // the last number of problem 1
  CHECK(std::isnan(solution.output[24]));
  CHECK(solution.x == std::vector<std::int8_t>{1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("one problem alone, and problems that are not there") {
  const QamaCase c = random_case(3, 1, 4, 4, false, 23);
  const QamaBatch batch = batch_of(members_of(c));
  const auto device = make_device("exact:");
  const QamaSolution all = batch.solve(*device, {});
  const QamaSolution one = batch.solve(*device, {}, 2);
  CHECK(one.answered == std::vector<std::uint8_t>{0, 0, 1});
  CHECK(one.failure.empty());
  CHECK(one.energy[2] == all.energy[2]);
  CHECK(std::isnan(one.energy[0]));
  CHECK_THROWS_WITH(batch.solve(*device, {}, 3), Contains("no problem 3") && Contains("0 to 2"));
  CHECK_THROWS_WITH(batch.problem(-1), Contains("no problem -1"));

  Members members = members_of(c);
  members["mask"] = npy_of_bytes("|b1", {1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0}, {3, 4});
  const QamaBatch masked = batch_of(members);
  CHECK_THROWS_WITH(masked.problem(0), Contains("no spins"));
  const QamaSolution empty = masked.solve(*device, {});
  CHECK(empty.energy[0] == 0);
  CHECK(empty.done() == 3);
}
