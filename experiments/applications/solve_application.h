#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "experiments/points/point_plan.h"
#include "hamiltonian/applications/application.h"

namespace opoloop {

/// What a device made of one QUBO of an application.
struct SolvedApplication {
  int runs = 0;
  int feasible = 0;   ///< runs whose best state keeps every constraint
  int successes = 0;  ///< runs that reached the target (energies within rounding: driver/statistics.h)
  bool stopped = false;
  double best_energy = std::numeric_limits<double>::infinity();  ///< F + P V, of any state
  /// Feasible state of least F; empty where no run ended in one.
  std::vector<std::int8_t> best;
  /// Best states of the runs, each once, by energy: at most kOffered.
  std::vector<std::vector<std::int8_t>> offered;
  static constexpr std::size_t kOffered = 32;
};

struct SolveEffort {
  std::string device;  ///< URI
  int runs = 64;
  std::uint64_t seed = 1;
};

/// Runs the device on the application's problem. target: F of the reference, counted as success.
SolvedApplication solve_application(const Application& application, double target, const SolveEffort& effort,
                                    const PointContext& context);

}  // namespace opoloop
