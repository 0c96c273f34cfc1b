#include "cim_model/loop.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "cim_model/presets.h"
#include "cim_model/pulse_model.h"
#include "core/error.h"
#include "core/random.h"
#include "loop_helpers.h"

using namespace opoloop;

namespace {

const ModelKind kModels[] = {ModelKind::mean_field, ModelKind::truncated_wigner, ModelKind::gaussian,
                             ModelKind::positive_p, ModelKind::gaussian_moments, ModelKind::discrete};
const LawKind kLaws[] = {LawKind::linear, LawKind::clipped, LawKind::tanh,    LawKind::cac,
                         LawKind::cfc,    LawKind::sfc,     LawKind::cac_best};

/// A setting under which any model with any law reads a two- or three-spin problem off its ground state:
/// below the solitary threshold (1, or 1 + j for the measured model), above that of the ground state.
LoopParameters small_problem(ModelKind model, LawKind law) {
  LoopParameters p;
  p.model = model;
  p.law = law;
  p.pump = is_measured(model) ? 1.4 : 0.4;
  p.g2 = 1e-6;
  p.dt = 0.05;
  p.rounds = 1500;
  p.beta = 0.1;
  p.start_sd = 1e-3;
  p.error_start = law == LawKind::sfc ? 0 : 1;
  p.amplitude_clamp = 3;
  p.best_energy = {.rho = 0.5, .delta = 1, .gamma = 0.01, .tau = 50, .previous_energy = false};
  return p;
}

std::vector<std::int8_t> ground_state(const IsingModel& model) {
  std::vector<std::int8_t> spins(static_cast<std::size_t>(model.size())), best;
  for (unsigned code = 0; code < 1U << model.size(); ++code) {
    for (std::size_t i = 0; i < spins.size(); ++i) spins[i] = code >> i & 1 ? 1 : -1;
    if (best.empty() || model.energy(spins) < model.energy(best)) best = spins;
  }
  return best;
}

}  // namespace

TEST_CASE("two pulses: J > 0 aligns and J < 0 opposes, for every model and law") {
  for (const ModelKind model : kModels) {
    for (const LawKind law : kLaws) {
      for (const double J : {1.0, -1.0, 40.0}) {
        const IsingModel problem(2, {{0, 1, J}});
        for (std::uint32_t t = 0; t < 4; ++t) {
          LoopOptions options;
          options.trajectory = t;
          const TrajectoryResult r = run_loop(problem, small_problem(model, law), options);
          INFO(name_of(model) << " x " << name_of(law) << ", J = " << J << ", trajectory " << t);
          CHECK(r.energy_final == -std::abs(J));
          CHECK(r.energy_best == -std::abs(J));
          CHECK_FALSE(r.diverged);
          CHECK(r.rounds == 1500);
        }
      }
    }
  }
}

TEST_CASE("a field alone, and a field against the couplings, for every model and law") {
  const IsingModel problems[] = {
      {3, {}, {1, -1, 0.8}},
      {2, {{0, 1, 1}}, {2, -0.5}},    // the bond wins: ↑↑
      {2, {{0, 1, 0.2}}, {2, -0.5}},  // the field wins: ↑↓
      {3, {{0, 1, -1}, {1, 2, -1}, {0, 2, -1}}, {0.6, 0, 0.5}},
  };
  for (const IsingModel& problem : problems) {
    const auto ground = ground_state(problem);
    for (const ModelKind model : kModels) {
      for (const LawKind law : kLaws) {
        for (const FieldMode mode : {FieldMode::mean_amplitude, FieldMode::sqrt_alpha, FieldMode::ancilla}) {
          LoopParameters p = small_problem(model, law);
          p.field_mode = mode;
          if (law != LawKind::cac && law != LawKind::cac_best && mode == FieldMode::sqrt_alpha) continue;
          // Best energy: where two pulses have different fields, a law without amplitude control settles at
          // unequal amplitudes, which is the machine's error and not this program's.
          LoopOptions options;
          const bool ancilla = mode == FieldMode::ancilla;
          const TrajectoryResult r = run_loop(ancilla ? with_ancilla(problem) : problem, p, options);
          const auto spins = ancilla ? drop_ancilla(r.spins_best) : r.spins_best;
          INFO(name_of(model) << " x " << name_of(law) << ", " << name_of(mode)
                              << ", n = " << problem.size());
          CHECK(problem.energy(spins) == problem.energy(ground));
          CHECK(r.energy_best == Approx(problem.energy(ground)).epsilon(1e-12));
        }
      }
    }
  }
}

TEST_CASE("a field left in the problem with field mode ancilla is refused") {
  LoopParameters p;
  p.field_mode = FieldMode::ancilla;
  CHECK_THROWS_AS(run_loop({2, {{0, 1, 1}}, {1, 0}}, p, {}), InputError);
}

TEST_CASE("round for round on one pulse, with the noise drawn by hand") {
  // Mean field, start: x⁰ = sd · normal of slot 0. A field of 1 with √α makes inj known: h ξ √α.
  LoopParameters p;
  p.law = LawKind::linear;
  p.field_mode = FieldMode::sqrt_alpha;
  p.alpha = 4.0;
  p.xi = 0.25;
  p.pump = Schedule::ramp(0, 1);
  p.dt = 0.5;
  p.substeps = 2;
  p.rounds = 4;
  p.start_sd = 0.1;
  std::vector<double> x;
  observe_loop(
      {1, {}, {1}}, p, 9,
      [&](const LoopObservation& o) {
        CHECK(o.time == 0.5 * static_cast<double>(o.round));
        CHECK(o.pump == Approx(0.25 * static_cast<double>(o.round)));
        x.push_back(o.model.amplitude()[0]);
      },
      3);
  REQUIRE(x.size() == 5);
  double expected = 0.1 * philox_normals(9, Stream::start_amplitude, 3, 0, 0)[0];
  for (int k = 0; k < 5; ++k) {
    CHECK(x[static_cast<std::size_t>(k)] == Approx(expected).epsilon(1e-13));
    for (int sub = 0; sub < 2; ++sub) {
      expected += 0.25 * ((0.25 * k - 1) * expected - expected * expected * expected + 0.25 * 2);
    }
  }
}

TEST_CASE("noise slots: pulse i of the truncated Wigner model takes slots 2i and 2i + 1 of its sub-step") {
  LoopParameters p;
  p.model = ModelKind::truncated_wigner;
  p.law = LawKind::linear;
  p.g2 = 0.01;
  p.pump = 0.5;
  p.dt = 0.1;
  p.substeps = 2;
  p.rounds = 3;
  const double g = 0.1, h = 0.05;
  std::vector<double> c, s;
  observe_loop(
      uncoupled(7), p, 77,
      [&](const LoopObservation& o) {
        c.push_back(o.model.variables()[0].values[5]);
        s.push_back(o.model.variables()[1].values[5]);
      },
      12);
  const auto normal = [](Stream stream, std::uint64_t step, std::uint32_t slot) {
    return philox_normals(77, stream, 12, step, slot / 4)[slot % 4];
  };
  double ce = g / 2 * normal(Stream::quantum_start, 0, 10), se = g / 2 * normal(Stream::quantum_start, 0, 11);
  for (std::size_t k = 0; k <= 3; ++k) {
    CHECK(c[k] == Approx(ce).epsilon(1e-12));
    CHECK(s[k] == Approx(se).epsilon(1e-12));
    for (std::uint64_t sub = 0; sub < 2; ++sub) {
      const double n = ce * ce + se * se, b = g * std::sqrt(n + 0.5) * std::sqrt(h);
      const double cn = ce + h * (-1 + 0.5 - n) * ce + b * normal(Stream::pulse_noise, 2 * k + sub, 10);
      se += h * (-1 - 0.5 - n) * se + b * normal(Stream::pulse_noise, 2 * k + sub, 11);
      ce = cn;
    }
  }
}

TEST_CASE("a trajectory depends on seed and number only") {
  LoopParameters p = small_problem(ModelKind::gaussian, LawKind::cac);
  const IsingModel problem = ring(8, -1);
  const auto amplitudes = [&](std::uint64_t seed, std::uint32_t trajectory) {
    std::vector<double> all;
    observe_loop(
        problem, p, seed, [&](const LoopObservation& o) { all.push_back(o.measured[3]); }, trajectory);
    return all;
  };
  const auto base = amplitudes(5, 1);
  CHECK(base == amplitudes(5, 1));
  CHECK(base != amplitudes(6, 1));
  CHECK(base != amplitudes(5, 2));
}

TEST_CASE("feedback delay: the injection of round k is what the law said in round k − d") {
  LoopParameters p;
  p.law = LawKind::linear;
  p.rounds = 12;
  p.start_sd = 0.1;
  const IsingModel pair(2, {{0, 1, 1}});
  const double strength = coupling_strength(pair, p);
  for (const int delay : {0, 1, 3}) {
    std::vector<double> measured, injected;
    p.imperfections.feedback_delay = delay;
    LoopOptions options;
    options.observer = [&](const LoopObservation& o) {
      measured.push_back(o.measured[0]);
      if (!o.injection.empty()) injected.push_back(o.injection[1]);
    };
    run_loop(pair, p, options);
    REQUIRE(injected.size() == 12);
    for (std::size_t k = 0; k < injected.size(); ++k) {
      const auto d = static_cast<std::size_t>(delay);
      CHECK(injected[k] == Approx(k < d ? 0.0 : strength * measured[k - d]).epsilon(1e-14));
    }
  }
  p.imperfections.feedback_delay = -1;
  CHECK_THROWS_AS(run_loop(pair, p, {}), InputError);
}

TEST_CASE("clamps, read-out of the record, uniform start") {
  LoopParameters p;
  p.law = LawKind::linear;
  p.pump = 3.0;
  p.dt = 0.1;
  p.rounds = 200;
  p.amplitude_clamp = 0.5;
  const auto largest = [&] {
    double x = 0;
    observe_loop(uncoupled(1), p, 1,
                 [&](const LoopObservation& o) { x = std::max(x, std::abs(o.model.amplitude()[0])); });
    return x;
  };
  CHECK(largest() == 0.5);
  p.amplitude_clamp = 0;
  p.clamp_over_sqrt_alpha = 0.25;
  p.alpha = 9.0;
  CHECK(largest() == 0.75);

  // With read_record the energies are those of the record's signs: for a weak pulse they are nearly random.
  LoopParameters weak = small_problem(ModelKind::gaussian, LawKind::linear);
  weak.pump = 0.0;
  weak.gain = 0;
  weak.rounds = 400;
  weak.read_record = true;
  int differs = 0;
  observe_loop({2, {{0, 1, 1}}}, weak, 2, [&](const LoopObservation& o) {
    const auto sign = [](std::span<const double> v) {
      return std::signbit(v[0]) == std::signbit(v[1]) ? -1.0 : 1.0;
    };
    CHECK(o.energy == sign(o.measured));
    differs += sign(o.measured) != sign(o.model.amplitude());
  });
  CHECK(differs > 50);

  LoopParameters uniform;
  uniform.start_uniform_half_width = 0.5;
  uniform.rounds = 1;
  const int n = 100000;
  double sum = 0, squares = 0, widest = 0;
  observe_loop(uncoupled(n), uniform, 3, [&](const LoopObservation& o) {
    if (o.round > 0) return;
    for (const double x : o.model.amplitude())
      sum += x, squares += x * x, widest = std::max(widest, std::abs(x));
  });
  CHECK(std::abs(sum / n) < 5 * std::sqrt(1.0 / 12 / n));
  CHECK(squares / n == Approx(1.0 / 12).epsilon(5 * std::sqrt(0.8 / n)));  // Var x² = 1/180 = 0.8 · (1/12)²
  CHECK(widest <= 0.5);
  CHECK(widest > 0.499);
}

TEST_CASE("best energies: first round that has it, and spins that have it") {
  const IsingModel problem = ring(7, -1);  // frustrated
  LoopParameters p = loop_preset("sk-cac", problem);
  p.rounds = 300;
  std::vector<double> energies;
  LoopOptions options;
  options.observer = [&](const LoopObservation& o) { energies.push_back(o.energy); };
  const TrajectoryResult r = run_loop(problem, p, options);
  REQUIRE(energies.size() == 301);
  CHECK(r.energy_best == *std::min_element(energies.begin(), energies.end()));
  CHECK(r.round_best == std::min_element(energies.begin(), energies.end()) - energies.begin());
  CHECK(problem.energy(r.spins_best) == r.energy_best);
  CHECK(problem.energy(r.spins_final) == r.energy_final);
  CHECK(r.energy_final == energies.back());
}

TEST_CASE("a trajectory that diverges says so and keeps the energies from before") {
  LoopParameters p;
  p.law = LawKind::linear;
  p.dt = 5;
  p.pump = 3.0;
  p.start_sd = 1;
  p.rounds = 500;
  const TrajectoryResult r = run_loop(ring(4, 1), p, {});
  CHECK(r.diverged);
  CHECK(r.rounds < 500);
  CHECK(std::isfinite(r.energy_best));
  CHECK(r.spins_best.size() == 4);
}

TEST_CASE("models that start from a number start where they are told to") {
  LoopParameters p;
  p.law = LawKind::linear;
  p.start_uniform_half_width = 0.25;
  for (const ModelKind kind : {ModelKind::mean_field, ModelKind::bounded, ModelKind::phenomenological}) {
    CAPTURE(name_of(kind));
    p.model = kind;
    const auto model = make_pulse_model(p, IsingModel(400, {}));
    model->start(1, 0);
    double square = 0;
    for (const double x : model->amplitude()) {
      CHECK(std::abs(x) <= 0.25);
      square += x * x / 400;
    }
    // Variance w²/3, its own standard deviation w² √(4/45)/√400.
    CHECK(square == Approx(0.0625 / 3).margin(4 * 0.0625 * std::sqrt(4.0 / 45 / 400)));
  }
}
