#include "experiments/engine_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cim_model/engine.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/random.h"
#include "hamiltonian/coupling.h"

namespace opoloop {
namespace {

constexpr int kSparseDegree = 20;  // that of G22

struct Storage {
  const char* name;
  CouplingStorage storage;
};
constexpr Storage kStorages[] = {{"dense", CouplingStorage::dense_f32},
                                 {"int8", CouplingStorage::dense_i8},
                                 {"sparse", CouplingStorage::sparse}};

const Storage& storage_named(const std::string& name) {
  for (const Storage& storage : kStorages) {
    if (storage.name == name) return storage;
  }
  throw InputError("bench: unknown storage '" + name + "'; known are dense, int8, sparse");
}

/// Each pair kept with the probability that gives the density, so memory and zeros are like a real problem's.
IsingModel random_problem(int n, CouplingStorage storage, std::uint64_t seed) {
  RandomSequence random(seed, Stream::generator);
  const double density = storage == CouplingStorage::sparse ? std::min(1.0, kSparseDegree / (n - 1.0)) : 1.0;
  std::vector<IsingEdge> edges;
  for (std::int32_t i = 0; i < n; ++i) {
    for (std::int32_t j = i + 1; j < n; ++j) {
      if (density < 1 && random.uniform() >= density) continue;
      double J = -1;
      if (storage == CouplingStorage::dense_f32) J = random.normal();
      if (storage == CouplingStorage::dense_i8) J = random.below(2) == 0 ? -1 : 1;
      edges.push_back({i, j, J});
    }
  }
  return IsingModel(n, std::move(edges));
}

double seconds_of(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return seconds_since(start);
}

/// The published setting of the law (R21) over `rounds` round trips: the dynamics of a solve, not of a warm
/// cache.
LoopParameters bench_parameters(const BenchOptions& options, std::int64_t rounds) {
  LoopParameters p;
  p.model = options.model;
  p.law = options.law;
  p.rounds = rounds;
  p.pump = Schedule::ramp(-1, 1, 0.9);
  if (options.law == LawKind::cac) {
    p.dt = 0.125;
    p.alpha = Schedule::ramp(1, 2.5, 0.9);
    p.beta = Schedule(0.8);
    p.clamp_over_sqrt_alpha = 1.5;
  } else {
    p.dt = 0.4;
    p.beta = Schedule(0.2);
    p.amplitude_clamp = 1.5;
    p.error_min = 0.01;
    p.start_sd = 0.1;
  }
  return p;
}

/// Best wall seconds per (round trip × trajectory).
double measure_cell(const IsingModel& model, const Coupling& coupling, const BenchOptions& options,
                    int batch) {
  EngineOptions run;
  run.seed = options.seed;
  run.trajectories = batch;
  run.threads = options.threads;
  run.track_energy = options.energies;
  // A first short run tells how many round trips fill a repetition; set-up then hardly counts.
  std::int64_t rounds = 16;
  double best = 0;
  double spent = 0;
  for (int repetition = -1; repetition < 3 || spent < options.seconds; ++repetition) {
    const Engine engine(model, coupling, bench_parameters(options, rounds));
    const double seconds = seconds_of([&] { engine.run(run); });
    const double each = seconds / (static_cast<double>(rounds) * batch);
    if (repetition < 0) {
      const double wanted = options.seconds / 3;
      rounds = std::clamp<std::int64_t>(static_cast<std::int64_t>(wanted / (each * batch)), 16, 1'000'000);
      continue;
    }
    best = best == 0 ? each : std::min(best, each);
    spent += seconds;
  }
  return best;
}

}  // namespace

BenchResult run_engine_bench(const BenchOptions& options,
                             const std::function<void(const EngineSpeed&)>& on_cell) {
  for (const std::string& name : options.storages) storage_named(name);
  for (const int n : options.sizes) {
    if (n < 2) throw_parameter_error("bench --sizes", n, "2 or more");
  }
  for (const int batch : options.batches) {
    if (batch < 1) throw_parameter_error("bench --batches", batch, "1 or more");
  }
  BenchResult result;
  result.options = options;
  result.machine = measure_machine_speed(options.seconds);
  const double peak = result.machine.fma_peak_gflops * options.threads;
  for (const int n : options.sizes) {
    for (const std::string& name : options.storages) {
      const Storage& storage = storage_named(name);
      const IsingModel model = random_problem(n, storage.storage, options.seed);
      const auto coupling = make_coupling(model, storage.storage);
      for (const int batch : options.batches) {
        if (interrupted()) return result;
        EngineSpeed cell;
        cell.n = n;
        cell.batch = batch;
        cell.storage = name;
        const double seconds = measure_cell(model, *coupling, options, batch);
        cell.us_per_round_trip = seconds * 1e6;
        cell.gflops = 2e-9 * n * n / seconds;
        cell.share_of_peak = cell.gflops / peak;
        result.engine.push_back(cell);
        if (on_cell) on_cell(cell);
      }
    }
  }
  return result;
}

void print_bench_table(const BenchResult& result, std::ostream& out) {
  const MachineSpeed& machine = result.machine;
  out << "This computer, one thread\n";
  out << fmt::format("  multiply-add peak   {:6.1f} GFLOP/s   float32, {}\n", machine.fma_peak_gflops,
                     machine.instruction_set);
  for (const auto& sgemm : machine.sgemm) {
    out << fmt::format("  sgemm N x N x 128   {:6.1f} GFLOP/s   N = {}, {}\n", sgemm.gflops, sgemm.n,
                       machine.blas);
  }
  out << fmt::format("  reads, cache        {:6.1f} GB/s      buffer of {} MiB\n", machine.cache_gb_per_s,
                     machine.cache_bytes >> 20);
  out << fmt::format("  reads, memory       {:6.1f} GB/s      buffer of {} MiB\n", machine.memory_gb_per_s,
                     machine.memory_bytes >> 20);
  out << fmt::format("\nThe engine: model {}, law {}, {} thread{}, energies of every round trip {}\n",
                     name_of(result.options.model), name_of(result.options.law), result.options.threads,
                     result.options.threads == 1 ? "" : "s",
                     result.options.energies ? "followed" : "not followed");
  out << fmt::format("  {:>5}  {:>5}  {:<7} {:>22} {:>16} {:>8}\n", "N", "batch", "J",
                     "µs/(trip x trajectory)", "GFLOP/s (2N^2)", "of peak");
  for (const EngineSpeed& cell : result.engine) {
    out << fmt::format("  {:>5}  {:>5}  {:<7} {:>22.3f} {:>16.1f} {:>7.0f}%\n", cell.n, cell.batch,
                       cell.storage, cell.us_per_round_trip, cell.gflops, 100 * cell.share_of_peak);
  }
  out << "A sparse J is counted as 2N^2 too, so it may pass the peak; sgemm is the bar for a dense J.\n";
}

void print_bench_json(const BenchResult& result, std::ostream& out) {
  using Json = nlohmann::ordered_json;
  const MachineSpeed& machine = result.machine;
  Json json;
  Json& m = json["machine"];
  m["instruction_set"] = machine.instruction_set;
  m["fma_peak_gflops"] = machine.fma_peak_gflops;
  m["blas"] = machine.blas;
  m["sgemm"] = Json::array();
  for (const auto& sgemm : machine.sgemm) m["sgemm"].push_back({{"n", sgemm.n}, {"gflops", sgemm.gflops}});
  m["cache_gb_per_s"] = machine.cache_gb_per_s;
  m["cache_bytes"] = machine.cache_bytes;
  m["memory_gb_per_s"] = machine.memory_gb_per_s;
  m["memory_bytes"] = machine.memory_bytes;
  json["model"] = name_of(result.options.model);
  json["law"] = name_of(result.options.law);
  json["threads"] = result.options.threads;
  json["energies"] = result.options.energies;
  json["seed"] = result.options.seed;
  json["engine"] = Json::array();
  for (const EngineSpeed& cell : result.engine) {
    json["engine"].push_back({{"n", cell.n},
                              {"batch", cell.batch},
                              {"storage", cell.storage},
                              {"us_per_round_trip", cell.us_per_round_trip},
                              {"gflops", cell.gflops},
                              {"share_of_peak", cell.share_of_peak}});
  }
  out << json.dump() << '\n';
}

}  // namespace opoloop
