#include "cim_model/laws/ahc.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "cim_model/presets.h"
#include "core/random.h"
#include "loop_helpers.h"

using namespace opoloop;

TEST_CASE("AHC: inj = e ξ field, then e ← e − β (x̃² − a) e dt, a = α + ξ ⟨σ Σ J σ⟩") {
  LoopParameters p;
  p.law = LawKind::ahc;
  p.dt = 0.1;
  p.rounds = 100;
  p.beta = 0.3;
  p.alpha = 0.4;
  AhcLaw law(p, 0.5);
  law.start(2);
  std::vector<double> injection(2);
  const std::vector<double> measured = {0.8, -1.2}, field = {0.6, 2.0};
  // Energy −3 with an offset of −1: the pairs have −2, so ⟨σ Σ J σ⟩ = 2 and a = 0.4 + 0.5 · 2 = 1.4.
  law.inject({0, measured, field, -3, -1}, injection);
  CHECK(injection[0] == Approx(0.3));
  CHECK(injection[1] == Approx(1.0));
  CHECK(law.error()[0] == Approx(1 - 0.3 * (0.64 - 1.4) * 0.1));
  CHECK(law.error()[1] == Approx(1 - 0.3 * (1.44 - 1.4) * 0.1));
  // A state of higher energy has the lower target.
  const double before = law.error()[0];
  law.inject({1, measured, field, 1, -1}, injection);
  CHECK(injection[0] == Approx(before * 0.5 * 0.6));
  CHECK(law.error()[0] == Approx(before * (1 - 0.3 * (0.64 + 0.6) * 0.1)));
}

TEST_CASE("AHC settles at x² = a = α + ξ ⟨σ Σ J σ⟩ and e_i = (1 − p + a) / (ξ σ_i Σ_j J_ij σ_j)") {
  // Unfrustrated, with unequal bonds; once with an offset, which must not count.
  const double offset = GENERATE(0.0, 3.0);
  const IsingModel problem(4, {{0, 1, 1}, {1, 2, -0.5}, {2, 3, 2}, {0, 3, -0.25}, {0, 2, -1}}, {}, offset);
  LoopParameters p;
  p.law = LawKind::ahc;
  p.dt = 0.05;
  p.rounds = 20000;
  p.pump = 0.4;
  p.alpha = 0.2;
  p.beta = 0.1;
  p.gain = 0.4;
  p.start_sd = 0.1;
  const double xi = coupling_strength(problem, p);
  const double a = 0.2 + xi * 2 * 4.75 / 4;  // all bonds satisfied: ΣJσσ = 9.5 over 4 pulses
  std::vector<double> x, e;
  const TrajectoryResult result = observe_loop(problem, p, 1, [&](const LoopObservation& o) {
    x.assign(o.model.amplitude().begin(), o.model.amplitude().end());
    e.assign(o.error.begin(), o.error.end());
  });
  CHECK(result.energy_final == -4.75 + offset);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(x[i] * x[i] == Approx(a).epsilon(1e-6));
    double field = 0;
    for (const IsingEdge& edge : problem.edges()) {
      if (edge.i == static_cast<int>(i))
        field += edge.J * result.spins_final[static_cast<std::size_t>(edge.j)];
      if (edge.j == static_cast<int>(i))
        field += edge.J * result.spins_final[static_cast<std::size_t>(edge.i)];
    }
    CHECK(e[i] == Approx((1 - 0.4 + a) / (xi * result.spins_final[i] * field)).epsilon(1e-6));
  }
}

TEST_CASE("preset cim-optimizer-ahc steps as AHC.py does") {
  // AHC.py, one step, in its own order: x in place, the target from the old spins, e from the new x.
  RandomSequence random(3, Stream::generator);
  const int n = 30;
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) edges.push_back({i, j, random.below(2) == 0 ? -1.0 : 1.0});
  }
  const IsingModel problem(n, edges);
  LoopParameters p = loop_preset("cim-optimizer-ahc", problem);
  p.rounds = 300;
  const auto N = static_cast<std::size_t>(n);
  std::vector<double> x(N), e(N, 1.0);
  double worst = 0;
  observe_loop(problem, p, 7, [&](const LoopObservation& o) {
    const auto now = o.model.amplitude();
    if (o.round == 0) x.assign(now.begin(), now.end());
    for (std::size_t i = 0; i < N; ++i) worst = std::max(worst, std::abs(now[i] - x[i]));
    std::vector<double> product(N, 0), spin_product(N, 0), spin(N);
    for (std::size_t i = 0; i < N; ++i) spin[i] = std::signbit(x[i]) ? -1 : 1;
    for (const IsingEdge& edge : edges) {
      const auto i = static_cast<std::size_t>(edge.i), j = static_cast<std::size_t>(edge.j);
      product[i] += edge.J * x[j], product[j] += edge.J * x[i];
      spin_product[i] += edge.J * spin[j], spin_product[j] += edge.J * spin[i];
    }
    double mean = 0;
    for (std::size_t i = 0; i < N; ++i) mean += spin[i] * spin_product[i] / n;
    for (std::size_t i = 0; i < N; ++i) {
      x[i] += 0.05 * x[i] * ((0.2 - 1) - x[i] * x[i]) + 0.05 * 0.07 * product[i] * e[i];
      e[i] = std::min(32.0, e[i] - 0.05 * 0.05 * (x[i] * x[i] - (0.2 + 0.07 * mean)) * e[i]);
    }
  });
  CHECK(worst < 1e-11);
}
