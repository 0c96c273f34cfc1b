#include "driver/bifurcation.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/random.h"
#include "hamiltonian/generators.h"

using namespace opoloop;

namespace {

/// The equations of driver/bifurcation.h, written out for one trajectory in double.
struct Plain {
  std::vector<double> x, y;
  double best = INFINITY;
  std::int64_t best_step = 0;
  std::vector<std::int8_t> best_spins, spins;
};

Plain integrate(const IsingModel& model, const BifurcationParameters& p, std::uint64_t seed,
                std::uint32_t trajectory) {
  const auto n = static_cast<std::size_t>(model.size());
  Plain s;
  RandomSequence random(seed, Stream::bifurcation, trajectory);
  for (std::size_t i = 0; i < n; ++i) {
    s.x.push_back(p.start * (2 * random.uniform() - 1));
    s.y.push_back(p.start * (2 * random.uniform() - 1));
  }
  const auto look = [&](std::int64_t step) {
    s.spins.clear();
    for (const double x : s.x) s.spins.push_back(x < 0 ? -1 : 1);
    const double energy = model.energy(s.spins);
    if (energy >= s.best - 1e-9) return;
    s.best = energy;
    s.best_step = step;
    s.best_spins = s.spins;
  };
  const bool discrete = p.kind == BifurcationKind::discrete;
  if (discrete) look(0);  // dSB knows the energy of its starting state
  for (std::int64_t k = 0; k < p.steps; ++k) {
    std::vector<double> force(n, 0.0);
    double mean = 0;
    for (const double x : s.x) mean += std::abs(x) / static_cast<double>(n);
    const auto drive = [&](std::size_t i) { return discrete ? (s.x[i] < 0 ? -1.0 : 1.0) : s.x[i]; };
    for (const IsingEdge& e : model.edges()) {
      force[static_cast<std::size_t>(e.i)] += e.J * drive(static_cast<std::size_t>(e.j));
      force[static_cast<std::size_t>(e.j)] += e.J * drive(static_cast<std::size_t>(e.i));
    }
    const double a = p.a0 * static_cast<double>(k) / static_cast<double>(p.steps);
    for (std::size_t i = 0; i < n; ++i) {
      s.y[i] +=
          p.dt * (-(p.a0 - a) * s.x[i] + p.c0 * (force[i] + model.field()[i] * (discrete ? 1.0 : mean)));
      s.x[i] += p.dt * p.a0 * s.y[i];
      if (std::abs(s.x[i]) > 1) {
        s.x[i] = s.x[i] > 0 ? 1 : -1;
        s.y[i] = 0;
      }
    }
    look(k + 1);
  }
  return s;
}

}  // namespace

TEST_CASE("simulated bifurcation follows its equations step by step") {
  // 30 steps: rounding in float32 has not yet grown into another sign.
  const Problem sk = sherrington_kirkpatrick(30, CouplingKind::gaussian, false, 8);
  std::vector<double> h(30);
  RandomSequence random(5, Stream::generator);
  for (double& value : h) value = 3 * random.normal();
  for (const bool field : {false, true}) {
    const IsingModel model(30, sk.ising.edges(), field ? h : std::vector<double>{}, 0.5);
    const auto coupling = make_coupling(model);
    for (const auto kind : {BifurcationKind::ballistic, BifurcationKind::discrete}) {
      BifurcationParameters p;
      p.kind = kind;
      p.dt = 0.7;
      p.steps = 30;
      p.c0 = bifurcation_c0(model);
      BifurcationOptions options;
      options.seed = 12;
      options.first_trajectory = 100;
      options.trajectories = 35;
      const std::vector<BifurcationRun> runs = run_bifurcation(model, *coupling, p, options);
      REQUIRE(runs.size() == 35);
      for (std::uint32_t t = 0; t < 35; ++t) {
        const Plain plain = integrate(model, p, 12, 100 + t);
        CHECK(runs[t].spins_final == plain.spins);
        CHECK(runs[t].energy_best == Approx(plain.best));
        CHECK(runs[t].spins_best == plain.best_spins);
        CHECK(runs[t].round_best == plain.best_step);
      }
    }
  }
}

TEST_CASE("the strength of the couplings is the paper's") {
  const Problem sk = sherrington_kirkpatrick(50, CouplingKind::plus_minus_one, false, 1);
  CHECK(bifurcation_c0(sk.ising) == Approx(0.5 / std::sqrt(50.0)));
  // A field counts as one more spin.
  const IsingModel model(2, {{0, 1, 2.0}}, {3.0, 0.0});
  CHECK(bifurcation_c0(model) == Approx(0.5 * std::sqrt(2.0) / std::sqrt(2 * (4.0 + 9.0))));
}

TEST_CASE("how often the energy is looked at changes no trajectory") {
  const Problem problem = sherrington_kirkpatrick(40, CouplingKind::plus_minus_one, false, 2);
  const auto coupling = make_coupling(problem.ising);
  BifurcationParameters p;
  p.kind = BifurcationKind::ballistic;
  p.c0 = bifurcation_c0(problem.ising);
  p.steps = 95;
  const auto often = run_bifurcation(problem.ising, *coupling, p, {});
  p.energy_every = 10;
  const auto seldom = run_bifurcation(problem.ising, *coupling, p, {});
  for (std::size_t k = 0; k < often.size(); ++k) {
    CHECK(often[k].spins_final == seldom[k].spins_final);
    CHECK(often[k].energy_best <= seldom[k].energy_best);
    CHECK((seldom[k].round_best % 10 == 0 || seldom[k].round_best == 95));
  }
}
