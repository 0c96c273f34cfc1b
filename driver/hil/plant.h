#pragma once

#include <optional>

#include "cim_model/loop.h"
#include "driver/hil/faults.h"
#include "driver/hil/remote_law.h"

namespace opoloop::hil {

struct PlantSettings {
  ClockMode clock = ClockMode::lock_step;
  MissPolicy on_miss = MissPolicy::hold;
  double round_trip_s = 0;  ///< of the machine: deadline of free-run, t_sim of the frames; 0 = not known
  WireFormats wire;
  int runs = 1;            ///< trajectories, one after another
  std::uint64_t seed = 1;  ///< of the loop's noise
  std::uint32_t session = 1;
  Faults faults;  ///< put on the line by the plant, both ways
  PlantPatience patience;
  std::optional<int> processor;   ///< to run on
  std::function<bool()> stop;     ///< true: end with what is done
  std::function<void()> waiting;  ///< called once all is checked, before the wait for a controller
  LoopObserver observer;          ///< of every round of every run
};

struct PlantReport {
  std::vector<TrajectoryResult> results;  ///< of the runs that were finished
  bool interrupted = false;
  RoundStatistics rounds;
  LinkCounts link;
  std::optional<FaultCounts> faults;
  double wall_s = 0;  ///< first measurement to last injection, all runs
  /// Round-trip time over wall time per round trip: 1 keeps up with the machine. Unset without a time.
  std::optional<double> real_time_factor;
  std::string scheduling;  ///< scheduler and processors of the plant, in words

  /// Missed answers that never came.
  std::int64_t never_came() const { return rounds.misses - rounds.late_by.count(); }
};

/// Serves the loop of `problem` to one controller: waits for it, configures it, runs all trajectories and
/// says goodbye. parameters as for run_loop; their law is what a reference controller is told to compute.
/// Lock-step with a controller that computes it gives bit for bit what run_in_process() gives, whatever the
/// carrier loses. Throws InputError on settings that make no sense, Error where the controller fails.
PlantReport run_plant(const IsingModel& problem, const LoopParameters& parameters,
                      std::unique_ptr<Carrier> carrier, const PlantSettings& settings);

/// The same trajectories with the reference law in this process: no wire, no delay but the parameters' own.
std::vector<TrajectoryResult> run_in_process(const IsingModel& problem, const LoopParameters& parameters,
                                             const PlantSettings& settings,
                                             WireSaturations* saturations = nullptr);

/// Binds this thread to a processor. Throws InputError where it may not run there.
void bind_to_processor(int processor);
/// Scheduler, priority and processors of this thread: "other, processors 0-1 of 2".
std::string describe_scheduling();

}  // namespace opoloop::hil
