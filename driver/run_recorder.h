#pragma once

#include "cim_model/engine.h"

namespace opoloop {

/// Where the amplitudes of logged trajectories go while a job runs. A device calls record() from its worker
/// threads; the implementation copies what it needs and returns fast (back-pressure when its queue is full).
class RunRecorder {
 public:
  virtual ~RunRecorder() = default;

  /// Before the first record(): what will be logged. `has_error`: the law has error variables;
  /// `has_measured`: the measured record differs from the amplitude.
  virtual void begin(int trajectories, int n, std::int64_t rounds, std::int64_t every, double dt,
                     bool has_error, bool has_measured) = 0;
  /// Rows of one tile at one logged round trip, in round order for each tile.
  virtual void record(const TileObservation& observation) = 0;
};

}  // namespace opoloop
