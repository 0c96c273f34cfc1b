#include <algorithm>
#include <cmath>
#include <mutex>

#include <fmt/format.h>

#include "cim_model/engine.h"
#include "driver/emulator_parameters.h"
#include "experiments/closed_forms/groups.h"
#include "experiments/closed_forms/replicas.h"
#include "hamiltonian/coupling.h"
#include "hamiltonian/generators.h"

// The engine (floats, vector kernels, many trajectories at once) against the plain loop in double: path by
// path, because both draw the same random numbers, and in distribution.

namespace opoloop {
namespace {

using Path = std::vector<double>;  // x_i of the last round trip

Path plain_path(const IsingModel& problem, const LoopParameters& parameters, std::uint64_t seed) {
  Path path;
  LoopOptions options;
  options.seed = seed;
  options.observer = [&](const LoopObservation& seen) {
    path.assign(seen.model.amplitude().begin(), seen.model.amplitude().end());
  };
  run_loop(problem, parameters, options);
  return path;
}

Path fast_path(const IsingModel& problem, const LoopParameters& parameters, std::uint64_t seed) {
  const auto coupling = make_coupling(problem, CouplingStorage::automatic);
  Path path(static_cast<std::size_t>(problem.size()));
  EngineOptions options;
  options.seed = seed;
  options.trajectories = 16;
  options.observe_trajectories = 1;
  options.observe_every = parameters.rounds;
  options.observer = [&](const TileObservation& seen) {
    for (std::size_t i = 0; i < path.size(); ++i) path[i] = static_cast<double>(seen.amplitude[i * 16]);
  };
  Engine(problem, *coupling, parameters).run(options);
  return path;
}

double largest_difference(const Path& a, const Path& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

/// What rounding to floats may do after so many round trips: 20 times what a gain off by 2⁻²⁰ does to the
/// plain loop itself, plus the rounding of the numbers.
void add_path(const ValidationSettings& settings, ModelKind model, LawKind law,
              std::vector<ClosedForm>& rows) {
  const IsingModel problem = sherrington_kirkpatrick(40, CouplingKind::plus_minus_one, false, 3).ising;
  const char* preset = law == LawKind::sfc ? "sk-sfc" : law == LawKind::cac ? "sk-cac" : "sk-cfc";
  const LoopParameters parameters = [&] {
    LoopParameters p = emulator_parameters(
        {{"preset", preset}, {"model", name_of(model)}, {"law", name_of(law)}, {"g2", "1e-3"}}, problem,
        false);
    p.rounds = 60;
    return p;
  }();
  const Path plain = plain_path(problem, parameters, settings.seed);
  const Path fast = fast_path(problem, parameters, settings.seed);
  LoopParameters off = parameters;
  off.gain *= 1 + 0x1p-20;
  double scale = 0;
  for (const double x : plain) scale = std::max(scale, std::abs(x));
  const double bound =
      20 * largest_difference(plain, plain_path(problem, off, settings.seed)) + 0x1p-18 * scale;
  ClosedForms("fast path", rows)
      .bounded(fmt::format("largest |x_engine − x_loop|, {} on SK N = 40, 60 round trips", name_of(law)),
               name_of(model), 0, largest_difference(plain, fast), bound);
}

/// Sums of x², x_k x_{k+lag} and their number over the pulses of every trajectory of the engine, one replica
/// a trajectory.
Replicas engine_moments(const ValidationSettings& settings, const LoopParameters& parameters,
                        std::int64_t lag) {
  const IsingModel problem = uncoupled_pulses(200);
  const auto coupling = make_coupling(problem, CouplingStorage::automatic);
  Replicas replicas(static_cast<std::size_t>(settings.replicas), 3);
  std::vector<Path> before(replicas.count());
  EngineOptions options;
  options.seed = settings.seed;
  options.trajectories = settings.replicas;
  options.threads = settings.threads;
  options.track_energy = false;
  options.observe_trajectories = settings.replicas;
  options.observe_every = lag;
  options.observer = [&](const TileObservation& seen) {
    for (int lane = 0; lane < seen.lanes; ++lane) {
      const std::size_t replica = seen.first_trajectory + static_cast<std::size_t>(lane);
      Path now(static_cast<std::size_t>(seen.n));
      for (std::size_t i = 0; i < now.size(); ++i)
        now[i] = static_cast<double>(seen.amplitude[i * 16 + static_cast<std::size_t>(lane)]);
      if (seen.round >= 200) {
        const auto sums = replicas.of(replica);
        for (std::size_t i = 0; i < now.size(); ++i) {
          sums[0] += now[i] * now[i];
          sums[1] += now[i] * before[replica][i];
          sums[2] += 1;
        }
      }
      before[replica] = std::move(now);
    }
  };
  Engine(problem, *coupling, parameters).run(options);
  return replicas;
}

}  // namespace

void add_fast_path(const ValidationSettings& settings, std::vector<ClosedForm>& rows) {
  for (const ModelKind model : {ModelKind::mean_field, ModelKind::truncated_wigner, ModelKind::gaussian}) {
    for (const LawKind law :
         {LawKind::linear, LawKind::clipped, LawKind::tanh, LawKind::cac, LawKind::cfc, LawKind::sfc}) {
      add_path(settings, model, law, rows);
    }
  }
  ClosedForms forms("fast path", rows);
  const double dt = 0.05;
  const std::int64_t lag = 20;
  const auto compare = [&](const LoopParameters& parameters, double a, double b, const std::string& what) {
    const Replicas replicas = engine_moments(settings, parameters, lag);
    const std::string model = name_of(parameters.model);
    forms.sampled("engine: Var x/g², " + what, model, euler_variance(a, b, dt),
                  replicas.estimate([](std::span<const double> s) { return s[0] / s[2] / kSmallG2; }));
    forms.sampled("engine: correlation after one time unit, " + what, model,
                  std::pow(1 - a * dt, static_cast<double>(lag)),
                  replicas.estimate([](std::span<const double> s) { return s[1] / s[0]; }));
  };
  compare(linear_loop(ModelKind::truncated_wigner, 0.5, dt, 1000), 0.5, std::sqrt(0.5), "p = 0.5");
  compare(linear_loop(ModelKind::gaussian, 1, dt, 1000), 1, steady_excess_variance(1, 1), "p = 1, j = 1");
}

}  // namespace opoloop
