#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "core/error.h"
#include "driver/hdf5_handle.h"
#include "driver/run_file.h"
#include "driver/run_file_parts.h"

namespace opoloop {

namespace {

ProblemKind kind_of(const std::string& name) {
  if (name == "qubo") return ProblemKind::qubo;
  if (name == "max_cut") return ProblemKind::max_cut;
  return ProblemKind::ising;
}

void read_problem(std::int64_t file, RunFileContents& c) {
  const Hdf5Handle group = hdf5::open_group(file, "problem");
  c.problem_name = hdf5::read_text_attribute(group, "name");
  if (hdf5::has_attribute(group, "sha256")) c.problem_sha256 = hdf5::read_text_attribute(group, "sha256");
  c.n = hdf5::read_integer_attribute(group, "n");
  c.edges = hdf5::read_integer_attribute(group, "edges");
  c.problem_kind = kind_of(hdf5::read_text_attribute(group, "kind"));
  if (hdf5::has_attribute(group, "best_known_energy")) {
    c.best_known_energy = hdf5::read_number_attribute(group, "best_known_energy");
  }
  if (hdf5::has_attribute(group, "total_weight"))
    c.total_weight = hdf5::read_number_attribute(group, "total_weight");
  if (hdf5::exists(group, "adaptations")) c.adaptations = hdf5::read_text_all(group, "adaptations");
}

void read_device(std::int64_t file, RunFileContents& c) {
  const Hdf5Handle group = hdf5::open_group(file, "device");
  c.device_uri = hdf5::read_text_attribute(group, "uri");
  if (hdf5::exists(group, "warnings")) c.warnings = hdf5::read_text_all(group, "warnings");
  if (!hdf5::exists(group, "parameters")) return;
  const Hdf5Handle parameters = hdf5::open_group(group, "parameters");
  for (const std::string& name : hdf5::member_names(parameters)) {
    const Hdf5Handle dataset = hdf5::open_dataset(parameters, name);
    ParameterValue value;
    value.value = hdf5::has_attribute(dataset, "text") ? hdf5::read_text_attribute(dataset, "text")
                                                       : hdf5::read_scalar_as_text(parameters, name);
    value.unit = hdf5::read_text_attribute(dataset, "units");
    if (value.unit == "1") value.unit.clear();
    c.device_parameters[name] = value;
  }
}

void read_runs(std::int64_t file, RunFileContents& c) {
  const Hdf5Handle group = hdf5::open_group(file, "runs");
  if (hdf5::has_attribute(group, "stopped_by")) {  // younger than the rest of version 1
    c.stopped_by = hdf5::read_text_attribute(group, "stopped_by");
    c.runs_asked = hdf5::read_integer_attribute(group, "runs_asked");
  }
  c.trajectory = hdf5::read_all<std::uint32_t>(group, "trajectory");
  c.energy_final = hdf5::read_all<double>(group, "energy_final");
  c.energy_best = hdf5::read_all<double>(group, "energy_best");
  c.round_best = hdf5::read_all<std::int64_t>(group, "round_best");
  c.rounds = hdf5::read_all<std::int64_t>(group, "rounds");
  const auto flags = [&](const char* name) {
    const std::vector<std::uint8_t> bytes = hdf5::read_all<std::uint8_t>(group, name);
    return std::vector<bool>(bytes.begin(), bytes.end());
  };
  c.diverged = flags("diverged");
  c.success_final = flags("success_final");
  c.success_best = flags("success_best");
  const std::vector<std::uint8_t> bits = hdf5::read_all<std::uint8_t>(group, "spins_best");
  const std::size_t bytes = (static_cast<std::size_t>(c.n) + 7) / 8;
  const std::size_t runs = c.energy_best.size();
  if (bits.size() != runs * bytes || c.energy_final.size() != runs || c.round_best.size() != runs ||
      c.rounds.size() != runs || c.trajectory.size() != runs || c.diverged.size() != runs ||
      c.success_final.size() != runs || c.success_best.size() != runs) {
    throw InputError(c.path + ": /runs: columns of different lengths");
  }
  if (hdf5::exists(group, "adc_saturations")) {
    const auto adc = hdf5::read_all<std::int64_t>(group, "adc_saturations");
    const auto dac = hdf5::read_all<std::int64_t>(group, "dac_saturations");
    const auto fixed = hdf5::read_all<std::int64_t>(group, "fixed_point_overflows");
    if (adc.size() != runs || dac.size() != runs || fixed.size() != runs)
      throw InputError(c.path + ": /runs: columns of different lengths");
    for (std::size_t r = 0; r < runs; ++r) c.clipping.push_back({adc[r], dac[r], fixed[r]});
  }
  for (std::size_t r = 0; r < runs; ++r) {
    c.spins_best.push_back(run_file::unpack_spins(bits.data() + r * bytes, static_cast<std::int32_t>(c.n)));
  }
}

std::string short_number(double v) {
  if (std::isinf(v)) return v > 0 ? "∞" : "−∞";
  return fmt::format("{:.6g}", v);
}

void read_statistics(std::int64_t file, RunFileContents& c) {
  const Hdf5Handle group = hdf5::open_group(file, "statistics");
  for (const std::string& name : hdf5::member_names(group)) {
    const Hdf5Handle dataset = hdf5::open_dataset(group, name);
    RunFileContents::Statistic s;
    s.values = hdf5::read_all<double>(group, name);
    s.units = hdf5::read_text_attribute(dataset, "units");
    if (hdf5::has_attribute(dataset, "description"))
      s.description = hdf5::read_text_attribute(dataset, "description");
    s.lower_bound = hdf5::has_attribute(dataset, "lower_bound") &&
                    hdf5::read_integer_attribute(dataset, "lower_bound") != 0;
    if (s.values.empty()) continue;
    std::string text = fmt::format("{}{}", s.lower_bound ? "at least " : "", short_number(s.values[0]));
    if (s.units != "1") text += " " + s.units;
    if (s.values.size() == 3)
      text += fmt::format(" ({} … {})", short_number(s.values[1]), short_number(s.values[2]));
    c.statistics.emplace_back(name, text);
    c.statistic[name] = std::move(s);
  }
}

void read_trajectories(std::int64_t file, const RunFileReadLimits& limits, RunFileContents& c) {
  const Hdf5Handle group = hdf5::open_group(file, "trajectories");
  const Hdf5Handle amplitude = hdf5::open_dataset(group, "amplitude");
  const Hdf5Handle energy = hdf5::open_dataset(group, "energy");
  const std::vector<std::uint64_t> dims = hdf5::dimensions(amplitude);
  const std::vector<std::int64_t> written = hdf5::read_all<std::int64_t>(group, "rows_written");
  if (dims.size() != 3 || written.size() != dims[0] ||
      hdf5::dimensions(energy) != std::vector{dims[0], dims[1]}) {
    throw InputError(c.path + ": /trajectories: amplitude, energy and rows_written do not fit together");
  }
  const std::uint64_t longest =
      written.empty() ? 0
                      : std::min(dims[1], static_cast<std::uint64_t>(std::max<std::int64_t>(
                                              0, *std::max_element(written.begin(), written.end()))));
  c.logged_trajectories = static_cast<std::int64_t>(dims[0]);
  c.logged_rows = static_cast<std::int64_t>(longest);
  if (longest == 0) return;
  const std::uint64_t stride =
      (longest + static_cast<std::uint64_t>(std::max<std::int64_t>(limits.rows, 2)) - 1) /
      static_cast<std::uint64_t>(std::max<std::int64_t>(limits.rows, 2));
  std::vector<std::uint64_t> rows;
  for (std::uint64_t t = 0; t < longest; t += stride) rows.push_back(t);
  if (rows.back() != longest - 1) rows.push_back(longest - 1);

  const Hdf5Handle round_set = hdf5::open_dataset(group, "round");
  const Hdf5Handle pump_set = hdf5::open_dataset(group, "pump");
  std::vector<std::int64_t> round(longest);
  std::vector<double> pump(longest);
  hdf5::read_block<std::int64_t>(round_set, {0}, {longest}, round.data());
  hdf5::read_block<double>(pump_set, {0}, {longest}, pump.data());
  for (const std::uint64_t t : rows) {
    c.log_rounds.push_back(round[t]);
    c.log_pump.push_back(pump[t]);
  }

  const double one = static_cast<double>(rows.size() * dims[2]) * sizeof(float);
  const auto fit =
      static_cast<std::uint64_t>(std::max(1.0, static_cast<double>(limits.amplitude_bytes) / one));
  const std::uint64_t block = std::max<std::uint64_t>(1, (4U << 20) / (dims[2] * sizeof(float)));
  std::vector<double> energies(longest);
  std::vector<float> buffer;
  for (std::uint64_t r = 0; r < dims[0]; ++r) {
    const auto held = static_cast<std::uint64_t>(std::max<std::int64_t>(0, written[r]));
    hdf5::read_block<double>(energy, {r, 0}, {1, longest}, energies.data());
    std::fill(energies.begin() + static_cast<std::ptrdiff_t>(std::min(held, longest)), energies.end(),
              std::numeric_limits<double>::quiet_NaN());
    std::vector<double> at_rows;
    std::vector<double> so_far;
    double lowest = std::numeric_limits<double>::infinity();
    std::uint64_t seen = 0;
    for (const std::uint64_t t : rows) {
      for (; seen <= t; ++seen)
        lowest = std::min(lowest, std::isnan(energies[seen]) ? lowest : energies[seen]);
      at_rows.push_back(energies[t]);
      so_far.push_back(t < held ? lowest : std::numeric_limits<double>::quiet_NaN());
    }
    c.energy.push_back(std::move(at_rows));
    c.energy_so_far.push_back(std::move(so_far));

    if (r >= fit) continue;
    std::vector<std::vector<float>> x;
    x.reserve(rows.size());
    // Neighbouring rows share chunks: a block is read at once and the rows wanted are kept.
    for (std::size_t k = 0; k < rows.size();) {
      const std::uint64_t first = rows[k];
      const std::uint64_t count = std::min(block, longest - first);
      buffer.resize(count * dims[2]);
      hdf5::read_block<float>(amplitude, {r, first, 0}, {1, count, dims[2]}, buffer.data());
      for (; k < rows.size() && rows[k] < first + count; ++k) {
        const auto from = buffer.begin() + static_cast<std::ptrdiff_t>((rows[k] - first) * dims[2]);
        x.emplace_back(from, from + static_cast<std::ptrdiff_t>(dims[2]));
        if (rows[k] >= held)
          std::fill(x.back().begin(), x.back().end(), std::numeric_limits<float>::quiet_NaN());
      }
    }
    c.amplitude.push_back(std::move(x));
  }
}

}  // namespace

RunFileContents read_run_file(const std::string& path, const RunFileReadLimits& limits) {
  const std::lock_guard lock(hdf5_mutex());
  RunFileContents c;
  c.path = path;
  struct stat s{};
  if (::stat(path.c_str(), &s) != 0) throw InputError(path + ": no such file");
  if (!S_ISREG(s.st_mode)) throw InputError(path + ": not a regular file");
  Hdf5Handle file;
  try {
    file = hdf5::open_file(path, false);
  } catch (const Error&) {
    throw InputError(path + ": not an HDF5 file, or one that was cut short");
  }
  if (!hdf5::has_attribute(file, "schema") ||
      hdf5::read_attribute_as_text(file, "schema") != run_file::kSchema) {
    throw InputError(path + ": an HDF5 file, but not a run file (attribute schema is not \"opoloop-run\")");
  }
  try {
    const std::int64_t version = hdf5::read_integer_attribute(file, "schema_version");
    if (version != kRunFileSchemaVersion) {
      throw InputError(fmt::format("{}: schema version {}, this program reads version {}", path, version,
                                   kRunFileSchemaVersion));
    }
    for (const std::string& name : hdf5::attribute_names(file)) {
      c.attributes.emplace_back(name, hdf5::read_attribute_as_text(file, name));
    }
    c.complete = hdf5::read_integer_attribute(file, "complete") != 0;
    read_problem(file, c);
    read_device(file, c);
    if (hdf5::exists(file, "runs")) read_runs(file, c);
    if (hdf5::exists(file, "statistics")) {
      read_statistics(file, c);
      c.finished = true;
    }
    if (hdf5::exists(file, "trajectories")) read_trajectories(file, limits, c);
  } catch (const InputError&) {
    throw;
  } catch (const Error& error) {
    throw InputError(path + ": " + error.what());
  }
  return c;
}

}  // namespace opoloop
