#pragma once

#include <vector>

#include "cim_model/engine.h"

namespace opoloop {

/// Many trajectories of one loop: by the fast engine where it knows the model, else one by one through
/// run_loop, a trajectory a thread. Either way trajectory t is the same whatever the number of threads, and
/// options mean what EngineOptions says. Tiles that an observer sees from run_loop hold one lane.
std::vector<TrajectoryResult> run_ensemble(const IsingModel& problem, const Coupling& coupling,
                                           const LoopParameters& parameters, const EngineOptions& options);

/// True where the engine computes this loop, false where run_loop has to.
bool engine_runs(const LoopParameters& parameters);

}  // namespace opoloop
