#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "driver/device.h"
#include "hamiltonian/qama/qama_problem.h"

namespace opoloop {

/// The best state found for one problem of a batch.
struct BatchAnswer {
  std::vector<std::int8_t> spins;  ///< ±1, in the order of QamaProblem; empty where it has none
  double energy = 0;               ///< of the problem itself, QUBO form, summed in double
};

/// What came of a batch. Where a device fails in the middle, answers it gave stay, the others are unset and
/// `failure` says why: nothing is silent.
struct BatchResult {
  std::vector<std::optional<BatchAnswer>> answers;  ///< one a problem, in their order
  std::string failure;                              ///< empty where all were answered
  int runs = 0;                                     ///< trajectories (reads) a problem
  std::int64_t steps = 0;                           ///< round trips (sweeps) a run, of the largest problem
  std::map<std::string, ParameterValue> parameters;
  std::vector<std::string> adaptations;  ///< of the first problem
  double wall_s = 0;

  std::size_t done() const;
};

/// Throws InputError where a device with such capabilities cannot hold a problem: says how many spins it has,
/// how many are needed, and which sizes would fit.
void require_spins(const Capabilities& capabilities, const QamaProblem& problem, const std::string& uri);

/// Solves every problem by solve(index), on so many threads, and gathers answers and the first failure.
/// Problems without spins are answered at once; after a failure no new problem is begun.
BatchResult gather_batch(std::span<const QamaProblem> problems, int threads,
                         const std::function<BatchAnswer(std::size_t)>& solve);

}  // namespace opoloop
