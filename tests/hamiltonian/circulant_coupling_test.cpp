#include "hamiltonian/circulant_coupling.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <string>

#include "core/error.h"
#include "core/random.h"
#include "hamiltonian/kernels/matrix_kernels.h"

using namespace opoloop;

namespace {

/// J_ij = row[|i − j|], around a ring (the shorter way) or along a line.
IsingModel model_of(int n, bool around, bool integers, std::uint64_t seed) {
  RandomSequence random(seed, Stream::generator);
  std::vector<double> row(static_cast<std::size_t>(n), 0);
  for (double& J : row) J = integers ? static_cast<double>(random.below(7)) - 3 : random.normal();
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) {
      const int d = around ? std::min(j - i, n - j + i) : j - i;
      edges.push_back({i, j, row[static_cast<std::size_t>(d)]});
    }
  }
  return {n, std::move(edges)};
}

/// max|λ| of the circulant a storage multiplies by is at most Σ|c_d| over its row.
double largest_eigenvalue_bound(const IsingModel& model, bool around) {
  double sum = 0;
  for (const double J : model.couplings(0)) sum += std::abs(J);
  return around ? sum : 2 * sum;
}

kernels::AlignedArray<float> random_tiles(int n, int tiles) {
  RandomSequence random(5, Stream::start_amplitude);
  kernels::AlignedArray<float> x(static_cast<std::size_t>(n) * 16 * static_cast<std::size_t>(tiles));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(random.normal());
  x[0] = -0.0F;
  return x;
}

}  // namespace

TEST_CASE("circulant and Toeplitz products by Fourier transform are the direct ones to rounding") {
  const int n = GENERATE(1, 2, 3, 4, 16, 17, 60, 101, 128, 250);
  const bool around = GENERATE(true, false);
  const bool integers = GENERATE(true, false);
  CAPTURE(n, around, integers);
  const IsingModel model = model_of(n, around, integers, 11);
  const auto storage = around ? CouplingStorage::circulant : CouplingStorage::toeplitz;
  const auto fourier = make_coupling(model, storage);
  CHECK(fourier->storage() == (around ? "circulant-fft" : "toeplitz-fft"));
  CHECK(fourier->exact_energies() == (integers || model.edge_count() == 0));
  const int tiles = 3;
  const auto N = static_cast<std::size_t>(n);
  const auto x = random_tiles(n, tiles);
  kernels::AlignedArray<float> field(x.size());
  std::vector<double> energy(16 * tiles);
  fourier->apply(x.data(), field.data(), tiles);
  fourier->energies(x.data(), energy.data(), tiles);

  // A transform of length L is log2 L stages, each of which rounds every number by at most about 7 · 2⁻²⁴ of
  // the norm (Higham, Accuracy and Stability of Numerical Algorithms, theorem 24.2: √2·4 for the products and
  // 1 for the weights); the convolution is two of them and a product. Primes go by Rader's two transforms of
  // length L − 1 in place of one.
  const double stages = std::log2(std::max(2, transform_length(n, storage)));
  const double relative = (4 * 7 * stages + 4) * 0x1p-24;
  const double eigenvalue = largest_eigenvalue_bound(model, around);
  for (const std::size_t lane : {0U, 5U, 19U, 47U}) {
    const std::size_t base = lane / 16 * N * 16 + lane % 16;
    std::vector<double> sum(N, 0);
    std::vector<std::int8_t> spins(N);
    const auto value = [&](std::int32_t i) {
      return static_cast<double>(x[base + static_cast<std::size_t>(i) * 16]);
    };
    for (const IsingEdge& e : model.edges()) {
      sum[static_cast<std::size_t>(e.i)] += e.J * value(e.j);
      sum[static_cast<std::size_t>(e.j)] += e.J * value(e.i);
    }
    double error = 0, norm = 0;
    for (std::size_t i = 0; i < N; ++i) {
      const double x_i = value(static_cast<std::int32_t>(i));
      spins[i] = std::signbit(x_i) ? -1 : 1;
      error += std::pow(static_cast<double>(field[base + i * 16]) - sum[i], 2);
      norm += x_i * x_i;
    }
    CHECK(std::sqrt(error) <= relative * eigenvalue * std::sqrt(norm));
    const double exact = model.energy(spins);
    // Exact correlations: only the sum over N distances rounds.
    if (integers) CHECK(energy[lane] == exact);
    CHECK(std::abs(energy[lane] - exact) <= n * 0x1p-52 * n * eigenvalue);

    // The same bits alone, in one tile, and without an energy.
    kernels::AlignedArray<float> one(N + 16), one_field(N + 16), alone(N * 16);
    for (std::size_t i = 0; i < N; ++i) one[i] = x[base + i * 16];
    double one_energy = 0;
    fourier->apply_one(one.data(), one_field.data(), &one_energy);
    bool same = one_energy == energy[lane];
    for (std::size_t i = 0; i < N; ++i) same = same && one_field[i] == field[base + i * 16];
    CHECK(same);
    fourier->apply(x.data() + lane / 16 * N * 16, alone.data(), 1);
    CHECK(std::memcmp(alone.data(), field.data() + lane / 16 * N * 16, N * 16 * sizeof(float)) == 0);
  }
}

TEST_CASE("a matrix that is not circulant or Toeplitz is refused by the coupling that does not fit") {
  // An open chain is Toeplitz, not circulant; one wrong bond and it is neither.
  std::vector<IsingEdge> chain;
  for (int i = 0; i + 1 < 9; ++i) chain.push_back({i, i + 1, 1.0});
  CHECK_FALSE(toeplitz_mismatch(IsingModel(9, chain)));
  CHECK(circulant_mismatch(IsingModel(9, chain))->text() == "J_0,8 = 0 where J_0,1 = 1");
  CHECK_THROWS_AS(make_coupling(IsingModel(9, chain), CouplingStorage::circulant), InputError);
  chain[4].J = -1;
  CHECK_THROWS_WITH(make_coupling(IsingModel(9, chain), CouplingStorage::toeplitz),
                    "storage = toeplitz: the couplings are not Toeplitz: J_4,5 = -1 where J_0,1 = 1");
  // A missing and a surplus coupling count too.
  chain[4].J = 1;
  chain.push_back({2, 7, 0.5});
  CHECK(toeplitz_mismatch(IsingModel(9, chain))->j == 7);
  CHECK(make_coupling(model_of(12, true, true, 3), CouplingStorage::circulant)->size() == 12);
}

TEST_CASE("the Fourier product is chosen by counting: never for rings, only for large full circulants") {
  std::vector<IsingEdge> ring;
  for (int i = 0; i < 5000; ++i) ring.push_back({i, (i + 1) % 5000, 1.0});
  CHECK(make_coupling(IsingModel(5000, ring))->storage() == "sparse-csr");
  CHECK(make_coupling(model_of(100, true, true, 3))->storage() == "dense-i8");
  CHECK(make_coupling(model_of(1500, true, true, 3))->storage() == "circulant-fft");
  CHECK(make_coupling(model_of(2500, false, false, 3))->storage() == "toeplitz-fft");
  CHECK(transform_length(1000, CouplingStorage::circulant) == 1000);
  CHECK(transform_length(1009, CouplingStorage::toeplitz) == 2048);
}
