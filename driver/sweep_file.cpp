#include "driver/sweep_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <mutex>

#include <fmt/format.h>

#include "core/error.h"
#include "driver/hdf5_handle.h"
#include "driver/run_file.h"
#include "driver/run_file_parts.h"

namespace opoloop {

namespace {

constexpr const char* kSchema = "opoloop-experiment";

const SweepColumn& column_named(const Sweep& sweep, const std::string& name) {
  for (const SweepColumn& column : sweep.columns) {
    if (column.name == name) return column;
  }
  throw Error(fmt::format("experiment file: no column /sweep/{}", name));
}

template <class T>
const std::vector<T>& values_of(const Sweep& sweep, const std::string& name) {
  const auto* values = std::get_if<std::vector<T>>(&column_named(sweep, name).values);
  if (values == nullptr) throw Error(fmt::format("experiment file: /sweep/{} is of another type", name));
  return *values;
}

void write_contents(const std::string& path, const Sweep& sweep) {
  Hdf5Handle file = hdf5::create_file(path);
  run_file::write_provenance(file, kSchema, kSweepFileSchemaVersion, sweep.command_line, sweep.seed);
  hdf5::write_attribute(file, "experiment", sweep.experiment);
  hdf5::write_attribute(file, "plan", sweep.plan);
  hdf5::write_attribute(file, "complete", std::int64_t{sweep.complete ? 1 : 0});
  {
    const Hdf5Handle group = hdf5::create_group(file, "sweep");
    for (const SweepColumn& column : sweep.columns) {
      if (column.rows() != sweep.rows()) {
        throw Error(fmt::format("experiment file: /sweep/{} has {} rows, not {}", column.name, column.rows(),
                                sweep.rows()));
      }
      if (const auto* numbers = std::get_if<std::vector<double>>(&column.values)) {
        hdf5::write_dataset(group, column.name, {numbers->size()}, numbers->data(),
                            {column.units, column.description});
      } else {
        hdf5::write_text_dataset(group, column.name, std::get<std::vector<std::string>>(column.values),
                                 column.description);
      }
    }
  }
  file.close(path);
}

}  // namespace

std::size_t SweepColumn::rows() const {
  return std::visit([](const auto& v) { return v.size(); }, values);
}

const std::vector<double>& Sweep::numbers(const std::string& name) const {
  return values_of<double>(*this, name);
}

const std::vector<std::string>& Sweep::words(const std::string& name) const {
  return values_of<std::string>(*this, name);
}

void write_sweep_file(const std::string& path, const Sweep& sweep) {
  const std::lock_guard lock(hdf5_mutex());
  const std::string part = path + ".part";
  try {
    write_contents(part, sweep);
  } catch (...) {
    std::remove(part.c_str());
    throw;
  }
  if (std::rename(part.c_str(), path.c_str()) != 0) {
    const std::string reason = std::strerror(errno);
    std::remove(part.c_str());
    throw Error(fmt::format("{}: cannot write the experiment file: {}", path, reason));
  }
}

Sweep read_sweep_file(const std::string& path) {
  const std::lock_guard lock(hdf5_mutex());
  if (!std::filesystem::exists(path)) throw InputError(path + ": no such file");
  const Hdf5Handle file = [&] {
    try {
      return hdf5::open_file(path, false);
    } catch (const Error& error) {
      throw InputError(fmt::format("{} (not an experiment file)", error.what()));
    }
  }();
  const std::string schema =
      hdf5::has_attribute(file, "schema") ? hdf5::read_text_attribute(file, "schema") : "";
  if (schema != kSchema || !hdf5::has_attribute(file, "schema_version")) {
    throw InputError(
        fmt::format("{}: not an experiment file (schema '{}', not '{}')", path, schema, kSchema));
  }
  const std::int64_t version = hdf5::read_integer_attribute(file, "schema_version");
  if (version != kSweepFileSchemaVersion) {
    throw InputError(
        fmt::format("{}: schema version {}; this program reads {}", path, version, kSweepFileSchemaVersion));
  }
  Sweep sweep;
  sweep.experiment = hdf5::read_text_attribute(file, "experiment");
  sweep.command_line = hdf5::read_text_attribute(file, "command_line");
  sweep.plan = hdf5::read_text_attribute(file, "plan");
  sweep.seed = static_cast<std::uint64_t>(hdf5::read_integer_attribute(file, "seed"));
  sweep.complete = hdf5::read_integer_attribute(file, "complete") != 0;
  const Hdf5Handle group = hdf5::open_group(file, "sweep");
  for (const std::string& name : hdf5::member_names(group)) {
    SweepColumn column;
    column.name = name;
    bool text = true;
    {
      const Hdf5Handle dataset = hdf5::open_dataset(group, name);
      text = hdf5::holds_text(dataset);
      if (hdf5::has_attribute(dataset, "units")) column.units = hdf5::read_text_attribute(dataset, "units");
      if (hdf5::has_attribute(dataset, "description")) {
        column.description = hdf5::read_text_attribute(dataset, "description");
      }
    }
    if (text) {
      column.values = hdf5::read_text_all(group, name);
    } else {
      column.values = hdf5::read_all<double>(group, name);
    }
    sweep.columns.push_back(std::move(column));
  }
  return sweep;
}

bool is_sweep_file(const std::string& path) {
  return hdf5::file_has_schema(path, kSchema);
}

RunFileCheck check_sweep_file(const std::string& path) {
  RunFileCheck check;
  try {
    const Sweep sweep = read_sweep_file(path);
    check.complete = sweep.complete;
    check.ok = true;
    check.lines = {fmt::format("schema: {} version {}", kSchema, kSweepFileSchemaVersion),
                   fmt::format("experiment: {}, seed {}; {}", sweep.experiment, sweep.seed, sweep.plan),
                   fmt::format("complete: {}", sweep.complete ? "yes" : "no"),
                   fmt::format("points: {}, with {} quantities each", sweep.rows(), sweep.columns.size())};
    for (const SweepColumn& column : sweep.columns) {
      if (column.rows() == sweep.rows()) continue;
      check.ok = false;
      check.lines.push_back(
          fmt::format("/sweep/{}: {} rows, others have {}", column.name, column.rows(), sweep.rows()));
    }
  } catch (const Error& error) {
    check.ok = false;
    check.lines.push_back(error.what());
  }
  return check;
}

}  // namespace opoloop
