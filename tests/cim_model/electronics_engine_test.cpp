// The fast engine's electronics against the plain ones: parts with the same numbers, then whole paths.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <mutex>

#include "cim_model/electronics.h"
#include "cim_model/ensemble.h"
#include "cim_model/loop.h"
#include "cim_model/presets.h"
#include "cim_model/tile_electronics.h"
#include "core/random.h"

using namespace opoloop;

namespace {

constexpr int kPulses = 37;

IsingModel random_problem(int n, bool with_field = false) {
  RandomSequence random(4, Stream::generator);
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) edges.push_back({i, j, random.normal() < 0 ? -1.0 : 1.0});
  }
  std::vector<double> h(with_field ? static_cast<std::size_t>(n) : 0);
  for (double& value : h) value = random.normal();
  return {n, std::move(edges), std::move(h)};
}

LoopParameters everything(ModelKind model = ModelKind::mean_field) {
  LoopParameters p;
  p.model = model;
  p.law = LawKind::cac;
  p.dt = 0.05;
  p.rounds = 60;
  p.pump = Schedule::ramp(0.2, model == ModelKind::gaussian ? 2.4 : 1.2);
  p.g2 = 1e-3;
  p.start_sd = 0.1;
  p.amplitude_clamp = 2;
  Imperfections& i = p.imperfections;
  if (model != ModelKind::gaussian) i.out_coupling = 0.3;
  i.electronic_noise = 0.02;
  i.record_gain = 0.8;
  i.feedback_gain = 1.1;
  i.pump_unit = 1.05;
  i.gain_map = {0.02, -0.01, 0.03};
  i.feedback_delay = 2;
  i.injection_phase = 0.3;
  i.pump_noise = 0.05;
  i.pump_noise_per_pulse = 0.04;
  i.gain_spread = 0.03;
  i.pump_drift = 0.02;
  i.dead_pulses = {5, 17};
  return p;
}

/// Multiples of 2⁻¹⁰ up to ± 4: floats hold them and everything the converters below do to them exactly.
double exact_value(std::int64_t round, int pulse, std::uint32_t trajectory) {
  const auto words = philox_words(77, Stream::generator, trajectory, static_cast<std::uint64_t>(round),
                                  static_cast<std::uint32_t>(pulse));
  return (static_cast<double>(words[0] % 8192) - 4096) / 1024;
}

}  // namespace

TEST_CASE("parts of the engine's electronics: converters, delay, dead pulses to the last bit, counts too") {
  LoopParameters p = everything();
  p.imperfections.out_coupling = 1;
  p.imperfections.electronic_noise = 0;
  p.imperfections.record_gain = 1.5;  // of few bits, as the values: floats hold the products exactly
  p.imperfections.feedback_gain = -1.25;
  p.imperfections.injection_phase = 0;
  p.imperfections.adc_bits = 7;
  p.imperfections.adc_full_scale = 2;
  p.imperfections.feedback_integer_bits = 1;
  p.imperfections.feedback_fraction_bits = 6;
  p.imperfections.dac_bits = 5;
  p.imperfections.dac_full_scale = 1;
  p.imperfections.feedback_delay = GENERATE(0, 1, 3);
  const bool single = GENERATE(false, true);
  const int lanes = single ? 1 : 32;
  const std::uint32_t first = 9;
  BlockLayout layout{single, kPulses, single ? 1 : 2, single ? (kPulses + 15) / 16 : kPulses, first};
  TileElectronics fast(p, layout, 3);
  std::vector<Electronics> slow;
  for (int lane = 0; lane < lanes; ++lane) {
    slow.emplace_back(p, kPulses);
    slow.back().start(3, first + static_cast<std::uint32_t>(lane));
  }
  const auto place = [&](int lane, int pulse) {
    return single ? static_cast<std::size_t>(pulse)
                  : static_cast<std::size_t>(lane / 16) * layout.tile_size() +
                        static_cast<std::size_t>(pulse * 16 + lane % 16);
  };
  kernels::AlignedArray<float> x(layout.size()), record(layout.size());
  std::int64_t different = 0;
  std::vector<double> one(kPulses);
  for (std::int64_t k = 0; k < 12; ++k) {
    for (int lane = 0; lane < lanes; ++lane) {
      for (int i = 0; i < kPulses; ++i)
        x[place(lane, i)] = static_cast<float>(exact_value(k, i, static_cast<std::uint32_t>(lane)));
    }
    fast.measure(k, x.data(), record.data());
    for (int t = 0; t < layout.tiles; ++t)
      std::copy_n(x.data() + static_cast<std::size_t>(t) * layout.tile_size(), layout.tile_size(),
                  fast.answer(k, t));
    std::vector<float> injection;
    for (int t = 0; t < layout.tiles; ++t) {
      fast.feed_back(k, t);
      injection.insert(injection.end(), fast.injection(), fast.injection() + layout.tile_size());
    }
    for (int lane = 0; lane < lanes; ++lane) {
      auto& e = slow[static_cast<std::size_t>(lane)];
      for (int i = 0; i < kPulses; ++i)
        one[static_cast<std::size_t>(i)] = exact_value(k, i, static_cast<std::uint32_t>(lane));
      e.feed_back(one);
      e.measure(k, one);
      for (int i = 0; i < kPulses; ++i) {
        different += one[static_cast<std::size_t>(i)] != static_cast<double>(record[place(lane, i)]);
        different +=
            e.injection()[static_cast<std::size_t>(i)] != static_cast<double>(injection[place(lane, i)]);
      }
    }
  }
  CHECK(different == 0);
  for (int lane = 0; lane < lanes; ++lane) {
    const ClippingCounts a = slow[static_cast<std::size_t>(lane)].counts();
    const ClippingCounts b = fast.counts(lane / 16, lane % 16);
    CHECK(a.adc_saturations == b.adc_saturations);
    CHECK(a.dac_saturations == b.dac_saturations);
    CHECK(a.fixed_point_overflows == b.fixed_point_overflows);
    CHECK(b.adc_saturations > 100);
    CHECK(b.dac_saturations > 50);
    CHECK(b.fixed_point_overflows > 100);
  }
}

namespace {

struct Path {
  std::vector<std::vector<double>> x, measured;
  std::vector<double> energy;
};

Path slow_path(const IsingModel& problem, const LoopParameters& p, std::uint32_t trajectory) {
  Path path;
  LoopOptions options;
  options.seed = 42;
  options.trajectory = trajectory;
  options.observer = [&](const LoopObservation& o) {
    path.x.emplace_back(o.amplitude.begin(), o.amplitude.end());
    path.measured.emplace_back(o.measured.begin(), o.measured.end());
    path.energy.push_back(o.energy);
  };
  run_loop(problem, p, options);
  return path;
}

Path fast_path(const IsingModel& problem, const LoopParameters& p, int trajectories, std::uint32_t wanted) {
  const auto coupling = make_coupling(problem, CouplingStorage::automatic);
  Path path;
  EngineOptions options;
  options.seed = 42;
  options.trajectories = trajectories;
  options.observe_trajectories = trajectories;
  options.observer = [&](const TileObservation& o) {
    if (wanted < o.first_trajectory || wanted >= o.first_trajectory + static_cast<std::uint32_t>(o.lanes))
      return;
    const auto lane = static_cast<int>(wanted - o.first_trajectory);
    path.x.emplace_back();
    path.measured.emplace_back();
    for (int i = 0; i < o.n; ++i) {
      path.x.back().push_back(static_cast<double>(o.amplitude[i * 16 + lane]));
      REQUIRE(o.measured != nullptr);
      path.measured.back().push_back(static_cast<double>(o.measured[i * 16 + lane]));
    }
    path.energy.push_back(o.energy[lane]);
  };
  Engine(problem, *coupling, p).run(options);
  return path;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

}  // namespace

TEST_CASE("engine and loop take the same path through every imperfection without codes") {
  const ModelKind model = GENERATE(ModelKind::mean_field, ModelKind::truncated_wigner, ModelKind::gaussian);
  const LawKind law = GENERATE(LawKind::linear, LawKind::clipped, LawKind::tanh, LawKind::cac, LawKind::cfc,
                               LawKind::sfc, LawKind::cac_best, LawKind::ahc);
  const bool late = GENERATE(false, true);
  if (late && law != LawKind::cac && law != LawKind::cac_best && law != LawKind::ahc) return;
  const int trajectories = GENERATE(1, 20);
  LoopParameters p = everything(model);
  p.law = law;
  p.error_uses_new_amplitude = late;
  p.substeps = model == ModelKind::gaussian ? 2 : 1;
  p.field_mode = FieldMode::mean_amplitude;
  if (law == LawKind::sfc) p.error_start = 0;
  const IsingModel problem = random_problem(kPulses, law == LawKind::cfc || law == LawKind::linear);
  const auto trajectory = static_cast<std::uint32_t>(trajectories - 1);
  const Path fast = fast_path(problem, p, trajectories, trajectory);
  const Path slow = slow_path(problem, p, trajectory);
  LoopParameters off = p;
  off.gain *= 1 + 0x1p-18;
  const Path shaken = slow_path(problem, off, trajectory);
  REQUIRE(fast.x.size() == slow.x.size());
  double allowed = 1e-5;
  for (std::size_t k = 0; k < slow.x.size(); ++k) {
    allowed = std::max(allowed, 10 * largest_difference(slow.x[k], shaken.x[k]));
    INFO(name_of(model) << " x " << name_of(law) << ", " << trajectories << " trajectories, round " << k);
    REQUIRE(allowed < 0.02);  // else the comparison says nothing
    REQUIRE(largest_difference(fast.x[k], slow.x[k]) < allowed);
    REQUIRE(largest_difference(fast.measured[k], slow.measured[k]) < allowed);
    REQUIRE(fast.x[k][5] == 0);
    REQUIRE(fast.measured[k][17] == 0);
  }
}

TEST_CASE("with converters the paths are the same until a value stands on the edge between two codes") {
  const ModelKind model = GENERATE(ModelKind::mean_field, ModelKind::truncated_wigner, ModelKind::gaussian);
  LoopParameters p = everything(model);
  p.law = LawKind::cfc;
  p.rounds = 200;
  p.imperfections = {};
  p.imperfections.adc_bits = 8;
  p.imperfections.adc_full_scale = 1.5;
  p.imperfections.dac_bits = 10;
  const double lsb = 1.5 / 128;
  const IsingModel problem = random_problem(kPulses);
  const Path fast = fast_path(problem, p, 16, 3);
  const Path slow = slow_path(problem, p, 3);
  std::size_t compared = 0;
  for (; compared < slow.x.size(); ++compared) {
    const std::size_t k = compared;
    bool flipped = false;
    for (std::size_t i = 0; i < slow.measured[k].size(); ++i) {
      if (std::abs(fast.measured[k][i] - slow.measured[k][i]) < lsb / 2) continue;
      flipped = true;
      // Models without noise of their own in the record show where it stood before the converter.
      if (model == ModelKind::gaussian) continue;
      const double steps = slow.x[k][i] / lsb;
      CHECK(std::abs(steps - std::nearbyint(steps)) < 1e-3);
    }
    if (flipped || largest_difference(fast.x[k], slow.x[k]) > 2e-4) break;
  }
  INFO(name_of(model) << ": the same codes for " << compared << " round trips");
  CHECK(compared > 20);
}

TEST_CASE("results with imperfections do not depend on threads, blocks or neighbours") {
  const ModelKind model = GENERATE(ModelKind::mean_field, ModelKind::truncated_wigner, ModelKind::gaussian);
  LoopParameters p = everything(model);
  p.imperfections.adc_bits = 8;
  p.imperfections.adc_full_scale = 0.5;
  p.imperfections.dac_bits = 8;
  p.imperfections.dac_full_scale = 0.5;
  p.imperfections.feedback_integer_bits = 0;
  p.imperfections.feedback_fraction_bits = 12;
  const IsingModel problem = random_problem(kPulses);
  const auto coupling = make_coupling(problem, CouplingStorage::automatic);
  const auto run = [&](int trajectories, int threads, int tiles, std::uint32_t first) {
    EngineOptions options;
    options.seed = 9;
    options.trajectories = trajectories;
    options.threads = threads;
    options.block_tiles = tiles;
    options.first_trajectory = first;
    return Engine(problem, *coupling, p).run(options);
  };
  const auto all = run(40, 1, 3, 0);
  std::int64_t clipped = 0;
  const auto same = [&](const std::vector<TrajectoryResult>& some, std::size_t from) {
    for (std::size_t i = 0; i < some.size(); ++i) {
      const TrajectoryResult& a = all[from + i];
      const TrajectoryResult& b = some[i];
      CHECK(a.energy_best == b.energy_best);
      CHECK(a.spins_final == b.spins_final);
      CHECK(a.clipping.adc_saturations == b.clipping.adc_saturations);
      CHECK(a.clipping.dac_saturations == b.clipping.dac_saturations);
      CHECK(a.clipping.fixed_point_overflows == b.clipping.fixed_point_overflows);
      clipped += std::min(a.clipping.adc_saturations, a.clipping.dac_saturations);
    }
  };
  same(run(40, 2, 1, 0), 0);
  same(run(24, 1, 1, 16), 16);
  same(run(1, 1, 1, 33), 33);
  CHECK(clipped > 0);
}

TEST_CASE("numbers wider than a float are left to the loop in double, with the same counts") {
  LoopParameters p = everything();
  CHECK(engine_runs(p));
  p.imperfections.feedback_integer_bits = 5;
  p.imperfections.feedback_fraction_bits = 12;
  CHECK(engine_runs(p));
  p.imperfections.feedback_integer_bits = 0;
  p.imperfections.feedback_fraction_bits = 24;
  CHECK_FALSE(engine_runs(p));
  const IsingModel problem = random_problem(10);
  p.imperfections.dead_pulses = {};
  p.pump = 3.0;
  const auto coupling = make_coupling(problem, CouplingStorage::automatic);
  EngineOptions options;
  options.seed = 6;
  options.trajectories = 2;
  const auto results = run_ensemble(problem, *coupling, p, options);
  LoopOptions one;
  one.seed = 6;
  one.trajectory = 1;
  const TrajectoryResult alone = run_loop(problem, p, one);
  CHECK(results[1].clipping.fixed_point_overflows == alone.clipping.fixed_point_overflows);
  CHECK(alone.clipping.fixed_point_overflows > 0);
}
