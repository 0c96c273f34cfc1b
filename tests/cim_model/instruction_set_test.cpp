// Every instruction set the kernels are compiled for, on the machine at hand.

#include <hwy/targets.h>

#include <catch2/catch.hpp>
#include <string>

#include "cim_model/engine.h"
#include "cim_model/kernels/noise_kernels.h"
#include "cim_model/kernels/step_kernels.h"
#include "core/random.h"
#include "hamiltonian/kernels/matrix_kernels.h"

using namespace opoloop;

namespace {

/// Makes the kernels use one instruction set for a while.
class ForcedTarget {
 public:
  explicit ForcedTarget(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  ~ForcedTarget() {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  ForcedTarget(const ForcedTarget&) = delete;
  ForcedTarget& operator=(const ForcedTarget&) = delete;
};

IsingModel problem_of(int n, bool integers, double density) {
  RandomSequence random(77, Stream::generator);
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) {
      if (random.uniform() >= density) continue;
      edges.push_back({i, j, integers ? static_cast<double>(random.below(255)) - 127 : random.normal()});
    }
  }
  std::vector<double> h;
  for (int i = 0; i < n; ++i) h.push_back(random.normal());
  return {n, std::move(edges), std::move(h)};
}

std::vector<TrajectoryResult> run(const IsingModel& problem, const LoopParameters& p, int trajectories) {
  const auto coupling = make_coupling(problem);
  EngineOptions options;
  options.trajectories = trajectories;
  options.seed = 5;
  return Engine(problem, *coupling, p).run(options);
}

}  // namespace

TEST_CASE("all instruction sets with fused multiply-add give the same bits") {
  const auto supported = static_cast<std::int64_t>(hwy::SupportedTargets());
  std::vector<std::int64_t> targets;
  for (const std::int64_t target : {HWY_AVX2, HWY_AVX3, HWY_AVX3_DL}) {
    if (supported & target) targets.push_back(target);
  }
  if (targets.size() < 2) {
    WARN("fewer than two of AVX2, AVX-512 and AVX-512 DL on this machine: nothing to compare");
    return;
  }
  const auto model = GENERATE(ModelKind::mean_field, ModelKind::truncated_wigner, ModelKind::gaussian);
  const auto law = GENERATE(LawKind::cfc, LawKind::sfc, LawKind::cac_best);
  const bool integers = GENERATE(true, false);
  const double density = GENERATE(0.08, 1.0);
  LoopParameters p;
  p.model = model;
  p.law = law;
  p.rounds = 60;
  p.dt = 0.1;
  p.amplitude_clamp = 1.5;
  p.error_max = 8;
  p.pump = model == ModelKind::gaussian ? 2.2 : 1.1;
  p.g2 = 0.01;
  p.start_sd = 0.1;
  const IsingModel problem = problem_of(53, integers, density);
  for (const int trajectories : {1, 20}) {
    std::vector<TrajectoryResult> base;
    for (const std::int64_t target : targets) {
      const ForcedTarget forced(target);
      CAPTURE(kernels::instruction_set(), name_of(model), name_of(law), integers, density, trajectories);
      auto results = run(problem, p, trajectories);
      if (base.empty())
        base = std::move(results);
      else
        for (std::size_t i = 0; i < base.size(); ++i) {
          REQUIRE(results[i].energy_best == base[i].energy_best);
          REQUIRE(results[i].round_best == base[i].round_best);
          REQUIRE(results[i].spins_final == base[i].spins_final);
        }
    }
  }
}

TEST_CASE("the baseline instruction set computes the same products and energies to rounding") {
#if HWY_ARCH_X86
  const int n = 53;
  const IsingModel problem = problem_of(n, true, 1.0);
  RandomSequence random(3, Stream::start_amplitude);
  kernels::AlignedArray<float> x(n * 32), fast(n * 32), slow(n * 32);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(random.normal());
  std::vector<double> fast_energy(32), slow_energy(32);
  for (const CouplingStorage storage :
       {CouplingStorage::dense_f32, CouplingStorage::dense_i8, CouplingStorage::sparse}) {
    const auto coupling = make_coupling(problem, storage);
    coupling->apply(x.data(), fast.data(), 2);
    coupling->energies(x.data(), fast_energy.data(), 2);
    {
      const ForcedTarget forced(HWY_SSSE3);
      CHECK(std::string(kernels::instruction_set()) == "SSSE3");
      coupling->apply(x.data(), slow.data(), 2);
      coupling->energies(x.data(), slow_energy.data(), 2);
    }
    CHECK(slow_energy == fast_energy);
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      worst = std::max(worst, std::abs(static_cast<double>(fast[i]) - static_cast<double>(slow[i])));
    }
    // 53 products of up to 127 · 4, each rounded once more than with fused multiply-add.
    CHECK(worst < 53 * 0x1p-24 * 53 * 127 * 4);
  }
  const int slots = 21;
  kernels::AlignedArray<float> a(slots * 16), b(slots * 16);
  kernels::fill_normals(9, Stream::pulse_noise, 5, 6, slots, a.data());
  {
    const ForcedTarget forced(HWY_SSSE3);
    kernels::fill_normals(9, Stream::pulse_noise, 5, 6, slots, b.data());
  }
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  CHECK(worst < 1e-5);
#endif
}
