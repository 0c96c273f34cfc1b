#include <cmath>

#include <fmt/format.h>

#include "core/error.h"
#include "driver/hdf5_handle.h"
#include "driver/run_file.h"
#include "driver/run_file_parts.h"

namespace opoloop {

namespace {

/// The problem as the file holds it.
IsingModel read_model(std::int64_t file) {
  const Hdf5Handle group = hdf5::open_group(file, "problem");
  const auto n = static_cast<std::int32_t>(hdf5::read_integer_attribute(group, "n"));
  const auto size = static_cast<std::size_t>(n);
  std::vector<IsingEdge> edges;
  const auto add = [&](std::int64_t i, std::int64_t j, double J) {
    if (i < j && J != 0) edges.push_back({static_cast<std::int32_t>(i), static_cast<std::int32_t>(j), J});
  };
  if (hdf5::exists(group, "J")) {
    const std::vector<double> J = hdf5::read_all<double>(group, "J");
    if (J.size() != size * size) throw Error("/problem/J is not n × n");
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < size; ++j) {
        if (J[i * size + j] != J[j * size + i]) throw Error("/problem/J is not symmetric");
        add(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j), J[i * size + j]);
      }
    }
  } else {
    const auto start = hdf5::read_all<std::int64_t>(group, "J_indptr");
    const auto column = hdf5::read_all<std::int32_t>(group, "J_indices");
    const auto value = hdf5::read_all<double>(group, "J_data");
    if (start.size() != size + 1 || column.size() != value.size() || start.front() != 0 ||
        start.back() != static_cast<std::int64_t>(value.size())) {
      throw Error("/problem: J_indptr, J_indices and J_data do not fit together");
    }
    for (std::size_t i = 0; i < size; ++i) {
      if (start[i] > start[i + 1]) throw Error("/problem/J_indptr decreases");
      for (std::int64_t k = start[i]; k < start[i + 1]; ++k) {
        add(static_cast<std::int64_t>(i), column[static_cast<std::size_t>(k)],
            value[static_cast<std::size_t>(k)]);
      }
    }
  }
  const std::vector<double> offset = hdf5::read_all<double>(group, "offset");
  if (offset.size() != 1) throw Error("/problem/offset is not a number");
  return {n, std::move(edges), hdf5::read_all<double>(group, "h"), offset[0]};
}

/// Reads every row that claims to hold data: checksums are verified by the reading itself.
std::int64_t count_bad_rows(std::int64_t group, const std::vector<std::int64_t>& written,
                            std::uint64_t planned, std::uint64_t width) {
  const Hdf5Handle amplitude = hdf5::open_dataset(group, "amplitude");
  const Hdf5Handle energy = hdf5::open_dataset(group, "energy");
  const std::uint64_t block = std::max<std::uint64_t>(1, (4U << 20) / (4 * width));
  std::vector<float> x;
  std::vector<double> e;
  std::int64_t bad = 0;
  for (std::uint64_t r = 0; r < written.size(); ++r) {
    const std::uint64_t end =
        std::min(planned, static_cast<std::uint64_t>(std::max<std::int64_t>(0, written[r])));
    for (std::uint64_t t = 0; t < end; t += block) {
      const std::uint64_t count = std::min(block, end - t);
      x.resize(count * width);
      e.resize(count);
      hdf5::read_block<float>(amplitude, {r, t, 0}, {1, count, width}, x.data());
      hdf5::read_block<double>(energy, {r, t}, {1, count}, e.data());
      for (std::uint64_t k = 0; k < count; ++k) {
        bool finite = std::isfinite(e[k]);
        for (std::uint64_t i = 0; i < width && finite; ++i) finite = std::isfinite(x[k * width + i]);
        bad += !finite;
      }
    }
  }
  return bad;
}

void check_trajectories(std::int64_t file, RunFileCheck& check) {
  if (!hdf5::exists(file, "trajectories")) {
    check.lines.emplace_back("trajectories: none logged");
    return;
  }
  const Hdf5Handle group = hdf5::open_group(file, "trajectories");
  const auto dims = hdf5::dimensions(hdf5::open_dataset(group, "amplitude"));
  const auto written = hdf5::read_all<std::int64_t>(group, "rows_written");
  std::int64_t least = 0;
  std::int64_t most = 0;
  std::int64_t total = 0;
  for (std::size_t r = 0; r < written.size(); ++r) {
    least = r == 0 ? written[r] : std::min(least, written[r]);
    most = std::max(most, written[r]);
    total += written[r];
  }
  if (least < 0 || most > static_cast<std::int64_t>(dims[1]))
    throw Error("/trajectories/rows_written is out of range");
  std::string also;
  for (const char* name : {"error", "measured"}) {
    if (!hdf5::exists(group, name)) continue;
    if (hdf5::dimensions(hdf5::open_dataset(group, name)) != dims) {
      throw Error(fmt::format("/trajectories/{} has another shape than amplitude", name));
    }
    also += fmt::format(", {}", name);
  }
  check.lines.push_back(fmt::format(
      "trajectories: {} of {} pulses, amplitude, energy{}; {} rows written ({} to {} each, room for {})",
      dims[0], dims[2], also, total, least, most, dims[1]));
  const std::int64_t bad = count_bad_rows(group, written, dims[1], dims[2]);
  if (bad > 0) check.lines.push_back(fmt::format("note: {} logged rows are not finite (diverged runs)", bad));
  const auto round = hdf5::read_all<std::int64_t>(group, "round");
  const std::int64_t every = hdf5::read_integer_attribute(group, "every");
  const std::int64_t rounds = hdf5::read_integer_attribute(group, "rounds");
  for (std::int64_t t = 0; t < most; ++t) {
    if (round[static_cast<std::size_t>(t)] != std::min(t * every, rounds)) {
      throw Error(fmt::format("/trajectories/round: row {} is round {}, not {}", t,
                              round[static_cast<std::size_t>(t)], std::min(t * every, rounds)));
    }
  }
}

/// Counts are counts, and no run converts more than one value a pulse and round trip (the last state's record
/// too); the ancilla is a pulse.
void check_clipping(const RunFileContents& c, RunFileCheck& check) {
  if (c.clipping.empty()) return;
  ClippingCounts sum;
  for (std::size_t r = 0; r < c.clipping.size(); ++r) {
    const ClippingCounts& counts = c.clipping[r];
    const std::int64_t most = (c.n + 1) * (c.rounds[r] + 1);
    for (const std::int64_t count :
         {counts.adc_saturations, counts.dac_saturations, counts.fixed_point_overflows}) {
      // A diverged run stopped counting its rounds before it stopped converting.
      if (count < 0 || (count > most && !c.diverged[r]))
        throw Error(fmt::format("/runs: run {} counts {} clipped values of {}", r, count, most));
    }
    sum.adc_saturations += counts.adc_saturations;
    sum.dac_saturations += counts.dac_saturations;
    sum.fixed_point_overflows += counts.fixed_point_overflows;
  }
  check.lines.push_back(
      fmt::format("clipped values: {} of the measurement, {} of the injection, {} of fixed-point numbers",
                  sum.adc_saturations, sum.dac_saturations, sum.fixed_point_overflows));
}

/// Every run's spins must have the energy the file says.
void check_energies(std::int64_t file, const RunFileContents& c, RunFileCheck& check) {
  const IsingModel model = read_model(file);
  std::size_t wrong = 0;
  for (std::size_t r = 0; r < c.energy_best.size(); ++r) {
    const double energy = model.energy(c.spins_best[r]);
    if (!c.diverged[r] && !(std::abs(energy - c.energy_best[r]) <= 1e-6 * std::max(1.0, std::abs(energy))))
      ++wrong;
  }
  if (wrong > 0) throw Error(fmt::format("/runs: spins of {} runs do not have the energy stated", wrong));
  check.lines.emplace_back("runs: energies recomputed from couplings and spins agree");
}

}  // namespace

RunFileCheck check_run_file(const std::string& path) {
  RunFileCheck check;
  try {
    const RunFileContents c = read_run_file(path, {2, 1});
    const std::lock_guard lock(hdf5_mutex());
    const Hdf5Handle file = hdf5::open_file(path, false);
    for (const char* name :
         {"created_utc", "opoloop_version", "git_commit", "command_line", "seed", "host", "complete"}) {
      if (!hdf5::has_attribute(file, name)) throw Error(fmt::format("attribute {} is missing", name));
    }
    check.complete = c.complete;
    check.lines.push_back(fmt::format("schema: {} version {}", run_file::kSchema, kRunFileSchemaVersion));
    check.lines.push_back(
        c.complete
            ? "complete: yes" + std::string(c.stopped_by == "time limit" ? ", up to its time limit" : "")
        : c.finished ? "complete: no, the job was interrupted; what it had done is here"
                     : "complete: no, the run is going on or was cut off; what had been written is here");
    check.lines.push_back(fmt::format("problem: {} ({} spins, {} couplings)", c.problem_name, c.n, c.edges));
    check.lines.push_back(fmt::format("device: {}", c.device_uri));
    check_trajectories(file, check);
    if (c.finished) {
      const auto runs = static_cast<std::int64_t>(c.energy_best.size());
      check.lines.push_back(runs < c.runs_asked ? fmt::format("runs: {} of {}", runs, c.runs_asked)
                                                : fmt::format("runs: {}", runs));
      check_energies(file, c, check);
      check_clipping(c, check);
      check.lines.push_back(fmt::format("statistics: {} values", c.statistics.size()));
    } else {
      (void)read_model(file);
      check.lines.emplace_back("runs: none (they are written at the end)");
    }
    if (c.complete && !c.finished) throw Error("complete, but without /runs and /statistics");
    check.ok = true;
  } catch (const Error& error) {
    check.lines.push_back(fmt::format("broken: {}", error.what()));
  }
  return check;
}

}  // namespace opoloop
