#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cim_model/parameters.h"
#include "hamiltonian/coupling.h"
#include "hamiltonian/ising_model.h"

namespace opoloop {

/// What is known about one trajectory when its run ends. Energies are the model's, offset included,
/// recomputed in double from the spins.
struct TrajectoryResult {
  std::uint32_t trajectory = 0;  ///< global number; names its random stream
  double energy_final = 0;
  double energy_best = 0;
  std::int64_t round_best = 0;  ///< first round trip whose spins have the best energy
  std::int64_t rounds = 0;      ///< round trips actually run (early stop, interruption)
  ClippingCounts clipping;      ///< converters and fixed point, see cim_model/imperfections.h
  bool diverged = false;        ///< an amplitude stopped being finite; energies are those before
  std::vector<std::int8_t> spins_final;
  std::vector<std::int8_t> spins_best;
};

/// One logged round trip of one tile: views valid only during the call. Lane l is trajectory
/// `first_trajectory + l`. Arrays are [N][16] float; null where the law or model has no such variable.
struct TileObservation {
  std::int64_t round;  ///< k, 0 is the starting state
  std::uint32_t first_trajectory;
  int lanes;    ///< trajectories present in this tile, 1…16
  double time;  ///< k·dt
  double pump;
  int n;
  const float* amplitude;  ///< x
  const float* error;      ///< e, or null
  const float* measured;   ///< x̃, or null where it equals x
  const double* energy;    ///< [16] Ising energy of sign(x), offset included; NaN once a trajectory diverged
};

/// Called from worker threads, concurrently for different tiles, in round order for each tile.
using TileObserver = std::function<void(const TileObservation&)>;

struct EngineOptions {
  std::uint64_t seed = 1;
  std::uint32_t first_trajectory = 0;  ///< global number of the first trajectory of this call
  int trajectories = 128;
  int threads = 1;
  int block_tiles = 0;                ///< tiles that share one pass over J; 0 = chosen from N and threads
  bool track_energy = true;           ///< follow the best energy every round trip
  std::optional<double> stop_energy;  ///< all tiles stop soon after one trajectory is at or below this
  TileObserver observer;              ///< called where round % observe_every == 0 and at the last round
  std::int64_t observe_every = 1;
  int observe_trajectories = 0;         ///< tiles that hold one of the first so many trajectories
  std::atomic<bool>* cancel = nullptr;  ///< looked at once a round trip
  std::optional<std::chrono::steady_clock::time_point>
      deadline;                                   ///< likewise; every 16 round trips where n ≤ 256
  std::atomic<std::int64_t>* progress = nullptr;  ///< trajectory·round trips done
  std::atomic<double>* best_energy = nullptr;     ///< lowered as better energies are found
};

/// The fast path: runs many trajectories of one loop at once. cim_model/loop.h has the same loop, slow and
/// plain; tests hold the two together.
class Engine {
 public:
  /// The coupling must outlive the engine. parameters are validated here.
  Engine(const IsingModel& model, const Coupling& coupling, LoopParameters parameters);
  ~Engine();

  std::vector<TrajectoryResult> run(const EngineOptions& options) const;
  const LoopParameters& parameters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace opoloop
