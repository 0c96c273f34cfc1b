#pragma once

#include <functional>

#include "cim_model/engine.h"
#include "driver/device.h"

namespace opoloop {

/// Who sees the amplitudes of a job while it runs: its recorder, which was promised certain rows, and its
/// watcher, who is shown what costs little. Neither changes what the engine computes.
class Onlookers {
 public:
  static constexpr int kWatchedTrajectories = 4;

  /// The ensemble as the engine runs it.
  struct Runs {
    int n;
    int trajectories;
    std::int64_t rounds;
    double dt;
  };

  /// Calls begin() of both. `problem_energy` turns the engine's energies into those of the problem.
  Onlookers(const Job& job, const Runs& runs, bool has_error, bool has_measured,
            std::function<double(double)> problem_energy);

  /// Sets the observer and what it observes. `options` must not outlive this object.
  void attach_to(EngineOptions& options) const;

 private:
  void show(const TileObservation& seen) const;

  RunRecorder* recorder_;
  RunRecorder* watcher_;
  std::int64_t rounds_;
  int logged_ = 0;              ///< trajectories of the recorder
  std::int64_t log_every_ = 1;  ///< its rows
  int watched_ = 0;             ///< trajectories of the watcher
  std::int64_t watch_every_ = 1;
  std::function<double(double)> problem_energy_;
};

}  // namespace opoloop
