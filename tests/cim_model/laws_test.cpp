#include <catch2/catch.hpp>
#include <cmath>

#include "loop_helpers.h"

using namespace opoloop;

namespace {

/// One law fed by hand: two pulses, rounds counted from 0.
struct Bench {
  explicit Bench(const LoopParameters& parameters, double strength = 0.5)
      : law(make_feedback_law(parameters, strength)) {
    law->start(2);
  }
  std::vector<double> round(const std::vector<double>& measured, const std::vector<double>& field,
                            double energy = 0) {
    std::vector<double> injection(2);
    law->inject({k++, measured, field, energy}, injection);
    return injection;
  }
  std::unique_ptr<FeedbackLaw> law;
  std::int64_t k = 0;
};

LoopParameters with_law(LawKind kind) {
  LoopParameters p;
  p.law = kind;
  p.dt = 0.1;
  p.rounds = 100;
  p.beta = 0.3;
  p.alpha = 2.0;
  return p;
}

}  // namespace

TEST_CASE("linear, clipped and tanh laws on numbers worked by hand") {
  const std::vector<double> x = {1, 1}, field = {0.4, -6};
  CHECK(Bench(with_law(LawKind::linear)).round(x, field) == std::vector<double>{0.2, -3});
  LoopParameters p = with_law(LawKind::clipped);
  p.limit = 1.5;
  CHECK(Bench(p).round(x, field) == std::vector<double>{0.2, -1.5});
  p.law = LawKind::tanh;
  const auto injection = Bench(p).round(x, field);
  CHECK(injection[0] == Approx(1.5 * std::tanh(0.2 / 1.5)));
  CHECK(injection[1] == Approx(-1.5 * std::tanh(2.0)));
}

TEST_CASE("CAC: inj = e ξ field, then e ← e − β e (x̃² − α) dt") {
  Bench bench(with_law(LawKind::cac));
  CHECK(bench.round({3, 1}, {0.4, -6}) == std::vector<double>{0.2, -3});
  CHECK(bench.law->error()[0] == Approx(1 - 0.1 * 0.3 * (9 - 2)));
  CHECK(bench.law->error()[1] == Approx(1 - 0.1 * 0.3 * (1 - 2)));
  const double e = bench.law->error()[1];
  CHECK(bench.round({3, 1}, {1, 1})[1] == Approx(e * 0.5));
}

TEST_CASE("CFC: z = e ξ field, inj = z, then e ← e − β e (z² − α) dt") {
  Bench bench(with_law(LawKind::cfc));
  CHECK(bench.round({9, 9}, {0.4, -6}) == std::vector<double>{0.2, -3});
  CHECK(bench.law->error()[0] == Approx(1 - 0.1 * 0.3 * (0.04 - 2)));
  CHECK(bench.law->error()[1] == Approx(1 - 0.1 * 0.3 * (9 - 2)));
}

TEST_CASE("SFC: z = −ξ field, inj = −tanh(c z) − k(z − e), then e ← e − β(e − z) dt") {
  LoopParameters p = with_law(LawKind::sfc);
  p.error_start = 0.25;
  p.sfc_c = 2.0;
  p.sfc_k = 0.2;
  Bench bench(p);
  const auto injection = bench.round({9, 9}, {0.4, -6});
  CHECK(injection[0] == Approx(std::tanh(2 * 0.2) - 0.2 * (-0.2 - 0.25)));
  CHECK(injection[1] == Approx(-std::tanh(2 * 3.0) - 0.2 * (3 - 0.25)));
  CHECK(bench.law->error()[0] == Approx(0.25 - 0.1 * 0.3 * (0.25 + 0.2)));
  CHECK(bench.law->error()[1] == Approx(0.25 - 0.1 * 0.3 * (0.25 - 3)));
}

TEST_CASE("error sub-steps, their own time step and the clamps") {
  LoopParameters p = with_law(LawKind::cac);
  p.error_substeps = 3;
  p.error_dt = 0.2;
  Bench bench(p);
  bench.round({1, 1}, {0, 0});
  CHECK(bench.law->error()[0] == Approx(std::pow(1 + 0.2 * 0.3, 3)));
  p.error_dt = 0;  // dt/3 each
  Bench thirds(p);
  thirds.round({1, 1}, {0, 0});
  CHECK(thirds.law->error()[0] == Approx(std::pow(1 + 0.1 / 3 * 0.3, 3)));
  p = with_law(LawKind::cac);
  p.error_min = 0.9;
  p.error_max = 1.01;
  Bench clamped(p);
  clamped.round({3, 1}, {0, 0});
  CHECK(clamped.law->error()[0] == 0.9);
  CHECK(clamped.law->error()[1] == 1.01);
}

TEST_CASE("with error_uses_new_amplitude the error waits for the state after the round") {
  for (const LawKind kind : {LawKind::cac, LawKind::cac_best}) {
    LoopParameters p = with_law(kind);
    p.error_uses_new_amplitude = true;
    p.best_energy.gamma = 1;
    Bench bench(p);
    bench.round({3, 1}, {0, 0});
    bench.law->advanced(0, std::vector<double>{1, 1});
    bench.round({3, 1}, {0, 0});
    const double before = bench.law->error()[0];
    bench.law->advanced(1, std::vector<double>{2, 2});
    const double rate = kind == LawKind::cac ? 0.3 : 0.1;  // cac_best: ξ_t = γ dt in round 1
    CHECK(bench.law->error()[0] == Approx(before * (1 - 0.1 * rate * (4 - 2))));
  }
}

TEST_CASE("best-energy CAC: a = α − ρ tanh(δ(H_best − H)), ξ_t grows by γ dt, in the documented order") {
  LoopParameters p = with_law(LawKind::cac_best);
  p.best_energy = {.rho = 0.5, .delta = 0.1, .gamma = 2, .tau = 1e9, .previous_energy = false};
  for (const bool previous : {false, true}) {
    p.best_energy.previous_energy = previous;
    Bench bench(p);
    const std::vector<double> x = {1, 0}, none = {0, 0};
    bench.round(x, none, -10);  // ξ_t = 0: e stays
    CHECK(bench.law->error()[0] == 1);
    // Energies −4, −12, −12 against best −10, −10, −12: a − α = ρ tanh(0.6), −ρ tanh(0.2), 0.
    const double shifts[] = {0.5 * std::tanh(0.6), -0.5 * std::tanh(0.2), 0};
    const double energies[] = {-4, -12, -12};
    double e = 1;
    for (int k = 0; k < 3; ++k) {
      bench.round(x, none, energies[k]);
      const double a = 2 + (previous ? (k == 0 ? 0 : shifts[k - 1]) : shifts[k]);
      e *= 1 - 0.1 * (0.2 * (k + 1)) * (1 - a);
      CHECK(bench.law->error()[0] == Approx(e));
    }
  }
}

TEST_CASE("best-energy CAC: ξ_t falls back to 0 once τ has passed without a better energy") {
  LoopParameters p = with_law(LawKind::cac_best);
  p.best_energy = {.rho = 0, .delta = 1, .gamma = 1, .tau = 0.5, .previous_energy = false};
  Bench bench(p);
  std::vector<double> rates;
  double e = 1;
  for (int k = 0; k < 20; ++k) {
    bench.round({0, 0}, {0, 0}, k == 3 ? -1.0 : 0.0);
    const double next = bench.law->error()[0];
    rates.push_back((next / e - 1) / (0.1 * 2));  // e ← e (1 + dt ξ_t α)
    e = next;
  }
  // Better energy in round 3; rounds 4 … 8 are within τ/dt = 5, round 9 is past it and resets, and so on.
  for (int k = 0; k < 20; ++k) {
    const double expected = k <= 9 ? 0.1 * k : k <= 15 ? 0.1 * (k - 10) : 0.1 * (k - 16);
    CAPTURE(k);
    CHECK(rates[static_cast<std::size_t>(k)] == Approx(expected).margin(1e-9));
  }
}

TEST_CASE("CAC settles at x = √α σ and e_i = (1 − p + α) / (ξ σ_i Σ_j J_ij σ_j)") {
  // Unfrustrated, with unequal bonds: without amplitude control the amplitudes would differ.
  const IsingModel problem(4, {{0, 1, 1}, {1, 2, -0.5}, {2, 3, 2}, {0, 3, -0.25}, {0, 2, -1}});
  LoopParameters p;
  p.law = LawKind::cac;
  p.dt = 0.05;
  p.rounds = 20000;
  p.pump = 0.4;
  p.alpha = 0.7;
  p.beta = 0.1;
  p.start_sd = 0.1;
  std::vector<double> x, e;
  const TrajectoryResult result = observe_loop(problem, p, 1, [&](const LoopObservation& o) {
    x.assign(o.model.amplitude().begin(), o.model.amplitude().end());
    e.assign(o.error.begin(), o.error.end());
  });
  CHECK(result.energy_final == -4.75);  // every bond satisfied
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(std::abs(x[i]) == Approx(std::sqrt(0.7)).epsilon(1e-6));
    double field = 0;
    for (const IsingEdge& edge : problem.edges()) {
      if (edge.i == static_cast<int>(i))
        field += edge.J * result.spins_final[static_cast<std::size_t>(edge.j)];
      if (edge.j == static_cast<int>(i))
        field += edge.J * result.spins_final[static_cast<std::size_t>(edge.i)];
    }
    CHECK(e[i] == Approx((1 - 0.4 + 0.7) / (coupling_normalisation(problem) * result.spins_final[i] * field))
                      .epsilon(1e-6));
  }
}
