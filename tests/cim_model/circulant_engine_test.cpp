// A run whose couplings go through the Fourier transform is the run with the direct product, up to rounding.

#include <catch2/catch.hpp>
#include <cmath>

#include "cim_model/engine.h"
#include "core/random.h"
#include "hamiltonian/brute_force.h"

using namespace opoloop;

namespace {

/// J_ij = ±1 by the distance of i and j around the ring.
IsingModel circulant_signs(int n, std::uint64_t seed) {
  RandomSequence random(seed, Stream::generator);
  std::vector<double> row(static_cast<std::size_t>(n));
  for (double& J : row) J = random.below(2) == 0 ? -1 : 1;
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j)
      edges.push_back({i, j, row[static_cast<std::size_t>(std::min(j - i, n - j + i))]});
  }
  return {n, std::move(edges)};
}

std::vector<TrajectoryResult> runs(const IsingModel& problem, CouplingStorage storage, int count,
                                   int first = 0) {
  LoopParameters p;
  p.law = LawKind::linear;
  p.pump = Schedule::ramp(-0.5, 1.2, 0.9);
  p.dt = 0.1;
  p.rounds = 400;
  p.amplitude_clamp = 1.5;
  const auto coupling = make_coupling(problem, storage);
  EngineOptions options;
  options.seed = 9;
  options.trajectories = count;
  options.first_trajectory = static_cast<std::uint32_t>(first);
  return Engine(problem, *coupling, p).run(options);
}

}  // namespace

TEST_CASE("the engine finds the same energies with the Fourier product as with the direct one") {
  const IsingModel problem = circulant_signs(20, 4);
  const double ground = brute_force(problem, 1, 1).energy;
  const auto direct = runs(problem, CouplingStorage::dense_f32, 48);
  const auto circulant = runs(problem, CouplingStorage::circulant, 48);
  const auto toeplitz = runs(problem, CouplingStorage::toeplitz, 48);
  int same = 0, solved = 0;
  for (std::size_t t = 0; t < direct.size(); ++t) {
    // Energies are those of the spins to the last bit whatever multiplied J.
    CHECK(circulant[t].energy_best == problem.energy(circulant[t].spins_best));
    CHECK(toeplitz[t].energy_final == problem.energy(toeplitz[t].spins_final));
    same += direct[t].energy_final == circulant[t].energy_final;
    same += direct[t].energy_final == toeplitz[t].energy_final;
    solved += circulant[t].energy_best == ground;
  }
  // The linear law is gradient descent: a last-bit difference grows only where a trajectory passes a saddle,
  // and the chance to be within 2⁻²⁰ of the saddle's ridge is of that order. None of 96 is expected to part.
  CHECK(same == 96);
  CHECK(solved > 0);
}

TEST_CASE("Fourier products do not depend on how a batch is split") {
  const IsingModel problem = circulant_signs(30, 5);
  const auto all = runs(problem, CouplingStorage::circulant, 40);
  for (const int first : {0, 17, 39}) {
    for (const int count : {1, 2, 20}) {
      const auto part = runs(problem, CouplingStorage::circulant, std::min(count, 40 - first), first);
      for (std::size_t i = 0; i < part.size(); ++i) {
        const auto at = static_cast<std::size_t>(first) + i;
        CHECK(part[i].energy_best == all[at].energy_best);
        CHECK(part[i].spins_final == all[at].spins_final);
      }
    }
  }
}
