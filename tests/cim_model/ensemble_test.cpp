#include "cim_model/ensemble.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <mutex>

#include "cim_model/loop.h"
#include "core/random.h"

using namespace opoloop;

// Models that the engine does not know run one trajectory at a time; everything EngineOptions promises holds.

namespace {

IsingModel sk(int n) {
  RandomSequence random(21, Stream::generator);
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) edges.push_back({i, j, random.below(2) == 0 ? -1.0 : 1.0});
  }
  return {n, std::move(edges)};
}

LoopParameters loop_of(ModelKind model) {
  LoopParameters p;
  p.model = model;
  p.law = LawKind::cac;
  p.pump = Schedule::ramp(0, model == ModelKind::positive_p ? 0.9 : 1.9);
  p.beta = 0.3;
  p.g2 = 1e-3;
  p.dt = 0.05;
  p.substeps = 2;
  p.rounds = 120;
  return p;
}

const ModelKind kModels[] = {ModelKind::positive_p, ModelKind::gaussian_moments, ModelKind::discrete};

EngineOptions options_of(int trajectories, int threads) {
  EngineOptions o;
  o.seed = 7;
  o.first_trajectory = 3;
  o.trajectories = trajectories;
  o.threads = threads;
  return o;
}

}  // namespace

TEST_CASE("an ensemble is run_loop trajectory by trajectory, whatever the number of threads") {
  const IsingModel problem = sk(10);
  const auto coupling = make_coupling(problem);
  for (const ModelKind model : kModels) {
    const LoopParameters p = loop_of(model);
    CHECK_FALSE(engine_runs(p));
    const auto one = run_ensemble(problem, *coupling, p, options_of(5, 1));
    const auto three = run_ensemble(problem, *coupling, p, options_of(5, 3));
    REQUIRE(one.size() == 5);
    REQUIRE(three.size() == 5);
    for (std::size_t t = 0; t < 5; ++t) {
      LoopOptions single;
      single.seed = 7;
      single.trajectory = static_cast<std::uint32_t>(t) + 3;
      const TrajectoryResult plain = run_loop(problem, p, single);
      for (const TrajectoryResult& r : {one[t], three[t]}) {
        CAPTURE(name_of(model), t);
        CHECK(r.trajectory == single.trajectory);
        CHECK(r.energy_final == plain.energy_final);
        CHECK(r.energy_best == plain.energy_best);
        CHECK(r.round_best == plain.round_best);
        CHECK(r.rounds == 120);
        CHECK(r.spins_final == plain.spins_final);
        CHECK(r.spins_best == plain.spins_best);
        CHECK_FALSE(r.diverged);
      }
    }
    CHECK(one[0].spins_final.size() == 10);
    bool all_alike = true;
    for (const auto& r : one) all_alike = all_alike && r.round_best == one[0].round_best;
    CHECK_FALSE(all_alike);  // trajectories have noise of their own
  }
}

TEST_CASE("observers of an ensemble see each watched trajectory in lane 0 of its own tile") {
  const IsingModel problem = sk(6);
  const auto coupling = make_coupling(problem);
  for (const ModelKind model : kModels) {
    const LoopParameters p = loop_of(model);
    LoopOptions single;
    single.seed = 7;
    single.trajectory = 4;
    std::vector<std::vector<float>> x, record, error;
    std::vector<double> energy;
    single.observer = [&](const LoopObservation& o) {
      if (o.round % 50 != 0 && o.round != p.rounds) return;
      x.emplace_back(o.model.amplitude().begin(), o.model.amplitude().end());
      record.emplace_back(o.measured.begin(), o.measured.end());
      error.emplace_back(o.error.begin(), o.error.end());
      energy.push_back(o.energy);
    };
    run_loop(problem, p, single);
    REQUIRE(energy.size() == 4);  // rounds 0, 50, 100 and the last

    std::mutex mutex;
    std::size_t seen = 0;
    int others = 0;
    EngineOptions o = options_of(4, 2);
    o.observe_trajectories = 5;  // 3 and 4 are below it
    o.observe_every = 50;
    o.observer = [&](const TileObservation& tile) {
      const std::lock_guard lock(mutex);
      if (tile.first_trajectory != 4) {
        CHECK(tile.first_trajectory == 3);
        ++others;
        return;
      }
      REQUIRE(seen < 4);
      CHECK(tile.lanes == 1);
      CHECK(tile.n == 6);
      CHECK(tile.time == Approx(0.05 * static_cast<double>(tile.round)));
      CHECK(tile.pump == Approx(p.pump.at(tile.round, p.rounds)));
      REQUIRE(tile.measured != nullptr);
      REQUIRE(tile.error != nullptr);
      CHECK(tile.energy[0] == energy[seen]);
      CHECK(std::isnan(tile.energy[1]));
      for (std::size_t i = 0; i < 6; ++i) {
        CHECK(tile.amplitude[16 * i] == x[seen][i]);
        CHECK(tile.measured[16 * i] == record[seen][i]);
        CHECK(tile.error[16 * i] == error[seen][i]);
      }
      ++seen;
    };
    run_ensemble(problem, *coupling, p, o);
    CHECK(seen == 4);
    CHECK(others == 4);
  }
}

TEST_CASE("an ensemble stops at the target energy, on cancel and at a deadline, and reports its progress") {
  const IsingModel problem = sk(8);
  const auto coupling = make_coupling(problem);
  LoopParameters p = loop_of(ModelKind::discrete);
  std::atomic<std::int64_t> progress{0};
  std::atomic<double> best{1e9};
  EngineOptions o = options_of(6, 2);
  o.progress = &progress;
  o.best_energy = &best;
  const auto full = run_ensemble(problem, *coupling, p, o);
  CHECK(progress.load() == 6 * 120);
  double lowest = 1e9;
  for (const auto& r : full) lowest = std::min(lowest, r.energy_best);
  CHECK(best.load() == lowest);

  o = options_of(6, 1);
  o.stop_energy = lowest;
  const auto stopped = run_ensemble(problem, *coupling, p, o);
  REQUIRE_FALSE(stopped.empty());
  CHECK(stopped.back().energy_best <= lowest);
  CHECK(stopped.back().rounds <= stopped.back().round_best + 1);  // the stop is looked at once a round
  CHECK(stopped.back().rounds < 120);
  for (std::size_t t = 0; t + 1 < stopped.size(); ++t) CHECK(stopped[t].energy_best > lowest);

  std::atomic<bool> cancel{true};
  o = options_of(6, 1);
  o.cancel = &cancel;
  const auto cancelled = run_ensemble(problem, *coupling, p, o);
  REQUIRE(cancelled.size() == 1);  // the one at hand; the others never started
  CHECK(cancelled[0].rounds <= 1);

  o = options_of(6, 1);
  o.deadline = std::chrono::steady_clock::now();
  CHECK(run_ensemble(problem, *coupling, p, o).size() == 1);
}

TEST_CASE("a diverging trajectory is marked and the others of the ensemble go on") {
  // Spikes at g² = 2: some trajectories run away, some do not.
  LoopParameters p = loop_of(ModelKind::positive_p);
  p.law = LawKind::linear;
  p.pump = 3.0;
  p.g2 = 2;
  p.dt = 0.05;
  p.substeps = 1;
  p.rounds = 400;
  const IsingModel problem(1, {});
  const auto coupling = make_coupling(problem);
  const auto results = run_ensemble(problem, *coupling, p, options_of(64, 2));
  REQUIRE(results.size() == 64);
  int diverged = 0;
  for (const auto& r : results) {
    diverged += r.diverged;
    if (r.diverged) CHECK(r.rounds < 400);
    if (!r.diverged) CHECK(r.rounds == 400);
  }
  CHECK(diverged > 0);
  CHECK(diverged < 64);
}
