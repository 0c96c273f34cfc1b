// One suite for every pulse model with every feedback law: nothing below names a model or a law.

#include <catch2/catch.hpp>
#include <cmath>
#include <memory>

#include "cim_model/loop.h"
#include "cim_model/presets.h"
#include "core/error.h"
#include "driver/device.h"
#include "driver/emulator_parameters.h"

using namespace opoloop;

namespace {

/// The parameters that `emulator:?model=…&law=…` would use, if the pair is allowed.
std::map<std::string, std::string> given(ModelKind model, LawKind law) {
  std::map<std::string, std::string> all = {{"model", name_of(model)}, {"law", name_of(law)}};
  // The published setting of cac-best is for larger problems; the reference simulator's holds at any size.
  if (law == LawKind::cac_best) all["preset"] = "cim-optimizer-sk100";
  return all;
}

/// Mean of sign(x_0 x_1) over the second half of a run, 8 trajectories; energies, spins and amplitudes of
/// every round are checked against each other on the way.
double alignment(const IsingModel& problem, ModelKind model, LawKind law) {
  LoopParameters p = emulator_parameters(given(model, law), problem);
  p.field_mode = FieldMode::mean_amplitude;
  p.rounds = std::min<std::int64_t>(p.rounds, 1500);
  double sum = 0, count = 0;
  for (std::uint32_t trajectory = 0; trajectory < 8; ++trajectory) {
    LoopOptions options;
    options.seed = 11;
    options.trajectory = trajectory;
    bool consistent = true;
    options.observer = [&](const LoopObservation& o) {
      const auto x = o.model.amplitude();
      std::vector<std::int8_t> spins;
      for (const double v : x) spins.push_back(std::signbit(v) ? -1 : 1);
      consistent = consistent && o.energy == problem.energy(spins);
      if (2 * o.round < p.rounds) return;
      sum += spins[0] * spins[1];
      count += 1;
    };
    const TrajectoryResult result = run_loop(problem, p, options);
    CHECK(consistent);
    CHECK_FALSE(result.diverged);
    CHECK(result.energy_final == problem.energy(result.spins_final));
  }
  return sum / count;
}

}  // namespace

TEST_CASE("every model with every law: two spins end up as the sign of J says") {
  for (const ModelKind model : all_models()) {
    for (const LawKind law : all_laws()) {
      if (why_not(model, law)) continue;
      CAPTURE(name_of(model), name_of(law));
      // Uncorrelated spins of 8 trajectories would be aligned by more than ¾ once in 2⁸ ≥ 2·8 tries …
      CHECK(alignment(IsingModel(2, {{0, 1, 1.0}}), model, law) > 0.75);
      // … and never the other way round with the other sign.
      CHECK(alignment(IsingModel(2, {{0, 1, -0.5}}), model, law) < -0.75);
    }
  }
}

TEST_CASE("every model with every law: a linear term points the spins, by amplitude or by ancilla") {
  // Bond and field agree on (+, −), and the field is the stronger: nothing else is stable, so a law need not
  // leave local minima to find it. Flipping h flips both spins. An ancilla must come out as +1.
  // The mean amplitude goes only with the laws that use it unless told otherwise, and for the best state: h
  // ⟨|x|⟩ shrinks with x, so a pulse on the wrong side may decay towards zero without ever crossing it.
  for (const ModelKind model : all_models()) {
    for (const LawKind law : all_laws()) {
      if (why_not(model, law)) continue;
      std::vector<std::string> modes = {"ancilla"};
      if (usual_field_mode(law) == FieldMode::mean_amplitude) modes.push_back("mean-amplitude");
      for (const std::string& mode : modes) {
        for (const double h : {2.0, -2.0}) {
          CAPTURE(name_of(model), name_of(law), mode, h);
          Job job;
          auto problem = std::make_shared<Problem>();
          problem->ising = IsingModel(2, {{0, 1, -1.0}}, {h, -h}, 0.25);
          job.problem = problem;
          job.settings.runs = 8;
          job.settings.steps = 800;
          job.settings.parameters = given(model, law);
          job.settings.parameters["field_mode"] = mode;
          Result result;
          try {
            result = make_device("emulator:")->run(job);
          } catch (const InputError& refused) {
            // A model may take no linear term but by the ancilla.
            CHECK(mode == "mean-amplitude");
            CHECK_THAT(refused.what(), Catch::Contains("must be ancilla"));
            continue;
          }
          const double ground = -1 - 2 * std::abs(h) + 0.25;
          int right = 0;
          for (const Sample& s : result.samples) {
            CHECK(s.energy_best == problem->ising.energy(s.spins_best));
            CHECK(s.energy_final == problem->ising.energy(s.spins_final));
            CHECK(s.energy_best == ground);
            right += s.energy_final == ground && s.spins_final[0] == (h > 0 ? 1 : -1);
          }
          // Spins that do not know the field are right once in four: 6 of 8 by chance in 0.4% of cases.
          if (mode == "ancilla") CHECK(right >= 6);
        }
      }
    }
  }
}

TEST_CASE("every pair that is refused says why, by name, before anything runs") {
  int refused = 0;
  for (const ModelKind model : all_models()) {
    for (const LawKind law : all_laws()) {
      const auto reason = why_not(model, law);
      if (!reason) continue;
      ++refused;
      Job job;
      auto problem = std::make_shared<Problem>();
      problem->ising = IsingModel(2, {{0, 1, 1.0}});
      job.problem = problem;
      job.settings.parameters = given(model, law);
      CHECK_THROWS_WITH(make_device("emulator:")->run(job),
                        Catch::Contains("law = " + name_of(law)) && Catch::Contains(*reason));
    }
  }
  CHECK(refused > 0);
}
