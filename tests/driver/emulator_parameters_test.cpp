#include "driver/emulator_parameters.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <memory>
#include <vector>

#include "cim_model/feedback_law.h"
#include "cim_model/models/discrete_optics.h"
#include "cim_model/presets.h"
#include "core/error.h"
#include "core/random.h"
#include "driver/device.h"
#include "hamiltonian/brute_force.h"

using namespace opoloop;

namespace {

IsingModel sk(int n) {
  RandomSequence random(12, Stream::generator);
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) edges.push_back({i, j, random.below(2) == 0 ? -1.0 : 1.0});
  }
  return {n, std::move(edges)};
}

/// `scale` times a spin glass with real couplings and a field, the same one every time.
IsingModel spin_glass(int n, double scale) {
  RandomSequence random(5, Stream::generator);
  std::vector<IsingEdge> edges;
  std::vector<double> h;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) edges.push_back({i, j, scale * random.normal()});
    h.push_back(scale * random.normal());
  }
  return {n, std::move(edges), std::move(h)};
}

Result run_cac_best(const IsingModel& model, std::int64_t steps, int runs) {
  Job job;
  auto problem = std::make_shared<Problem>();
  problem->ising = model;
  job.problem = problem;
  job.settings.runs = runs;
  job.settings.steps = steps;
  // Integers would be stored another way at one scale than at another.
  job.settings.parameters = {{"law", "cac-best"}, {"storage", "dense-f32"}};
  return make_device("emulator:")->run(job);
}

/// Injections of a few round trips with made-up amplitudes `scale`·x̃ and energies.
std::vector<std::vector<double>> injections(const LoopParameters& parameters, double scale) {
  constexpr int n = 6;
  const auto law = make_feedback_law(parameters, parameters.gain);
  law->start(n);
  std::vector<std::vector<double>> all;
  std::vector<double> measured(n), field(n), injection(n);
  for (std::int64_t k = 0; k < 30; ++k) {
    for (int i = 0; i < n; ++i) {
      measured[static_cast<std::size_t>(i)] = scale * std::sin(1.3 * i + 0.4 * static_cast<double>(k));
      field[static_cast<std::size_t>(i)] = scale * 2 * std::cos(0.7 * i + 0.9 * static_cast<double>(k));
    }
    law->inject({k, measured, field, -std::fmod(7.0 * static_cast<double>(k), 5.0)}, injection);
    law->advanced(k, measured);
    all.push_back(injection);
  }
  return all;
}

}  // namespace

TEST_CASE(
    "every model runs with every law at its published settings and finds the ground state of 20 spins") {
  const std::string model =
      GENERATE("mean-field", "truncated-wigner", "positive-p", "gaussian", "gaussian-moments", "discrete");
  const std::string law = GENERATE("linear", "clipped", "tanh", "cac", "cfc", "sfc", "cac-best", "ahc");
  CAPTURE(model, law);
  Job job;
  auto problem = std::make_shared<Problem>();
  problem->ising = sk(20);
  job.problem = problem;
  job.settings.runs = 16;
  job.settings.parameters = {{"model", model}, {"law", law}};
  // The reference simulator's setting: the other one takes three times the round trips.
  if (law == "cac-best") job.settings.parameters["preset"] = "cim-optimizer-sk100";
  const Result result = make_device("emulator:")->run(job);
  const double ground = brute_force(problem->ising, 1, 1).energy;
  int solved = 0;
  for (const Sample& s : result.samples) {
    CHECK_FALSE(s.diverged);
    solved += s.energy_best == ground;
  }
  CHECK(solved > 0);
}

TEST_CASE("cac-best without a preset runs J and cJ alike, bit for bit where c is a power of two") {
  const int n = GENERATE(12, 70);
  CAPTURE(n);
  const Result base = run_cac_best(spin_glass(n, 1), 600, 8);
  for (const double c : {4.0, 0.25}) {
    CAPTURE(c);
    const Result scaled = run_cac_best(spin_glass(n, c), 600, 8);
    REQUIRE(scaled.samples.size() == base.samples.size());
    for (std::size_t k = 0; k < base.samples.size(); ++k) {
      CHECK(scaled.samples[k].spins_best == base.samples[k].spins_best);
      CHECK(scaled.samples[k].spins_final == base.samples[k].spins_final);
      CHECK(scaled.samples[k].energy_best == c * base.samples[k].energy_best);
      CHECK(scaled.samples[k].energy_final == c * base.samples[k].energy_final);
    }
  }
}

TEST_CASE("cac-best without a preset has the published numbers where J = ±1") {
  for (const int n : {100, 150}) {
    CAPTURE(n);
    const IsingModel model = sk(n);
    const LoopParameters law = emulator_parameters({{"law", "cac-best"}}, model);
    const LoopParameters published = emulator_parameters({{"preset", "leleu-sk"}}, model);
    CHECK(published.xi == 0.25);
    CHECK(coupling_strength(model, law) == Approx(0.25).epsilon(1e-14));
    CHECK(law.best_energy.delta == Approx(10).epsilon(1e-14));
    auto expected = describe(published), found = describe(law);
    for (const char* name : {"preset", "gain", "delta"}) {
      expected.erase(name);
      found.erase(name);
    }
    for (const auto& [name, value] : expected) {
      CAPTURE(name);
      CHECK(found.at(name).value == value.value);
    }
  }
}

TEST_CASE("cac-best without a preset solves problems too small for the published pump") {
  CHECK_THROWS_WITH(emulator_parameters({{"preset", "leleu-sk"}}, sk(20)), Catch::Contains("leleu-sk"));
  for (const int n : {2, 6, 20}) {
    CAPTURE(n);
    const Result result = run_cac_best(sk(n), 4000, 16);
    const double ground = brute_force(sk(n), 1, 1).energy;
    int solved = 0;
    for (const Sample& s : result.samples) {
      CHECK_FALSE(s.diverged);
      solved += s.energy_best == ground;
    }
    CHECK(solved >= 8);
  }
}

TEST_CASE("parameters in a run file carry their units") {
  const IsingModel model = sk(30);
  auto units = [&](const char* law) { return describe(emulator_parameters({{"law", law}}, model)); };
  const auto cac = units("cac-best");
  for (const auto& [name, unit] : std::map<std::string, std::string>{{"alpha", "x²"},
                                                                     {"rho", "x²"},
                                                                     {"clamp", "x"},
                                                                     {"start_sd", "x"},
                                                                     {"limit", "x/time"},
                                                                     {"delta", "1/energy"},
                                                                     {"beta", "1/time"},
                                                                     {"gain", ""}}) {
    CAPTURE(name);
    CHECK(cac.at(name).unit == unit);
  }
  CHECK(units("cfc").at("alpha").unit == "(x/time)²");  // the target of an injection
  CHECK(run_cac_best(model, 2, 1).parameters.at("coupling_strength").unit == "1/energy");
}

TEST_CASE("single values go before the law, the law before the preset, one bound replaces the other") {
  const IsingModel model = sk(50);
  LoopParameters p = emulator_parameters({{"law", "cac"}}, model);
  CHECK(p.preset == "sk-cac");
  CHECK(p.clamp_over_sqrt_alpha == 1.5);
  p = emulator_parameters({{"law", "cac"}, {"clamp", "2"}, {"pump", "-1:0.5@0.8"}, {"dt", "0.2"}}, model);
  CHECK(p.amplitude_clamp == 2);
  CHECK(p.clamp_over_sqrt_alpha == 0);
  CHECK(p.pump.text() == "-1:0.5@0.8");
  CHECK(p.dt == 0.2);
  p = emulator_parameters({{"preset", "sk-cfc"}, {"law", "linear"}}, model);
  CHECK(p.law == LawKind::linear);
  CHECK(p.dt == 0.4);
  for (const auto& [name, value] : std::map<std::string, std::string>{{"dt", "fast"},
                                                                      {"pump", "1:nan"},
                                                                      {"law", "magic"},
                                                                      {"preset", "none"},
                                                                      {"substeps", "1.5"},
                                                                      {"no_such", "1"}}) {
    CHECK_THROWS_AS(emulator_parameters({{name, value}}, model), InputError);
  }
}

TEST_CASE(
    "the discrete model runs a published CAC with a target that its crystal can carry, and refuses more") {
  const IsingModel model = sk(50);
  const LoopParameters gaussian = emulator_parameters({{"law", "cac"}, {"model", "gaussian"}}, model);
  const LoopParameters p = emulator_parameters({{"law", "cac"}, {"model", "discrete"}}, model);
  CHECK_NOTHROW(p.validate());
  CHECK(p.alpha.at(0, 10) / p.alpha.at(10, 10) ==
        Approx(gaussian.alpha.at(0, 10) / gaussian.alpha.at(10, 10)));  // lowered as a whole
  CHECK(p.alpha.at(10, 10) < gaussian.alpha.at(10, 10));
  const LoopParameters asked =
      emulator_parameters({{"law", "cac"}, {"model", "discrete"}, {"alpha", "5"}}, model);
  CHECK_THROWS_WITH(asked.validate(), Catch::Contains("alpha = 5") && Catch::Contains("crystal"));
  const auto described = describe(p);
  CHECK(described.at("model").value == "discrete");
  CHECK(described.count("optics.out_coupling") == 1);
  CHECK(described.count("optics.decay_trips") == 1);
}

TEST_CASE(
    "the discrete model lowers targets to what its crystal carries at the time step in force, ρ included") {
  const IsingModel model = sk(50);
  for (const char* dt : {"0.03", "0.1", "0.12", "0.2"}) {
    CAPTURE(dt);
    const LoopParameters p = emulator_parameters({{"law", "cac"}, {"model", "discrete"}, {"dt", dt}}, model);
    CHECK_NOTHROW(p.validate());
    CHECK(p.alpha.at(p.rounds, p.rounds) <= 0.5 * attainable_square(p, 0) * (1 + 1e-12));
  }
  // What a pass leaves depends on the pump: far below threshold it is less than half of what p = 0 leaves.
  for (const auto& [pump, far_below] :
       std::map<std::string, bool>{{"-20", true}, {"-2", false}, {"0", false}, {"4", false}}) {
    CAPTURE(pump);
    const LoopParameters p =
        emulator_parameters({{"law", "cac"}, {"model", "discrete"}, {"dt", "0.1"}, {"pump", pump}}, model);
    CHECK_NOTHROW(p.validate());
    const double half = 0.5 * attainable_square(p, 0), most = 0.9 * attainable_square(p);
    CHECK((most < half) == far_below);
    CHECK(p.alpha.at(p.rounds, p.rounds) == Approx(std::min(half, most)));
  }
  // A dip of the pump counts, however short.
  const LoopParameters dipped = emulator_parameters(
      {{"law", "cac"}, {"model", "discrete"}, {"dt", "0.1"}, {"pump", "0.5@0,0.5@0.51,-20@0.52,0.5@0.53"}},
      model);
  CHECK(dipped.alpha.at(52, 100) < 0.91 * attainable_square(dipped, -20));
  CHECK_THROWS_WITH(
      emulator_parameters({{"law", "cac"}, {"model", "discrete"}, {"pump_unit", "0"}}, model).validate(),
      Catch::Contains("pump_unit = 0"));
  LoopParameters best = emulator_parameters({{"law", "cac-best"}, {"model", "discrete"}}, model);
  CHECK_NOTHROW(best.validate());
  CHECK(best.alpha.at(0, 1) + best.best_energy.rho <= 0.9 * attainable_square(best) * (1 + 1e-12));
  best.best_energy.rho = 1.1 * attainable_square(best);
  CHECK_THROWS_WITH(best.validate(), Catch::StartsWith("rho = "));
  best.alpha = 0.9 * attainable_square(best);
  best.best_energy.rho = 0.2 * attainable_square(best);
  CHECK_THROWS_WITH(best.validate(), Catch::Contains("alpha + rho"));
}

TEST_CASE("bounds and fields that stand in √α of CFC weigh the same in a measured model") {
  const IsingModel problem(6, {{0, 1, 1.0}, {1, 2, -1.0}, {3, 4, 1.0}}, {1, 0, 0, 0, 0, 0});
  std::map<std::string, std::string> given = {
      {"preset", "sk-cac"}, {"law", "cfc"}, {"field_mode", "sqrt-alpha"}, {"measured_loss", "1.3"}};
  const LoopParameters published = emulator_parameters(given, problem);
  given["model"] = "gaussian";
  const LoopParameters gaussian = emulator_parameters(given, problem);
  const double a = published.alpha.at(0, 10), b = gaussian.alpha.at(0, 10), root = std::sqrt(2.3);
  CHECK(gaussian.clamp_over_sqrt_alpha * std::sqrt(b) ==
        Approx(root * published.clamp_over_sqrt_alpha * std::sqrt(a)));
  CHECK(held_amplitude(gaussian, b) == Approx(root * held_amplitude(published, a)));
}

TEST_CASE("a setting asked of the Gaussian model runs the same dynamics in its units") {
  // With s = 1 + j: t = t'/s, p = s p', x = √s x', so dx/dt = s√s dx'/dt' and injections are s√s as large.
  const IsingModel problem(6, {{0, 1, 1.0}, {1, 2, -1.0}, {3, 4, 1.0}});
  const std::string law = GENERATE("linear", "clipped", "tanh", "cac", "cfc", "cac-best");
  CAPTURE(law);
  std::map<std::string, std::string> given = {{"law", law}, {"measured_loss", "1.3"}};
  if (law == "cac-best") given = {{"preset", "cim-optimizer-sk100"}, {"measured_loss", "1.3"}};
  const LoopParameters published = emulator_parameters(given, problem);
  given["model"] = "gaussian";
  const LoopParameters gaussian = emulator_parameters(given, problem);
  const double s = 2.3;
  CHECK(gaussian.dt * s == Approx(published.dt));
  for (const std::int64_t k : {std::int64_t{0}, published.rounds / 3, published.rounds}) {
    // (M1) is (p' − 1) x', (M3) is (p − 1 − j) x.
    CHECK(gaussian.pump.at(k, gaussian.rounds) - s ==
          Approx(s * (published.pump.at(k, published.rounds) - 1)).margin(1e-12));
  }
  CHECK(gaussian.amplitude_clamp == Approx(std::sqrt(s) * published.amplitude_clamp));
  const auto expected = injections(published, 1);
  const auto found = injections(gaussian, std::sqrt(s));
  for (std::size_t k = 0; k < expected.size(); ++k) {
    for (std::size_t i = 0; i < expected[k].size(); ++i)
      REQUIRE(found[k][i] == Approx(s * std::sqrt(s) * expected[k][i]).epsilon(1e-9).margin(1e-12));
  }
}
