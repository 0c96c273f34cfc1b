#include "driver/emulator_parameters.h"

#include <catch2/catch.hpp>
#include <memory>

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

}  // namespace

TEST_CASE(
    "every model runs with every law at its published settings and finds the ground state of 20 spins") {
  const std::string model = GENERATE("mean-field", "truncated-wigner", "gaussian");
  const std::string law = GENERATE("linear", "clipped", "tanh", "cac", "cfc", "sfc", "cac-best");
  CAPTURE(model, law);
  Job job;
  auto problem = std::make_shared<Problem>();
  problem->ising = sk(20);
  job.problem = problem;
  job.settings.runs = 64;
  job.settings.parameters = {{"model", model}, {"law", law}};
  // The published cac-best is for larger problems; the reference simulator's holds at any size.
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
