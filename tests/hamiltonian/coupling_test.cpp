#include "hamiltonian/coupling.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <string>

#include "core/error.h"
#include "core/random.h"
#include "hamiltonian/kernels/matrix_kernels.h"

using namespace opoloop;

namespace {

enum class Entries { signs, bytes, reals };

IsingModel random_model(int n, double density, Entries entries, std::uint64_t seed) {
  RandomSequence random(seed, Stream::generator);
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) {
      if (random.uniform() >= density) continue;
      double J = random.normal();
      if (entries == Entries::signs) J = J < 0 ? -1 : 1;
      if (entries == Entries::bytes) J = static_cast<double>(random.below(255)) - 127;
      edges.push_back({i, j, J});
    }
  }
  return {n, std::move(edges)};
}

/// A tile block with both signs, zeros of both signs and a range of magnitudes.
kernels::AlignedArray<float> random_tiles(int n, int tiles) {
  RandomSequence random(5, Stream::start_amplitude);
  kernels::AlignedArray<float> x(static_cast<std::size_t>(n) * 16 * static_cast<std::size_t>(tiles));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(random.normal());
  x[0] = -0.0F;
  x[1] = 0.0F;
  return x;
}

}  // namespace

TEST_CASE("every storage multiplies and weighs like the plain double sums") {
  const int n = GENERATE(1, 2, 3, 15, 16, 17, 33, 100, 259, 530);
  const auto entries = GENERATE(Entries::signs, Entries::bytes, Entries::reals);
  const double density = GENERATE(0.1, 1.0);
  const IsingModel model = random_model(n, density, entries, 17);
  const int tiles = 3;
  const auto x = random_tiles(n, tiles);
  const auto N = static_cast<std::size_t>(n);

  std::vector<CouplingStorage> storages = {CouplingStorage::dense_f32, CouplingStorage::sparse};
  if (entries != Entries::reals) storages.push_back(CouplingStorage::dense_i8);
  kernels::AlignedArray<float> first(x.size());
  std::vector<double> first_energy;
  for (const CouplingStorage storage : storages) {
    const auto coupling = make_coupling(model, storage);
    CAPTURE(n, density, static_cast<int>(entries), coupling->storage());
    kernels::AlignedArray<float> field(x.size());
    std::vector<double> energy(16 * tiles);
    coupling->apply(x.data(), field.data(), tiles);
    coupling->energies(x.data(), energy.data(), tiles);

    // Plain sums in double; the float result may differ by the rounding of n fused additions.
    const std::vector<IsingEdge> edges = model.edges();
    for (const int lane : {0, 5, 16 + 3, 47}) {
      const std::size_t tile = static_cast<std::size_t>(lane) / 16, l = static_cast<std::size_t>(lane) % 16;
      std::vector<double> sum(N, 0), magnitude(N, 0);
      std::vector<std::int8_t> spins(N);
      const auto value = [&](std::int32_t i) { return x[(tile * N + static_cast<std::size_t>(i)) * 16 + l]; };
      for (int i = 0; i < n; ++i) spins[static_cast<std::size_t>(i)] = std::signbit(value(i)) ? -1 : 1;
      for (const IsingEdge& e : edges) {
        const auto i = static_cast<std::size_t>(e.i), j = static_cast<std::size_t>(e.j);
        sum[i] += e.J * static_cast<double>(value(e.j));
        sum[j] += e.J * static_cast<double>(value(e.i));
        magnitude[i] += std::abs(e.J * static_cast<double>(value(e.j)));
        magnitude[j] += std::abs(e.J * static_cast<double>(value(e.i)));
      }
      bool close = true;
      for (std::size_t i = 0; i < N; ++i) {
        // n roundings of at most 2⁻²⁴ of a partial sum, and one for J as float.
        const double bound = (n + 2.0) * 0x1p-24 * magnitude[i] + 1e-30;
        close = close && std::abs(static_cast<double>(field[(tile * N + i) * 16 + l]) - sum[i]) <= bound;
      }
      CHECK(close);
      const double exact = model.energy(spins);
      if (entries == Entries::reals) {
        CHECK(std::abs(energy[static_cast<std::size_t>(lane)] - exact) <=
              1e-6 * std::sqrt(static_cast<double>(n)) * (std::abs(exact) + n));
      } else {
        CHECK(energy[static_cast<std::size_t>(lane)] == exact);
      }
    }

    // One bit pattern for all storages, and for one trajectory alone.
    if (first_energy.empty()) {
      first_energy = energy;
      std::memcpy(first.data(), field.data(), field.size() * sizeof(float));
    } else {
      CHECK(std::memcmp(first.data(), field.data(), field.size() * sizeof(float)) == 0);
      if (entries != Entries::reals) CHECK(energy == first_energy);
    }
    for (const std::size_t lane : {std::size_t{0}, std::size_t{21}}) {
      kernels::AlignedArray<float> one(N + 16), one_field(N + 16);
      for (std::size_t i = 0; i < N; ++i) one[i] = x[(lane / 16 * N + i) * 16 + lane % 16];
      double one_energy = 0;
      coupling->apply_one(one.data(), one_field.data(), &one_energy);
      bool same = true;
      for (std::size_t i = 0; i < N; ++i)
        same = same && one_field[i] == field[(lane / 16 * N + i) * 16 + lane % 16];
      CHECK(same);
      CHECK(one_energy == energy[lane]);
      kernels::AlignedArray<float> again(N + 16);
      coupling->apply_one(one.data(), again.data(), nullptr);
      CHECK(std::memcmp(again.data(), one_field.data(), N * sizeof(float)) == 0);
    }
    // A single tile gives the bits of three.
    kernels::AlignedArray<float> alone(N * 16);
    coupling->apply(x.data() + N * 32, alone.data(), 1);
    CHECK(std::memcmp(alone.data(), field.data() + N * 32, N * 16 * sizeof(float)) == 0);
  }
}

TEST_CASE("large 8-bit matrices widen on the way and keep the bits") {
  const int n = 1100;  // above the size that keeps a float copy
  const IsingModel model = random_model(n, 1.0, Entries::bytes, 3);
  const auto x = random_tiles(n, 2);
  const auto dense = make_coupling(model, CouplingStorage::dense_f32);
  const auto small = make_coupling(model, CouplingStorage::dense_i8);
  kernels::AlignedArray<float> a(x.size()), b(x.size());
  dense->apply(x.data(), a.data(), 2);
  small->apply(x.data(), b.data(), 2);
  CHECK(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
  kernels::AlignedArray<float> one(static_cast<std::size_t>(n) + 16), f(static_cast<std::size_t>(n) + 16),
      g(f.size());
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) one[i] = x[i * 16];
  double ea = 0, eb = 0;
  dense->apply_one(one.data(), f.data(), &ea);
  small->apply_one(one.data(), g.data(), &eb);
  CHECK(std::memcmp(f.data(), g.data(), f.size() * sizeof(float)) == 0);
  CHECK(ea == eb);
  std::vector<double> energy(32);
  small->energies(x.data(), energy.data(), 2);
  CHECK(energy[0] == eb);
}

TEST_CASE("storage is chosen by density and entries, and refuses what it cannot hold") {
  CHECK(make_coupling(random_model(100, 1.0, Entries::signs, 1))->storage() == "dense-i8");
  CHECK(make_coupling(random_model(100, 1.0, Entries::reals, 1))->storage() == "dense-f32");
  CHECK(make_coupling(random_model(100, 0.05, Entries::reals, 1))->storage() == "sparse-csr");
  CHECK_THROWS_AS(make_coupling(random_model(20, 1.0, Entries::reals, 1), CouplingStorage::dense_i8),
                  InputError);
  // 3 million spins: 36 TiB of floats.
  CHECK_THROWS_AS(make_coupling(IsingModel(3000000, {{0, 1, 1.0}}), CouplingStorage::dense_f32), InputError);
}
