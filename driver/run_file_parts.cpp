#include "driver/run_file_parts.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <ctime>
#include <limits>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "core/error.h"
#include "core/version.h"
#include "driver/hdf5_handle.h"

#ifndef OPOLOOP_GIT_COMMIT
#define OPOLOOP_GIT_COMMIT "unknown"
#endif

namespace opoloop::run_file {

using hdf5::Description;
using hdf5::Packing;

namespace {

constexpr const char* kEnergy = "problem energy";  // whatever unit the couplings of the problem are in

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

void write_dense(std::int64_t group, const IsingModel& model, std::int64_t spin) {
  const auto n = static_cast<std::size_t>(model.size());
  std::vector<double> J(n * n, 0.0);
  for (std::int32_t i = 0; i < model.size(); ++i) {
    const auto columns = model.columns(i);
    const auto values = model.couplings(i);
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const auto a = static_cast<std::size_t>(i);
      const auto b = static_cast<std::size_t>(columns[k]);
      J[a * n + b] = J[b * n + a] = values[k];
    }
  }
  const Hdf5Handle dataset = hdf5::write_dataset<double>(
      group, "J", {n, n}, J.data(),
      {kEnergy, "Symmetric couplings, zero diagonal: E = -1/2 s'Js - h's + offset, s = -1 or +1."},
      Packing::packed);
  hdf5::attach_scale(dataset, spin, 0, "spin");
  hdf5::attach_scale(dataset, spin, 1, "spin");
}

/// Both triangles, rows in order: scipy.sparse.csr_matrix((J_data, J_indices, J_indptr)).
void write_sparse(std::int64_t group, const IsingModel& model) {
  const auto n = static_cast<std::size_t>(model.size());
  std::vector<std::int64_t> start(n + 1, 0);
  const std::vector<IsingEdge> edges = model.edges();
  for (const IsingEdge& e : edges) {
    ++start[static_cast<std::size_t>(e.i) + 1];
    ++start[static_cast<std::size_t>(e.j) + 1];
  }
  for (std::size_t i = 0; i < n; ++i) start[i + 1] += start[i];
  std::vector<std::int32_t> column(2 * edges.size());
  std::vector<double> value(2 * edges.size());
  std::vector<std::int64_t> next(start.begin(), start.end() - 1);
  // Edges come row by row with j rising: the lower triangle of each row is complete before its upper one.
  for (const bool lower : {true, false}) {
    for (const IsingEdge& e : edges) {
      const std::int32_t row = lower ? e.j : e.i;
      const auto at = static_cast<std::size_t>(next[static_cast<std::size_t>(row)]++);
      column[at] = lower ? e.i : e.j;
      value[at] = e.J;
    }
  }
  hdf5::write_dataset<std::int64_t>(
      group, "J_indptr", {n + 1}, start.data(),
      {"1", "Row i of J is entries J_indptr[i] to J_indptr[i+1] of the other two."}, Packing::packed);
  hdf5::write_dataset<std::int32_t>(group, "J_indices", {column.size()}, column.data(),
                                    {"1", "Column of each coupling; both triangles are stored."},
                                    Packing::packed);
  hdf5::write_dataset<double>(group, "J_data", {value.size()}, value.data(),
                              {kEnergy, "Couplings: E = -1/2 s'Js - h's + offset, s = -1 or +1."},
                              Packing::packed);
}

void write_number(std::int64_t group, const std::string& name, double value, const Description& description) {
  hdf5::write_dataset<double>(group, name, {}, &value, description);
}

void write_parameter(std::int64_t group, const std::string& name, const ParameterValue& parameter) {
  std::string safe = name;
  std::replace(safe.begin(), safe.end(), '/', '_');
  if (safe.empty() || safe == ".") safe.assign(1, '_');
  double number = 0;
  const char* end = parameter.value.data() + parameter.value.size();
  const auto [stop, status] = std::from_chars(parameter.value.data(), end, number);
  if (status == std::errc() && stop == end) {
    const Hdf5Handle dataset = hdf5::write_dataset<double>(
        group, safe, {}, &number, {parameter.unit.empty() ? "1" : parameter.unit, ""});
    hdf5::write_attribute(dataset, "text", parameter.value);
  } else {
    const Hdf5Handle dataset = hdf5::write_text_dataset(group, safe, {parameter.value}, "", true);
    hdf5::write_attribute(dataset, "units", parameter.unit.empty() ? std::string("1") : parameter.unit);
  }
}

void write_device(std::int64_t file, const Result& result) {
  const Hdf5Handle group = hdf5::open_group(file, "device");
  hdf5::write_attribute(group, "uri", result.device_uri);
  hdf5::write_attribute(group, "coupling_storage", result.coupling_storage);
  const auto preset = result.parameters.find("preset");
  hdf5::write_attribute(group, "preset",
                        preset == result.parameters.end() ? std::string() : preset->second.value);
  write_parameters(group, result.parameters);
  hdf5::write_text_dataset(group, "warnings", result.warnings, "What the device warned about.");
}

template <class T, class Get>
void write_column(std::int64_t group, const char* name, const Result& result, std::int64_t run_scale,
                  const Description& description, const Get& get) {
  std::vector<T> column;
  column.reserve(result.samples.size());
  for (const Sample& s : result.samples) column.push_back(static_cast<T>(get(s)));
  const Hdf5Handle dataset = hdf5::write_dataset<T>(group, name, {column.size()}, column.data(), description);
  if (!column.empty()) hdf5::attach_scale(dataset, run_scale, 0, "run");
}

void write_runs(std::int64_t file, const Result& result, const SolveStatistics& statistics, std::int32_t n) {
  const Hdf5Handle group = hdf5::create_group(file, "runs");
  hdf5::write_attribute(group, "runs_asked", std::int64_t{result.runs});
  hdf5::write_attribute(group, "steps_asked", result.steps);
  hdf5::write_attribute(group, "stopped_by",
                        std::string(result.interrupted    ? "interrupt"
                                    : result.time_limited ? "time limit"
                                                          : ""));
  const std::size_t runs = result.samples.size();
  std::vector<std::uint32_t> streams;
  for (const Sample& s : result.samples) streams.push_back(s.trajectory);
  const Hdf5Handle run = hdf5::write_dataset<std::uint32_t>(
      group, "trajectory", {runs}, streams.data(),
      {"1", "Random stream of the run: with the seed it fixes every number drawn."});
  const double target = statistics.target_energy.value_or(std::numeric_limits<double>::quiet_NaN());
  write_column<double>(group, "energy_final", result, run,
                       {kEnergy, "Energy of the spins at the end of the run."},
                       [](const Sample& s) { return s.energy_final; });
  write_column<double>(group, "energy_best", result, run, {kEnergy, "Lowest energy seen during the run."},
                       [](const Sample& s) { return s.energy_best; });
  write_column<std::int64_t>(group, "round_best", result, run,
                             {"round trips", "First round trip (sweep, step) with the lowest energy."},
                             [](const Sample& s) { return s.round_best; });
  write_column<std::int64_t>(group, "rounds", result, run, {"round trips", "Round trips actually run."},
                             [](const Sample& s) { return s.rounds; });
  write_column<std::uint8_t>(group, "diverged", result, run,
                             {"1", "1: an amplitude stopped being finite; counts as a failure."},
                             [](const Sample& s) { return s.diverged; });
  write_column<std::uint8_t>(
      group, "success_final", result, run, {"1", "1: energy_final reaches the target."},
      [&](const Sample& s) { return !s.diverged && reaches(s.energy_final, target, statistics.term); });
  write_column<std::uint8_t>(
      group, "success_best", result, run, {"1", "1: energy_best reaches the target."},
      [&](const Sample& s) { return !s.diverged && reaches(s.energy_best, target, statistics.term); });
  if (result.counts_clipping) {
    const Description clipped{"values",
                              "Values outside the range of that part, over all pulses and round trips."};
    write_column<std::int64_t>(group, "adc_saturations", result, run, clipped,
                               [](const Sample& s) { return s.clipping.adc_saturations; });
    write_column<std::int64_t>(group, "dac_saturations", result, run, clipped,
                               [](const Sample& s) { return s.clipping.dac_saturations; });
    write_column<std::int64_t>(group, "fixed_point_overflows", result, run, clipped,
                               [](const Sample& s) { return s.clipping.fixed_point_overflows; });
  }
  const std::size_t bytes = (static_cast<std::size_t>(n) + 7) / 8;
  std::vector<std::uint8_t> bits;
  bits.reserve(runs * bytes);
  for (const Sample& s : result.samples) {
    std::vector<std::int8_t> spins = s.spins_best;
    spins.resize(static_cast<std::size_t>(n), -1);
    const std::vector<std::uint8_t> row = pack_spins(spins);
    bits.insert(bits.end(), row.begin(), row.end());
  }
  const Hdf5Handle spins = hdf5::write_dataset<std::uint8_t>(
      group, "spins_best", {runs, bytes}, bits.data(),
      {"1",
       "Spins of energy_best, 8 to a byte, first spin in the most significant bit, bit 1 = +1: "
       "2*numpy.unpackbits(spins_best, axis=1)[:, :n].astype(int) - 1"},
      Packing::packed);
  hdf5::write_attribute(spins, "n", std::int64_t{n});
  hdf5::write_attribute(spins, "bit_order", std::string("big"));
  if (runs > 0) hdf5::attach_scale(spins, run, 0, "run");
  write_number(group, "wall_s", result.timing.wall_s,
               {"s", "Wall time of all runs together, without set-up."});
}

/// [value, low, high] with what it means.
void write_interval(std::int64_t group, const std::string& name, double value, double low, double high,
                    const Description& description) {
  const double values[] = {value, low, high};
  const Hdf5Handle dataset = hdf5::write_dataset<double>(group, name, {3}, values, description);
  hdf5::write_attribute(dataset, "columns", std::string("value, low, high (95% interval)"));
}

void write_tts(std::int64_t group, const std::string& name, const TimeToSolution& tts,
               const Description& description) {
  write_interval(group, name, tts.value, tts.low, tts.high, description);
  const Hdf5Handle dataset = hdf5::open_dataset(group, name);
  hdf5::write_attribute(dataset, "q", 0.99);
  hdf5::write_attribute(dataset, "lower_bound", std::int64_t{tts.lower_bound});
}

void write_statistics(std::int64_t file, const Result& result, const SolveStatistics& s) {
  const Hdf5Handle group = hdf5::create_group(file, "statistics");
  if (s.target_energy) {
    write_number(group, "target_energy", *s.target_energy,
                 {kEnergy, s.target_is_best_found
                               ? "The best energy of this very job: no target was known, so success only "
                                 "means as good as the best found."
                               : "A run succeeds when it reaches this energy."});
  }
  const auto integer = [&](const char* name, std::int64_t value, const char* text) {
    hdf5::write_dataset<std::int64_t>(group, name, {}, &value, {"1", text});
  };
  integer("target_is_best_found", s.target_is_best_found,
          "1: target_energy is the best of this job, not a known optimum.");
  integer("trials", s.trials, "Runs that were started.");
  integer("successes_best", s.successes_best, "Runs whose lowest energy ever reached the target.");
  integer("successes_final", s.successes_final, "Runs that ended at the target.");
  write_interval(group, "p_success_best", s.p_best, s.p_best_interval.low, s.p_best_interval.high,
                 {"1", "Fraction of runs that ever reached the target, with its Wilson interval."});
  write_interval(group, "p_success_final", s.p_final, s.p_final_interval.low, s.p_final_interval.high,
                 {"1", "Fraction of runs that ended at the target, with its Wilson interval."});
  write_tts(
      group, "tts_round_trips", s.round_trips,
      {"round trips", "Round trips of repeated runs until one has reached the target with probability 99%."});
  if (s.matrix_products) {
    write_tts(group, "tts_matrix_products", *s.matrix_products,
              {"products", "The same in matrix-vector products with J."});
  }
  write_tts(group, "tts_wall_s", s.wall_s,
            {"s", "The same in wall time of this computer per trajectory of the batch (throughput)."});
  if (s.machine_s)
    write_tts(group, "tts_machine_s", *s.machine_s, {"s", "The same on the optical machine of the preset."});
  if (s.latency_wall_s) {
    write_number(
        group, "latency_wall_s", *s.latency_wall_s,
        {"s", "Wall time until one whole batch has reached the target with probability 99% (latency)."});
  }
  write_number(group, "us_per_round_trip", s.us_per_round_trip,
               {"us", "Wall time per round trip and trajectory."});
  write_number(group, "gflops", s.gflops, {"GFLOP/s", "Twice the stored couplings multiplied per second."});
  write_number(group, "wall_s", result.timing.wall_s,
               {"s", "Wall time of all runs together, without set-up."});
  write_number(group, "setup_s", result.timing.setup_s, {"s", "Packing couplings and building tables."});
  const auto optional = [&](const char* name, const std::optional<double>& value, const char* text) {
    if (value) write_number(group, name, *value, {"s", text});
  };
  optional("queue_s", result.timing.queue_s, "Waiting in the queue of a remote machine.");
  optional("network_s", result.timing.network_s, "On the network.");
  optional("anneal_s", result.timing.anneal_s, "The remote machine's own solving time.");
  optional("read_out_s", result.timing.read_out_s, "Reading the answer out of the machine.");
  optional("machine_time_s", result.machine_time_s, "One run on the optical machine of the preset.");
  optional("round_trip_time_s", result.round_trip_time_s,
           "One round trip of the optical machine of the preset.");
}

}  // namespace

void write_provenance(std::int64_t file, const std::string& schema, std::int64_t schema_version,
                      const std::string& command_line, std::uint64_t seed) {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  hdf5::write_attribute(file, "schema", schema);
  hdf5::write_attribute(file, "schema_version", schema_version);
  hdf5::write_attribute(file, "created_utc", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now)));
  hdf5::write_attribute(file, "opoloop_version", std::string(kVersion));
  hdf5::write_attribute(file, "git_commit", std::string(OPOLOOP_GIT_COMMIT));
  hdf5::write_attribute(file, "command_line", command_line);
  hdf5::write_attribute(file, "seed", seed);
  hdf5::write_attribute(file, "host", host_name());
}

void write_parameters(std::int64_t device, const std::map<std::string, ParameterValue>& parameters) {
  const Hdf5Handle group = hdf5::create_group(device, "parameters");
  for (const auto& [name, value] : parameters) write_parameter(group, name, value);
}

void write_root(std::int64_t file, const RunFile::Header& header) {
  write_provenance(file, kSchema, kRunFileSchemaVersion, header.command_line, header.seed);
  hdf5::write_attribute(file, "complete", std::int64_t{0});
  const Hdf5Handle device = hdf5::create_group(file, "device");
  hdf5::write_attribute(device, "uri", header.device_uri);
}

void write_problem(std::int64_t file, const Problem& problem) {
  const IsingModel& model = problem.ising;
  const auto n = static_cast<std::size_t>(model.size());
  const Hdf5Handle group = hdf5::create_group(file, "problem");
  hdf5::write_attribute(group, "n", std::int64_t{model.size()});
  hdf5::write_attribute(group, "edges", model.edge_count());
  hdf5::write_attribute(group, "kind", kind_name(problem.kind));
  hdf5::write_attribute(group, "name", problem.name);
  hdf5::write_attribute(group, "source", problem.source);
  hdf5::write_attribute(group, "sha256", problem.sha256);
  if (problem.best_known_energy)
    hdf5::write_attribute(group, "best_known_energy", *problem.best_known_energy);
  hdf5::write_attribute(group, "best_known_source", problem.best_known_source);
  if (problem.kind == ProblemKind::max_cut)
    hdf5::write_attribute(group, "total_weight", problem.total_weight());

  std::vector<std::int32_t> index(n);
  for (std::size_t i = 0; i < n; ++i) index[i] = static_cast<std::int32_t>(i);
  const Hdf5Handle spin =
      hdf5::write_dataset<std::int32_t>(group, "spin", {n}, index.data(), {"1", "Index of a spin."});
  if (model.size() <= kDenseSpins) {
    hdf5::write_attribute(group, "storage", std::string("dense"));
    write_dense(group, model, spin);
  } else {
    hdf5::write_attribute(group, "storage", std::string("csr"));
    write_sparse(group, model);
  }
  const Hdf5Handle h =
      hdf5::write_dataset<double>(group, "h", {n}, model.field().data(), {kEnergy, "Linear term."});
  hdf5::attach_scale(h, spin, 0, "spin");
  write_number(group, "offset", model.offset(), {kEnergy, "Constant part of every energy."});
}

void write_results(std::int64_t file, const Result& result, const SolveStatistics& statistics,
                   std::int32_t n) {
  const Hdf5Handle problem = hdf5::open_group(file, "problem");
  hdf5::write_text_dataset(problem, "adaptations", result.adaptations,
                           "What was changed so that the device could take the problem.");
  write_device(file, result);
  write_runs(file, result, statistics, n);
  write_statistics(file, result, statistics);
}

std::vector<std::uint8_t> pack_spins(const std::vector<std::int8_t>& spins) {
  std::vector<std::uint8_t> bits((spins.size() + 7) / 8, 0);
  for (std::size_t i = 0; i < spins.size(); ++i) {
    if (spins[i] > 0) bits[i / 8] = static_cast<std::uint8_t>(bits[i / 8] | 0x80U >> i % 8);
  }
  return bits;
}

std::vector<std::int8_t> unpack_spins(const std::uint8_t* bits, std::int32_t n) {
  std::vector<std::int8_t> spins(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < spins.size(); ++i) spins[i] = (bits[i / 8] & 0x80U >> i % 8) != 0 ? 1 : -1;
  return spins;
}

}  // namespace opoloop::run_file
