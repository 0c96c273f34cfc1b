#include "cim_model/stability.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "cim_model/presets.h"
#include "core/random.h"
#include "hamiltonian/extreme_eigenvalues.h"
#include "loop_helpers.h"

using namespace opoloop;

namespace {

/// Largest |variable − rest| at the end of a run over that halfway: above 1, it grows.
double growth(const IsingModel& problem, const LoopParameters& p, std::size_t variable, double rest) {
  double half = 0, end = 0;
  observe_loop(problem, p, 5, [&](const LoopObservation& o) {
    double largest = 0;
    const auto variables = o.model.variables();
    for (const double v : variables[variable].values) largest = std::max(largest, std::abs(v - rest));
    if (o.round == p.rounds / 2) half = largest;
    end = largest;
  });
  return std::isfinite(end) ? end / half : std::numeric_limits<double>::infinity();
}

/// Just below the bound what was disturbed dies out, a little above it grows.
void require_sharp(const IsingModel& problem, LoopParameters p, std::size_t variable = 0, double rest = 0) {
  const StableStep bound = stable_dt(problem, p);
  INFO("bound " << bound.dt << ": " << bound.limit);
  p.dt = 0.97 * bound.dt;
  CHECK(stable_dt(problem, p).dt == Approx(bound.dt));
  CHECK(time_step_warning(problem, p).empty());
  CHECK(growth(problem, p, variable, rest) < 1);
  p.dt = 1.04 * bound.dt;
  CHECK(time_step_warning(problem, p).find("stable up to") != std::string::npos);
  CHECK(growth(problem, p, variable, rest) > 1);
}

LoopParameters below_threshold() {
  LoopParameters p;
  p.law = LawKind::linear;
  p.pump = -1.0;
  p.rounds = 160;
  p.start_sd = 1e-9;
  p.xi = 0.4;
  return p;
}

IsingModel sk(int n) {
  RandomSequence random(3, Stream::generator);
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) edges.push_back({i, j, random.normal() < 0 ? -1.0 : 1.0});
  }
  return {n, std::move(edges)};
}

}  // namespace

TEST_CASE("the bound is where the mode that the feedback damps hardest stops dying out") {
  // Ring of 8, J = 1: λ from −2 to 2, so l − p + K = 2 + 0.4 · 2.
  const IsingModel problem = ring(8, 1);
  LoopParameters p = below_threshold();
  CHECK(stable_dt(problem, p).dt == Approx(2 / 2.8).epsilon(1e-6));
  require_sharp(problem, p);
  p.substeps = 5;  // the pulses follow their decay, the feedback still waits a round trip
  p.xi = 2;
  p.pump = -3.5;
  require_sharp(problem, p);
}

TEST_CASE("the bound of a pulse alone: decay below threshold, 2(p − 1) above") {
  LoopParameters p = below_threshold();
  CHECK(stable_dt(uncoupled(3), p).dt == Approx(1).epsilon(1e-9));
  require_sharp(uncoupled(3), p);
  p.stepper = Stepper::runge_kutta4;
  p.rounds = 400;
  CHECK(stable_dt(uncoupled(3), p).dt == Approx(2.785 / 2).epsilon(1e-9));
  require_sharp(uncoupled(3), p);
  p = below_threshold();
  p.pump = 2.0;
  CHECK(stable_dt(uncoupled(3), p).dt == Approx(2 / 2.0).epsilon(1e-6));
  // Disturbed by little from x = 1, which the sign of the start decides: all pulses start at + here.
  p.start_sd = 0;
  p.field_mode = FieldMode::sqrt_alpha;
  p.alpha = 1e-12;
  p.xi = 1;
  const IsingModel pushed(1, {}, {1});
  p.rounds = 4000;
  const StableStep bound = stable_dt(uncoupled(1), p);
  p.dt = 0.97 * bound.dt;
  CHECK(growth(pushed, p, 0, 1) <= 1);
  double after = 0;
  p.dt = 1.1 * bound.dt;
  observe_loop(pushed, p, 5, [&](const LoopObservation& o) { after = std::abs(o.model.amplitude()[0] - 1); });
  CHECK(after > 0.1);  // a cycle of two around x = 1
}

TEST_CASE("the bounds of the other quadrature and of the variance") {
  LoopParameters p = below_threshold();
  p.model = ModelKind::truncated_wigner;
  p.pump = 0.9;
  p.g2 = 1e-14;
  p.rounds = 600;
  CHECK(stable_dt(uncoupled(4), p).dt == Approx(2 / 1.9).epsilon(1e-6));
  p.dt = 0.97 * 2 / 1.9;
  double calm = 0, wild = 0;
  observe_loop(uncoupled(1), p, 1,
               [&](const LoopObservation& o) { calm = std::abs(o.model.variables()[1].values[0]); });
  p.dt = 1.04 * 2 / 1.9;
  observe_loop(uncoupled(1), p, 1,
               [&](const LoopObservation& o) { wild = std::abs(o.model.variables()[1].values[0]); });
  CHECK(calm < 1e-5);  // noise of 1e-7, a few times amplified near the edge
  CHECK(wild > 0.01);

  p = below_threshold();
  p.model = ModelKind::gaussian;
  p.pump = 0.0;  // V = ½ is then the resting value, with rate 2 (1 + j)
  p.measured_loss = 0.5;
  CHECK(stable_dt(uncoupled(4), p).dt == Approx(2 / 3.0).epsilon(1e-6));
}

TEST_CASE("published and tuned settings run without a warning on the problems they are for") {
  for (const LoopPreset& preset : loop_presets()) {
    for (const int n : {40, 100, 200}) {
      const IsingModel problem = preset.name.starts_with("gset") ? ring(800, -1) : sk(n);
      INFO(preset.name << ", n = " << n << ": "
                       << time_step_warning(problem, loop_preset(preset.name, problem)));
      CHECK(time_step_warning(problem, loop_preset(preset.name, problem)).empty());
    }
  }
  const IsingModel problem = sk(100);
  CHECK(time_step_warning(problem, automatic_parameters(problem)).empty());
  LoopParameters p = loop_preset("sk-cac", problem);
  p.dt = 1;
  CHECK(time_step_warning(problem, p).starts_with("dt = 1 with 1 step a round trip"));
}
