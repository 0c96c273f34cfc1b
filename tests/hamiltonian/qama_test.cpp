#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/random.h"
#include "hamiltonian/qama/qama_coupling.h"
#include "hamiltonian/qama/qama_decoder.h"
#include "hamiltonian/qama/qama_problem.h"
#include "hamiltonian/qama/qama_scores.h"
#include "tests/hamiltonian/qama_reference.h"

using namespace opoloop;
using namespace opoloop::testing;
using Catch::Matchers::Contains;
using kernels::AlignedArray;

namespace {

/// Largest |a − b| over the largest |b|.
template <class A>
double relative_error(const std::vector<A>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
    size = std::max(size, std::abs(b[i]));
  }
  return size > 0 ? worst / size : worst;
}

struct Scores {
  std::vector<float> J, h;
};

Scores scores_of(const QamaSpec& spec, const QamaCase& c) {
  const QamaShape shape{c.B, c.H, c.N, c.d};
  Scores s{std::vector<float>(shape.scores()), std::vector<float>(shape.rows())};
  const QamaInput<float> input{shape,      1 / std::sqrt(c.d), c.Q.data(), c.K.data(),
                               c.V.data(), c.u.data(),         c.removed,  c.pairs};
  qama_scores<float>(spec, input, s.J.data(), s.h.data(), 2);
  return s;
}

QamaProblem problem_of(const QamaSpec& spec, const QamaCase& c, const Scores& s, int sample) {
  const auto pairs = static_cast<std::size_t>(c.H * c.N * c.N);
  const auto rows = static_cast<std::size_t>(c.H * c.N);
  const auto b = static_cast<std::size_t>(sample);
  std::span<const std::uint8_t> removed;
  if (!c.removed.empty()) {
    removed = std::span(c.removed).subspan(b * static_cast<std::size_t>(c.N), static_cast<std::size_t>(c.N));
  }
  return {spec,   c.H, c.N, std::span(s.J).subspan(b * pairs, pairs), std::span(s.h).subspan(b * rows, rows),
          removed};
}

std::vector<std::int8_t> random_spins(int n, RandomSequence& random) {
  std::vector<std::int8_t> spins;
  for (int i = 0; i < n; ++i) spins.push_back(random.below(2) == 0 ? -1 : 1);
  return spins;
}

QamaSpec full_spec(QamaForm form, int bits) {
  QamaSpec spec = QamaSpec::published(form);
  spec.bits = bits;
  spec.sparsity = 0.7;
  spec.sparsity_target = 0.3;
  spec.long_range = 0.4;
  return spec;
}

}  // namespace

TEST_CASE("QAMA scores equal the plain formulas") {
  for (const int H : {1, 8}) {
    for (const int N : {1, 4, 49, 197}) {
      for (const bool masked : {false, true}) {
        const QamaCase c = random_case(N < 100 ? 2 : 1, H, N, 16, masked, 3);
        const Scores s = scores_of({}, c);
        CAPTURE(H, N, masked);
        CHECK(relative_error(s.J, reference_J(c, 0.25)) < 1e-5);
        CHECK(relative_error(s.h, reference_h(c)) < 1e-5);
        if (N == 1) continue;
        const Scores v1 = scores_of(QamaSpec::published(QamaForm::v1), c);
        CHECK(relative_error(v1.J, reference_J_v1(c)) < 1e-5);
        CHECK(relative_error(v1.h, reference_h_v1(c)) < 1e-5);
      }
    }
  }
}

TEST_CASE("QAMA pair masks add to scores and remove pairs") {
  for (const bool finite : {false, true}) {
    QamaCase c = random_case(2, 3, 9, 8, true, 6);
    mask_pairs(c, finite);
    const Scores s = scores_of({}, c);
    CHECK(relative_error(s.J, reference_J(c, 1 / std::sqrt(8.0))) < 1e-5);
    // Half of what one direction asks for stays, and query 2 sees and lends nothing upwards.
    CHECK(s.J[1] == s.J[9]);
    CHECK(s.J[2] == 0);
    const QamaSpec v1 = QamaSpec::published(QamaForm::v1);
    if (finite) {
      CHECK_THROWS_WITH(scores_of(v1, c), Catch::Matchers::Contains("only 0 and -inf"));
    } else {
      CHECK(relative_error(scores_of(v1, c).J, reference_J_v1(c)) < 1e-5);
    }
  }
}

TEST_CASE("QAMA scores in double are those in float") {
  const QamaCase c = random_case(2, 3, 11, 5, false, 4);
  const auto wide = [](const std::vector<float>& v) { return std::vector<double>(v.begin(), v.end()); };
  const QamaShape shape{c.B, c.H, c.N, c.d};
  std::vector<double> J(shape.scores()), h(shape.rows());
  const auto Q = wide(c.Q), K = wide(c.K), V = wide(c.V), u = wide(c.u);
  qama_scores<double>({}, {shape, 0.3, Q.data(), K.data(), V.data(), u.data(), {}, {}}, J.data(), h.data(),
                      1);
  CHECK(relative_error(J, reference_J(c, 0.3)) < 1e-14);
  CHECK(relative_error(h, reference_h(c)) < 1e-14);
}

TEST_CASE("QAMA energies equal the plain formula in QUBO and in Ising form") {
  RandomSequence random(8, Stream::generator);
  for (const QamaForm form : {QamaForm::v2, QamaForm::v1, QamaForm::gated}) {
    for (const int H : {1, 2, 8}) {
      for (const int N : {1, 4, 49}) {
        for (const bool masked : {false, true}) {
          for (const int bits : {1, 3}) {
            const QamaSpec spec = N == 49 ? QamaSpec::published(form) : full_spec(form, bits);
            const QamaCase c = random_case(1, H, N, 8, masked, 9);
            const Scores s = scores_of(spec, c);
            const QamaProblem problem = problem_of(spec, c, s, 0);
            const int n = problem.live();
            const std::vector<double> J(s.J.begin(), s.J.end()), h(s.h.begin(), s.h.end());
            const double P = H == 1 ? 0.0
                             : form == QamaForm::v1
                                 ? spec.c_m / (H * (H - 1.0))
                                 : spec.c_m / 2 * std::sqrt(2 / std::numbers::pi) * n / (H - 1.0);
            const ReferenceEnergy reference{spec.c_q,
                                            form == QamaForm::v1 ? spec.c_l : spec.c_l * n,
                                            P,
                                            spec.sparsity,
                                            spec.sparsity_target,
                                            spec.long_range,
                                            H,
                                            N,
                                            spec.bits,
                                            n,
                                            J.data(),
                                            h.data()};
            const IsingModel dense = problem.to_dense();
            double scale = 0;
            for (int k = 0; k < 5; ++k)
              scale = std::max(scale, std::abs(dense.energy(random_spins(problem.spins(), random))));
            for (int k = 0; k < 5; ++k) {
              const auto spins = random_spins(problem.spins(), random);
              const QamaSelection selection = decode_selection(problem, spins);
              const double want = reference(selection.x);
              CAPTURE(name_of(form), H, N, masked, spec.bits);
              CHECK(std::abs(problem.energy(spins) - want) < 1e-6 * scale);
              CHECK(std::abs(dense.energy(spins) - problem.energy(spins)) < 1e-10 * scale);
              CHECK(encode_selection(problem, selection.x) == spins);
            }
          }
        }
      }
    }
  }
}

TEST_CASE("QAMA energies in QUBO form survive the change of form") {
  const QamaSpec spec = full_spec(QamaForm::v2, 2);
  const QamaCase c = random_case(1, 2, 3, 4, false, 12);
  const QamaProblem problem = problem_of(spec, c, scores_of(spec, c), 0);
  const QuboModel qubo = problem.to_qubo();
  for (int state = 0; state < 1 << problem.spins(); ++state) {
    std::vector<std::int8_t> x;
    for (int i = 0; i < problem.spins(); ++i) x.push_back(static_cast<std::int8_t>(state >> i & 1));
    REQUIRE(std::abs(qubo.energy(x) - problem.qubo_energy(x)) < 1e-12 * 100);
  }
}

TEST_CASE("QAMA coupling equals the dense matrix to rounding") {
  RandomSequence random(21, Stream::generator);
  for (const int bits : {1, 3}) {
    for (const int H : {1, 8}) {
      for (const int N : {1, 4, 49, 197}) {
        if (bits == 3 && N == 197) continue;
        const QamaSpec spec = full_spec(QamaForm::v2, bits);
        const QamaCase c = random_case(1, H, N, 8, N == 49, 22);
        const QamaProblem problem = problem_of(spec, c, scores_of(spec, c), 0);
        const QamaCoupling structured(problem);
        const IsingModel model = problem.to_dense();
        const auto dense = make_coupling(model, CouplingStorage::dense_f32);
        const int n = structured.size();
        REQUIRE(n == dense->size());
        constexpr int kTiles = 2;
        const auto size = static_cast<std::size_t>(n) * 16 * kTiles;
        AlignedArray<float> x(size), got(size), want(size);
        for (std::size_t i = 0; i < size; ++i) x[i] = static_cast<float>(random.normal());
        structured.apply(x.data(), got.data(), kTiles);
        dense->apply(x.data(), want.data(), kTiles);
        double worst = 0, scale = 0;
        for (std::size_t i = 0; i < size; ++i) {
          worst = std::max(worst, static_cast<double>(std::abs(got[i] - want[i])));
          scale = std::max(scale, static_cast<double>(std::abs(want[i])));
        }
        CAPTURE(bits, H, N);
        CHECK(worst <= 2e-6 * scale + 1e-30);

        double e_got[16 * kTiles], e_want[16 * kTiles];
        structured.energies(x.data(), e_got, kTiles);
        dense->energies(x.data(), e_want, kTiles);
        double magnitude = 0;
        for (const IsingEdge& e : model.edges()) magnitude += std::abs(e.J);
        for (int lane = 0; lane < 16 * kTiles; ++lane) {
          CHECK(std::abs(e_got[lane] - e_want[lane]) <= 1e-6 * magnitude);
        }

        std::vector<float> one(static_cast<std::size_t>(n)), field(one.size());
        for (float& value : one) value = static_cast<float>(random.normal());
        AlignedArray<float> one_x(one.size() + 16), one_want(one.size() + 16), one_got(one.size() + 16);
        std::copy(one.begin(), one.end(), one_x.data());
        double single_got = 0, single_want = 0;
        structured.apply_one(one_x.data(), one_got.data(), &single_got);
        dense->apply_one(one_x.data(), one_want.data(), &single_want);
        for (std::size_t i = 0; i < one.size(); ++i) {
          CHECK(static_cast<double>(std::abs(one_got[i] - one_want[i])) <= 2e-6 * scale);
        }
        CHECK(std::abs(single_got - single_want) <= 1e-6 * magnitude);
      }
    }
  }
}

TEST_CASE("A QAMA batch of different problems is each of them") {
  const QamaCase c = random_case(5, 2, 6, 4, true, 31);
  QamaCase masked = c;
  for (int i = 0; i < c.N; ++i) masked.removed[static_cast<std::size_t>(2 * c.N + i)] = 1;
  const Scores s = scores_of({}, masked);
  std::vector<QamaProblem> problems;
  for (int b = 0; b < c.B; ++b) problems.push_back(problem_of({}, masked, s, b));
  const QamaBatch batch(problems);
  CHECK(batch.coupling(2) == nullptr);
  RandomSequence random(32, Stream::generator);
  AlignedArray<float> x(batch.state_size()), one(batch.state_size()), two(batch.state_size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(random.normal());
  batch.apply(x.data(), one.data(), 1);
  batch.apply(x.data(), two.data(), 2);
  for (std::size_t i = 0; i < x.size(); ++i) REQUIRE(one[i] == two[i]);
  for (std::size_t b = 0; b < 5; ++b) {
    if (b == 2) continue;
    const auto n = static_cast<std::size_t>(problems[b].spins());
    AlignedArray<float> alone(n * 16);
    QamaCoupling(problems[b]).apply(x.data() + batch.start(b), alone.data(), 1);
    for (std::size_t i = 0; i < n * 16; ++i) REQUIRE(alone[i] == one[batch.start(b) + i]);
  }
}

TEST_CASE("Padding a QAMA problem does not change it") {
  const QamaCase c = random_case(1, 3, 5, 4, false, 41);
  const Scores s = scores_of({}, c);
  const QamaProblem plain = problem_of({}, c, s, 0);
  // Three tokens of nonsense behind, masked.
  const int wide = c.N + 3;
  std::vector<float> J(static_cast<std::size_t>(c.H * wide * wide), 7.0F),
      h(static_cast<std::size_t>(c.H * wide), -3.0F);
  for (int t = 0; t < c.H; ++t) {
    for (int i = 0; i < c.N; ++i) {
      h[static_cast<std::size_t>(t * wide + i)] = s.h[static_cast<std::size_t>(t * c.N + i)];
      for (int j = 0; j < c.N; ++j) {
        J[static_cast<std::size_t>((t * wide + i) * wide + j)] =
            s.J[static_cast<std::size_t>((t * c.N + i) * c.N + j)];
      }
    }
  }
  const QamaProblem padded({}, c.H, wide, J, h, std::vector<std::uint8_t>{0, 0, 0, 0, 0, 1, 1, 1});
  REQUIRE(padded.spins() == plain.spins());
  RandomSequence random(42, Stream::generator);
  const auto spins = random_spins(plain.spins(), random);
  CHECK(padded.energy(spins) == plain.energy(spins));
  const QamaSelection selection = decode_selection(padded, spins);
  for (int t = 0; t < c.H; ++t) {
    for (int i = c.N; i < wide; ++i) CHECK(selection.x[static_cast<std::size_t>(t * wide + i)] == 0);
  }
}

TEST_CASE("Degenerate QAMA problems are defined") {
  const std::vector<float> none;
  const QamaProblem masked({}, 2, 2, std::vector<float>(8, 1.0F), std::vector<float>(4, 1.0F),
                           std::vector<std::uint8_t>{1, 1});
  CHECK(masked.spins() == 0);
  CHECK(masked.qubo_energy({}) == 0);
  CHECK(decode_selection(masked, {}).x == std::vector<std::int8_t>(4, 0));
  CHECK_THROWS_WITH(masked.to_dense(), Contains("every token is masked"));

  const QamaProblem one({}, 1, 1, std::vector<float>{0.0F}, std::vector<float>{2.0F});
  CHECK(one.head_penalty() == 0);
  CHECK(one.energy(std::vector<std::int8_t>{1}) == Approx(-0.16 * 2).epsilon(1e-12));
  CHECK(one.energy(std::vector<std::int8_t>{-1}) == 0);
}

TEST_CASE("Bad QAMA input is refused in one line") {
  const std::vector<float> J(18, 0.0F), h(6, 0.0F);
  CHECK_THROWS_WITH(QamaProblem({}, 0, 3, {}, {}), Contains("heads = 0") && Contains("at least 1"));
  CHECK_THROWS_WITH(QamaProblem({}, 2, 3, h, h),
                    Contains("J has 6 values, expected 18 (H × N × N = 2 × 3 × 3)"));
  CHECK_THROWS_WITH(QamaProblem({}, 2, 3, J, J), Contains("h has 18 values, expected 6"));
  CHECK_THROWS_WITH(QamaProblem({}, 2, 3, J, h, std::vector<std::uint8_t>(2)),
                    Contains("the mask has 2 values, expected 3"));
  std::vector<float> bad = J;
  bad[4] = std::nanf("");
  CHECK_THROWS_WITH(QamaProblem({}, 2, 3, bad, h), Contains("J holds nan at place 4"));
  QamaSpec spec;
  spec.bits = 0;
  CHECK_THROWS_WITH(QamaProblem(spec, 2, 3, J, h), Contains("bits = 0"));
  CHECK_THROWS_WITH(parse_qama_form("v3"), Contains("expected v2, v1 or gated"));
  CHECK_THROWS_AS(QamaProblem({}, 2, 3, J, h).energy(std::vector<std::int8_t>(5, 1)), InputError);
}
