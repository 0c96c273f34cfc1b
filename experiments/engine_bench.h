#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "cim_model/parameters.h"
#include "experiments/machine_speed.h"

namespace opoloop {

/// What `opoloop bench` measures.
struct BenchOptions {
  std::vector<int> sizes = {100, 500, 2000};
  std::vector<int> batches = {1, 16, 128};
  std::vector<std::string> storages = {"dense", "int8", "sparse"};
  LawKind law = LawKind::cfc;
  ModelKind model = ModelKind::mean_field;
  int threads = 1;
  bool energies = true;  ///< follow the best energy every round trip
  double seconds = 0.3;  ///< for each number; three repetitions or more, the best counts
  std::uint64_t seed = 1;
};

/// One cell of the table: the engine on a random problem of n spins, `batch` trajectories.
struct EngineSpeed {
  int n = 0;
  int batch = 0;
  std::string storage;           ///< "dense" (Gaussian J), "int8" (J = ±1), "sparse" (J = −1, mean degree 20)
  double us_per_round_trip = 0;  ///< wall µs per (round trip × trajectory)
  double gflops = 0;             ///< 2N² operations per (round trip × trajectory), sparse J counted the same
  double share_of_peak = 0;      ///< gflops / (FMA peak of one thread × threads)
};

struct BenchResult {
  BenchOptions options;
  MachineSpeed machine;
  std::vector<EngineSpeed> engine;
};

/// `on_cell` is called after each measurement, for progress. Stops early, with what it has, on an interrupt.
BenchResult run_engine_bench(const BenchOptions& options,
                             const std::function<void(const EngineSpeed&)>& on_cell = {});

void print_bench_table(const BenchResult& result, std::ostream& out);
/// One JSON object on one line.
void print_bench_json(const BenchResult& result, std::ostream& out);

}  // namespace opoloop
