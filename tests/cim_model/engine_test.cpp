// The fast engine against the slow loop: the same model, law, problem and random numbers, path by path.

#include "cim_model/engine.h"

#include <boost/numeric/odeint/stepper/euler.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <mutex>

#include "cim_model/kernels/noise_kernels.h"
#include "cim_model/kernels/step_kernels.h"
#include "cim_model/loop.h"
#include "cim_model/presets.h"
#include "core/random.h"
#include "hamiltonian/kernels/matrix_kernels.h"

using namespace opoloop;

namespace {

IsingModel random_problem(int n, bool with_field, bool integers, std::uint64_t seed, double density = 1.0) {
  RandomSequence random(seed, Stream::generator);
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) {
      if (random.uniform() > density) continue;
      const double J = random.normal();
      edges.push_back({i, j, integers ? (J < 0 ? -1.0 : 1.0) : J});
    }
  }
  std::vector<double> h;
  if (with_field) {
    for (int i = 0; i < n; ++i) h.push_back(random.normal());
  }
  return {n, std::move(edges), std::move(h), 0.75};
}

/// Amplitudes, error variables and energies of one trajectory, by round.
struct Path {
  std::vector<std::vector<double>> x, error, measured;
  std::vector<double> energy;
};

Path slow_path(const IsingModel& problem, const LoopParameters& parameters, std::uint32_t trajectory) {
  Path path;
  LoopOptions options;
  options.seed = 42;
  options.trajectory = trajectory;
  options.observer = [&](const LoopObservation& o) {
    const auto x = o.model.amplitude();
    path.x.emplace_back(x.begin(), x.end());
    path.measured.emplace_back(o.measured.begin(), o.measured.end());
    path.error.emplace_back(o.error.begin(), o.error.end());
    path.energy.push_back(o.energy);
  };
  run_loop(problem, parameters, options);
  return path;
}

std::map<std::uint32_t, Path> fast_paths(const IsingModel& problem, const LoopParameters& parameters,
                                         int trajectories,
                                         CouplingStorage storage = CouplingStorage::automatic) {
  const auto coupling = make_coupling(problem, storage);
  const Engine engine(problem, *coupling, parameters);
  std::map<std::uint32_t, Path> paths;
  EngineOptions options;
  options.seed = 42;
  options.trajectories = trajectories;
  options.observe_trajectories = trajectories;
  options.observer = [&](const TileObservation& o) {
    for (int lane = 0; lane < o.lanes; ++lane) {
      Path& path = paths[o.first_trajectory + static_cast<std::uint32_t>(lane)];
      std::vector<double> x, error, measured;
      for (int i = 0; i < o.n; ++i) {
        x.push_back(static_cast<double>(o.amplitude[i * 16 + lane]));
        if (o.error != nullptr) error.push_back(static_cast<double>(o.error[i * 16 + lane]));
        if (o.measured != nullptr) measured.push_back(static_cast<double>(o.measured[i * 16 + lane]));
      }
      path.x.push_back(std::move(x));
      path.error.push_back(std::move(error));
      path.measured.push_back(std::move(measured));
      path.energy.push_back(o.energy[lane]);
    }
  };
  engine.run(options);
  return paths;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

double largest(const std::vector<double>& a) {
  double value = 0;
  for (const double v : a) value = std::max(value, std::abs(v));
  return value;
}

/// Both paths, round by round. The allowance is what the slow loop itself does when its gain is off by
/// 2⁻²⁰ (a few float roundings accumulated, amplified by the dynamics), plus the rounding of the numbers.
void require_same_path(const IsingModel& problem, const LoopParameters& parameters, int trajectories,
                       std::uint32_t trajectory, CouplingStorage storage = CouplingStorage::automatic) {
  const Path fast = fast_paths(problem, parameters, trajectories, storage).at(trajectory);
  const Path slow = slow_path(problem, parameters, trajectory);
  LoopParameters off = parameters;
  off.gain *= 1 + 0x1p-20;
  const Path shaken = slow_path(problem, off, trajectory);
  REQUIRE(fast.x.size() == slow.x.size());
  double allowance = 0;
  // Followed energies are float sums of at most n terms a row.
  double weight = 1;
  for (const IsingEdge& e : problem.edges()) weight += std::abs(e.J);
  const double energy_rounding = problem.size() * 0x1p-24 * weight;
  for (std::size_t k = 0; k < slow.x.size(); ++k) {
    // Sensitivity never shrinks: a difference made earlier may show later.
    allowance = std::max(allowance, 20 * largest_difference(slow.x[k], shaken.x[k]));
    const double rounding = 0x1p-18 * (largest(slow.x[k]) + parameters.start_sd);
    INFO("round " << k << ", |x| up to " << largest(slow.x[k]));
    REQUIRE(allowance < 0.05 * (1 + largest(slow.x[k])));  // else the comparison says nothing
    REQUIRE(largest_difference(fast.x[k], slow.x[k]) <= allowance + rounding);
    if (!fast.error[k].empty() && k > 0 && !parameters.error_uses_new_amplitude) {
      // The slow observer of round k−1 reports e^k.
      const double e_shaken = 20 * largest_difference(slow.error[k - 1], shaken.error[k - 1]);
      REQUIRE(largest_difference(fast.error[k], slow.error[k - 1]) <=
              e_shaken + 4 * allowance + 0x1p-17 * (1 + largest(slow.error[k - 1])));
    }
    if (!fast.measured[k].empty()) {
      REQUIRE(largest_difference(fast.measured[k], slow.measured[k]) <=
              allowance + 0x1p-17 * (1 + largest(slow.measured[k])));
    }
    // Where no amplitude is near zero the spins agree, so the energies do.
    double smallest = 1e300;
    for (const double x : parameters.read_record ? slow.measured[k] : slow.x[k])
      smallest = std::min(smallest, std::abs(x));
    if (smallest > 10 * (allowance + rounding))
      REQUIRE(std::abs(fast.energy[k] - slow.energy[k]) <= energy_rounding);
  }
}

LoopParameters parameters_for(ModelKind model, LawKind law) {
  LoopParameters p;
  p.model = model;
  p.law = law;
  p.rounds = 40;
  p.dt = 0.1;
  p.pump = Schedule::ramp(-0.3, model == ModelKind::gaussian ? 2.2 : 1.2, 0.9);
  p.alpha = Schedule::ramp(0.8, 1.4, 0.9);
  p.beta = Schedule::ramp(0.3, 0.5);
  p.sfc_c = Schedule::ramp(1, 2);
  p.gain = 0.7;
  p.limit = 0.3;
  p.start_sd = 0.05;
  p.amplitude_clamp = 1.5;
  p.error_min = law == LawKind::sfc ? 0 : 0.01;
  p.error_start = law == LawKind::sfc ? 0 : 1;
  p.error_max = 8;
  p.g2 = 0.01;
  p.measured_loss = 1.3;
  p.detection_efficiency = 0.8;
  p.best_energy = {.rho = 0.5, .delta = 0.05, .gamma = 0.3, .tau = 1.5, .previous_energy = false};
  return p;
}

}  // namespace

TEST_CASE("every model with every law: fast and slow loop give the same path") {
  const auto model = GENERATE(ModelKind::mean_field, ModelKind::truncated_wigner, ModelKind::gaussian);
  const auto law = GENERATE(LawKind::linear, LawKind::clipped, LawKind::tanh, LawKind::cac, LawKind::cfc,
                            LawKind::sfc, LawKind::cac_best, LawKind::ahc);
  CAPTURE(name_of(model), name_of(law));
  const LoopParameters p = parameters_for(model, law);
  SECTION("8-bit couplings, lane of a second tile") {
    require_same_path(random_problem(20, false, true, 1), p, 20, 18);
  }
  SECTION("real couplings and a field by the mean amplitude") {
    require_same_path(random_problem(19, true, false, 2), p, 5, 4);
  }
  SECTION("sparse couplings, a field by √α, one trajectory") {
    LoopParameters q = p;
    q.field_mode = FieldMode::sqrt_alpha;
    require_same_path(random_problem(37, true, false, 3, 0.1), q, 1, 0, CouplingStorage::sparse);
  }
}

TEST_CASE(
    "substeps, Runge-Kutta, late error steps, record read-out and uniform start follow the slow loop too") {
  const IsingModel problem = random_problem(18, false, false, 9);
  LoopParameters p = parameters_for(ModelKind::mean_field, LawKind::cac);
  SECTION("three substeps, two error steps of their own length") {
    p.substeps = 3;
    p.error_substeps = 2;
    p.error_dt = 0.03;
    require_same_path(problem, p, 16, 7);
  }
  SECTION("Runge-Kutta 4") {
    p.stepper = Stepper::runge_kutta4;
    p.saturation = 0.8;
    require_same_path(problem, p, 16, 7);
  }
  SECTION("error step after the advance, clamp by √α") {
    p.error_uses_new_amplitude = true;
    p.amplitude_clamp = 0;
    p.clamp_over_sqrt_alpha = 1.1;
    require_same_path(problem, p, 16, 7);
  }
  SECTION("uniform start") {
    p.start_uniform_half_width = 0.2;
    require_same_path(problem, p, 16, 7);
    require_same_path(problem, p, 1, 0);
  }
  SECTION("Gaussian with substeps, spins from the record") {
    LoopParameters q = parameters_for(ModelKind::gaussian, LawKind::cfc);
    q.substeps = 2;
    q.read_record = true;
    require_same_path(problem, q, 16, 7);
    require_same_path(problem, q, 1, 0);
  }
  SECTION("truncated Wigner with substeps") {
    LoopParameters q = parameters_for(ModelKind::truncated_wigner, LawKind::linear);
    q.substeps = 4;
    require_same_path(problem, q, 3, 2);
    require_same_path(problem, q, 1, 0);
  }
  SECTION("best-energy CAC with the energy of the round before") {
    LoopParameters q = parameters_for(ModelKind::mean_field, LawKind::cac_best);
    q.best_energy.previous_energy = true;
    require_same_path(problem, q, 16, 7);
    require_same_path(problem, q, 1, 0);
  }
}

TEST_CASE(
    "what solve runs by default is odeint's Euler step of the named model and law, every round of a whole "
    "run") {
  const IsingModel problem = random_problem(60, false, true, 5);
  LoopParameters p = automatic_parameters(problem);
  REQUIRE(p.model == ModelKind::mean_field);
  REQUIRE(p.law == LawKind::cfc);
  const Path path = fast_paths(problem, p, 16).at(11);
  const double strength = coupling_strength(problem, p);
  const std::vector<IsingEdge> edges = problem.edges();
  boost::numeric::odeint::euler<std::vector<double>> euler;
  double worst = 0, worst_error = 0;
  for (std::int64_t k = 0; k < p.rounds; ++k) {
    const auto at = static_cast<std::size_t>(k);
    std::vector<double> x = path.x[at];
    const std::vector<double> e = path.error[at];
    std::vector<double> field(60, 0), z(60);
    for (const IsingEdge& edge : edges) {
      field[static_cast<std::size_t>(edge.i)] += edge.J * x[static_cast<std::size_t>(edge.j)];
      field[static_cast<std::size_t>(edge.j)] += edge.J * x[static_cast<std::size_t>(edge.i)];
    }
    for (std::size_t i = 0; i < z.size(); ++i) z[i] = e[i] * strength * field[i];
    const double pump = p.pump.at(k, p.rounds);
    euler.do_step(
        [&](const std::vector<double>& y, std::vector<double>& dydt, double) {
          for (std::size_t i = 0; i < y.size(); ++i) dydt[i] = (pump - 1) * y[i] - y[i] * y[i] * y[i] + z[i];
        },
        x, 0.0, p.dt);
    const double beta = p.beta.at(k, p.rounds), alpha = p.alpha.at(k, p.rounds);
    double scale = 1;
    for (std::size_t i = 0; i < x.size(); ++i) {
      scale = std::max(scale, e[i] * (1 + z[i] * z[i]));
      if (p.amplitude_clamp > 0) x[i] = std::clamp(x[i], -p.amplitude_clamp, p.amplitude_clamp);
      double next = e[i] - p.dt * beta * e[i] * (z[i] * z[i] - alpha);
      if (p.error_min > 0) next = std::max(next, p.error_min);
      if (p.error_max > 0) next = std::min(next, p.error_max);
      worst_error = std::max(worst_error, std::abs(next - path.error[at + 1][i]) / (scale + std::abs(next)));
    }
    worst = std::max(worst, largest_difference(x, path.x[at + 1]) / scale);
  }
  // One step from the same state: a dot product of 60 float terms and a handful of roundings.
  CHECK(worst < 60 * 0x1p-24);
  CHECK(worst_error < 60 * 0x1p-24);
}

TEST_CASE("results do not depend on threads, blocks, tiles or how a batch is split") {
  const auto model = GENERATE(ModelKind::mean_field, ModelKind::truncated_wigner, ModelKind::gaussian);
  const bool integers = GENERATE(true, false);
  const IsingModel problem = random_problem(50, true, integers, 8);
  LoopParameters p = parameters_for(model, LawKind::cfc);
  p.rounds = 120;
  const auto coupling = make_coupling(problem);
  const Engine engine(problem, *coupling, p);
  EngineOptions options;
  options.seed = 3;
  options.trajectories = 70;
  const auto base = engine.run(options);
  REQUIRE(base.size() == 70);
  const auto require_same = [](const TrajectoryResult& a, const TrajectoryResult& b) {
    REQUIRE(a.trajectory == b.trajectory);
    REQUIRE(a.energy_best == b.energy_best);
    REQUIRE(a.energy_final == b.energy_final);
    REQUIRE(a.round_best == b.round_best);
    REQUIRE(a.spins_best == b.spins_best);
    REQUIRE(a.spins_final == b.spins_final);
  };
  for (const int threads : {1, 2, 3}) {
    for (const int tiles : {1, 2, 8}) {
      options.threads = threads;
      options.block_tiles = tiles;
      const auto other = engine.run(options);
      REQUIRE(other.size() == base.size());
      for (std::size_t i = 0; i < base.size(); ++i) require_same(base[i], other[i]);
    }
  }
  for (const std::uint32_t first : {0U, 33U, 69U}) {
    options.first_trajectory = first;
    for (const int count : {1, 2, 20}) {
      options.trajectories = std::min(count, 70 - static_cast<int>(first));
      const auto part = engine.run(options);
      for (std::size_t i = 0; i < part.size(); ++i) require_same(base[first + i], part[i]);
    }
  }
}

TEST_CASE("the vector normals are those of core/random.h") {
  const int slots = 37;
  kernels::AlignedArray<float> tile(slots * 16);
  kernels::fill_normals(0x123456789abcULL, Stream::pulse_noise, 1000, (1ULL << 33) + 5, slots, tile.data());
  std::vector<float> one(slots);
  double worst = 0;
  for (int lane = 0; lane < 16; ++lane) {
    const auto trajectory = static_cast<std::uint32_t>(1000 + lane);
    kernels::fill_normals_one(0x123456789abcULL, Stream::pulse_noise, trajectory, (1ULL << 33) + 5, slots,
                              one.data());
    for (int s = 0; s < slots; ++s) {
      const double expected =
          philox_normals(0x123456789abcULL, Stream::pulse_noise, trajectory, (1ULL << 33) + 5,
                         static_cast<std::uint32_t>(s / 4))[static_cast<std::size_t>(s % 4)];
      worst = std::max(
          worst, std::abs(static_cast<double>(tile[static_cast<std::size_t>(s * 16 + lane)]) - expected));
      REQUIRE(tile[static_cast<std::size_t>(s * 16 + lane)] == one[static_cast<std::size_t>(s)]);
    }
  }
  // Polynomials of float accuracy; −2 ln u loses relative accuracy only where u is next to 1 and r next to 0.
  CHECK(worst < 1e-5);
}

TEST_CASE("trajectories that diverge are marked and leave their neighbours alone") {
  const IsingModel problem = random_problem(20, false, true, 4);
  LoopParameters p = parameters_for(ModelKind::mean_field, LawKind::linear);
  p.amplitude_clamp = 0;
  // Euler of −x³ throws x further out each step once x²·dt passes 2. Below threshold a small start decays,
  // a large one blows up: with 20 pulses at this spread some trajectories do and some do not.
  p.dt = 0.8;
  p.pump = -0.5;
  p.gain = 0.1;
  p.start_sd = 0.45;
  p.rounds = 50;
  const auto coupling = make_coupling(problem);
  const Engine engine(problem, *coupling, p);
  EngineOptions options;
  options.seed = 3;
  options.trajectories = 64;
  std::map<std::uint32_t, std::vector<double>> logged;
  options.observe_trajectories = 64;
  options.observer = [&](const TileObservation& o) {
    for (int lane = 0; lane < o.lanes; ++lane)
      logged[o.first_trajectory + static_cast<std::uint32_t>(lane)].push_back(o.energy[lane]);
  };
  const auto results = engine.run(options);
  int diverged = 0;
  for (const TrajectoryResult& r : results) {
    diverged += r.diverged;
    CHECK(std::isfinite(r.energy_best));
    CHECK(problem.energy(r.spins_best) == r.energy_best);
    if (!r.diverged) CHECK(r.rounds == 50);
    const std::vector<double>& energies = logged.at(r.trajectory);
    REQUIRE(energies.size() == 51);
    bool until_then = true;
    for (std::int64_t k = 0; k <= 50; ++k)
      until_then = until_then && std::isfinite(energies[static_cast<std::size_t>(k)]) == (k <= r.rounds);
    CHECK(until_then);
    LoopOptions slow;
    slow.seed = 3;
    slow.trajectory = r.trajectory;
    const TrajectoryResult reference = run_loop(problem, p, slow);
    CHECK(reference.diverged == r.diverged);
  }
  CHECK(diverged > 0);
  CHECK(diverged < 64);
}

TEST_CASE("a target or a cancel stops a run and what was found is kept") {
  const IsingModel problem = random_problem(40, false, true, 6);
  LoopParameters p = automatic_parameters(problem);
  p.rounds = 100000;
  const auto coupling = make_coupling(problem);
  const Engine engine(problem, *coupling, p);
  EngineOptions options;
  options.trajectories = 32;
  options.threads = 2;
  options.stop_energy = 0.0;  // any state at all below 0.75
  const auto stopped = engine.run(options);
  REQUIRE_FALSE(stopped.empty());
  double best = 1e300;
  for (const auto& r : stopped) {
    best = std::min(best, r.energy_best);
    CHECK(r.rounds < 100000);
    CHECK(problem.energy(r.spins_best) == r.energy_best);
  }
  CHECK(best <= 0.0);
  std::atomic<bool> cancel{true};
  options.stop_energy.reset();
  options.cancel = &cancel;
  for (const auto& r : engine.run(options)) CHECK(r.rounds <= 1);
}

TEST_CASE("a target met to the last bit of a double stops a run whose energies are followed in float") {
  int below = 0;  // problems whose best energy a float sum puts above the target
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    for (const bool field : {false, true}) {
      const IsingModel problem = random_problem(30, field, false, 100 + seed);
      LoopParameters p = automatic_parameters(problem);
      p.field_mode = FieldMode::mean_amplitude;
      p.rounds = 1500;
      const auto coupling = make_coupling(problem);
      const Engine engine(problem, *coupling, p);
      EngineOptions options;
      options.trajectories = 16;
      options.seed = seed;
      std::atomic<double> followed{1e300};
      options.best_energy = &followed;
      double target = 1e300;
      std::int64_t round = 0;
      for (const TrajectoryResult& r : engine.run(options)) {
        CHECK(r.energy_best <= r.energy_final);
        if (r.energy_best < target) round = r.round_best;
        target = std::min(target, r.energy_best);
      }
      below += followed.load() > target;
      options.stop_energy = target;
      for (const TrajectoryResult& r : engine.run(options)) CHECK(r.rounds <= round + 1);
      options.stop_energy = target - 1e-9;  // no state of these runs has it
      for (const TrajectoryResult& r : engine.run(options)) CHECK(r.rounds == p.rounds);
    }
  }
  CHECK(below > 0);  // else this says nothing
}

TEST_CASE("without followed energies the final state is the best, whatever its sign") {
  // An offset of 1000 puts every energy above zero.
  const IsingModel shape = random_problem(20, false, true, 12);
  const IsingModel problem(20, shape.edges(), {}, 1000.0);
  LoopParameters p = parameters_for(ModelKind::mean_field, LawKind::cfc);
  const auto coupling = make_coupling(problem);
  const Engine engine(problem, *coupling, p);
  EngineOptions options;
  options.track_energy = false;
  for (const int trajectories : {1, 20}) {
    options.trajectories = trajectories;
    for (const TrajectoryResult& r : engine.run(options)) {
      CHECK(r.energy_best == problem.energy(r.spins_best));
      CHECK(r.energy_best == r.energy_final);
      CHECK(r.round_best == p.rounds);
    }
  }
}
