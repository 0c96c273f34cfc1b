#include "driver/onlookers.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "core/error.h"
#include "driver/run_recorder.h"

namespace opoloop {

namespace {

// Enough rows for a picture. A single trajectory is copied for every look, so a long run is looked at less
// often, but never so rarely that nothing moves.
constexpr std::int64_t kWantedRows = 500;
constexpr std::int64_t kRarestLook = 64;

}  // namespace

Onlookers::Onlookers(const Job& job, const Runs& runs, bool has_error, bool has_measured,
                     std::function<double(double)> problem_energy)
    : recorder_(job.settings.log_trajectories > 0 ? job.recorder : nullptr),
      watcher_(job.watcher),
      rounds_(runs.rounds),
      problem_energy_(std::move(problem_energy)) {
  if (recorder_ != nullptr) {
    logged_ = std::min(job.settings.log_trajectories, runs.trajectories);
    log_every_ = job.settings.log_every;
    if (log_every_ < 1) throw_parameter_error("log_every", static_cast<double>(log_every_), "at least 1");
    recorder_->begin(logged_, runs.n, rounds_, log_every_, runs.dt, has_error, has_measured);
  }
  if (watcher_ != nullptr) {
    watched_ = std::min(kWatchedTrajectories, runs.trajectories);
    watch_every_ = std::clamp<std::int64_t>(rounds_ / kWantedRows, 1, kRarestLook);
    watcher_->begin(watched_, runs.n, rounds_, watch_every_, runs.dt, has_error, has_measured);
  }
}

void Onlookers::attach_to(EngineOptions& options) const {
  if (recorder_ == nullptr && watcher_ == nullptr) return;
  options.observe_trajectories = std::max(logged_, watched_);
  options.observe_every = recorder_ == nullptr  ? watch_every_
                          : watcher_ == nullptr ? log_every_
                                                : std::gcd(log_every_, watch_every_);
  options.observer = [this](const TileObservation& seen) { show(seen); };
}

void Onlookers::show(const TileObservation& seen) const {
  const bool last = seen.round == rounds_;
  const auto first = static_cast<int>(seen.first_trajectory);
  const bool log = first < logged_ && (last || seen.round % log_every_ == 0);
  const bool watch = first < watched_ && (last || seen.round % watch_every_ == 0);
  if (!log && !watch) return;
  std::array<double, 16> energy{};
  std::transform(seen.energy, seen.energy + energy.size(), energy.begin(), problem_energy_);
  TileObservation shown = seen;
  shown.energy = energy.data();
  if (log) recorder_->record(shown);
  if (watch) watcher_->record(shown);
}

}  // namespace opoloop
