#include "cim_model/ensemble.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "cim_model/loop.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/threads.h"

namespace opoloop {
namespace {

void lower(std::atomic<double>& best, double energy) {
  double known = best.load(std::memory_order_relaxed);
  while (energy < known && !best.compare_exchange_weak(known, energy)) {
  }
}

/// One trajectory of run_loop shown to an engine's observer: a tile whose lane 0 it is.
class LaneZero {
 public:
  explicit LaneZero(int n) : n_(static_cast<std::size_t>(n)) {}

  void show(const LoopObservation& seen, std::uint32_t trajectory, bool separate_record,
            const TileObserver& observer) {
    energy_.fill(std::numeric_limits<double>::quiet_NaN());
    energy_[0] = seen.energy;
    observer({seen.round, trajectory, 1, seen.time, seen.pump, static_cast<int>(n_),
              widen(seen.amplitude, amplitude_), widen(seen.error, error_),
              separate_record ? widen(seen.measured, measured_) : nullptr, energy_.data()});
  }

 private:
  const float* widen(std::span<const double> values, std::vector<float>& rows) const {
    if (values.empty()) return nullptr;
    rows.resize(n_ * 16, 0.0F);
    for (std::size_t i = 0; i < n_; ++i) rows[i * 16] = static_cast<float>(values[i]);
    return rows.data();
  }

  std::size_t n_;
  std::array<double, 16> energy_{};
  std::vector<float> amplitude_, error_, measured_;
};

std::vector<TrajectoryResult> run_one_by_one(const IsingModel& problem, const LoopParameters& parameters,
                                             const EngineOptions& options) {
  if (options.trajectories < 1) throw_parameter_error("runs", options.trajectories, "at least 1");
  if (options.observe_every < 1) {
    throw_parameter_error("log_every", static_cast<double>(options.observe_every), "at least 1");
  }
  std::vector<TrajectoryResult> results(static_cast<std::size_t>(options.trajectories));
  std::vector<char> done(results.size(), 0);
  std::atomic<bool> stop{false};
  parallel_for(options.trajectories, options.threads, [&](std::int64_t item) {
    if (stop.load()) return;
    const auto trajectory = options.first_trajectory + static_cast<std::uint32_t>(item);
    const bool watched =
        options.observer && trajectory < static_cast<std::uint32_t>(options.observe_trajectories);
    LaneZero lane(problem.size());
    LoopOptions loop;
    loop.seed = options.seed;
    loop.trajectory = trajectory;
    loop.stop = &stop;
    loop.observer = [&](const LoopObservation& seen) {
      if (watched && (seen.round % options.observe_every == 0 || seen.injection.empty())) {
        lane.show(seen, trajectory, has_separate_record(parameters), options.observer);
      }
      if (options.progress != nullptr && !seen.injection.empty()) options.progress->fetch_add(1);
      if (options.best_energy != nullptr) lower(*options.best_energy, seen.energy);
      if (options.stop_energy && seen.energy <= *options.stop_energy) stop.store(true);
      if (options.cancel != nullptr && options.cancel->load(std::memory_order_relaxed)) stop.store(true);
      if (options.deadline && Clock::now() >= *options.deadline) stop.store(true);
    };
    const auto at = static_cast<std::size_t>(item);
    results[at] = run_loop(problem, parameters, loop);
    done[at] = 1;
  });
  // Trajectories that never started after a stop are left out.
  std::vector<TrajectoryResult> kept;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (done[i] != 0) kept.push_back(std::move(results[i]));
  }
  return kept;
}

}  // namespace

bool engine_runs(const LoopParameters& parameters) {
  // Codes of wider numbers than a float's 24 bits are left to the loop in double.
  const Imperfections& i = parameters.imperfections;
  if (i.feedback_integer_bits.value_or(0) + i.feedback_fraction_bits.value_or(0) > 22) return false;
  if (i.adc_bits.value_or(0) > 22 || i.dac_bits.value_or(0) > 22) return false;
  switch (parameters.model) {
    case ModelKind::mean_field:
    case ModelKind::truncated_wigner:
    case ModelKind::gaussian:
      return true;
    default:
      return false;
  }
}

std::vector<TrajectoryResult> run_ensemble(const IsingModel& problem, const Coupling& coupling,
                                           const LoopParameters& parameters, const EngineOptions& options) {
  if (engine_runs(parameters)) return Engine(problem, coupling, parameters).run(options);
  return run_one_by_one(problem, parameters, options);
}

}  // namespace opoloop
