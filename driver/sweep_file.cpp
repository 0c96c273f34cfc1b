#include "driver/sweep_file.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <mutex>

#include <fmt/format.h>

#include "core/error.h"
#include "driver/hdf5_handle.h"
#include "driver/run_file.h"
#include "driver/run_file_parts.h"
#include "hamiltonian/formats/file_bytes.h"

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

Hdf5Handle create_with_attributes(const std::string& path, const Sweep& sweep) {
  Hdf5Handle file = hdf5::create_file(path);
  run_file::write_provenance(file, kSchema, kSweepFileSchemaVersion, sweep.command_line, sweep.seed);
  hdf5::write_attribute(file, "experiment", sweep.experiment);
  hdf5::write_attribute(file, "plan", sweep.plan);
  hdf5::write_attribute(file, "complete", std::int64_t{sweep.complete ? 1 : 0});
  return file;
}

void write_contents(const std::string& path, const Sweep& sweep) {
  Hdf5Handle file = create_with_attributes(path, sweep);
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
    rename_durably(part, path);
  } catch (...) {
    std::remove(part.c_str());
    throw;
  }
}

namespace {

Hdf5Handle open_sweep(const std::string& path) {
  if (!std::filesystem::exists(path)) throw InputError(path + ": no such file");
  Hdf5Handle file = [&] {
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
  return file;
}

Sweep header_of(std::int64_t file) {
  Sweep sweep;
  sweep.experiment = hdf5::read_text_attribute(file, "experiment");
  sweep.command_line = hdf5::read_text_attribute(file, "command_line");
  sweep.plan = hdf5::read_text_attribute(file, "plan");
  sweep.seed = hdf5::read_unsigned_attribute(file, "seed");
  sweep.complete = hdf5::read_integer_attribute(file, "complete") != 0;
  return sweep;
}

}  // namespace

Sweep read_sweep_header(const std::string& path) {
  const std::lock_guard lock(hdf5_mutex());
  return header_of(open_sweep(path));
}

Sweep read_sweep_file(const std::string& path) {
  const std::lock_guard lock(hdf5_mutex());
  const Hdf5Handle file = open_sweep(path);
  Sweep sweep = header_of(file);
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

struct SweepWriter::Impl {
  std::string part;
  std::uint64_t rows = 0, written = 0;
  Hdf5Handle file;
  std::vector<Hdf5Handle> datasets;
  bool finished = false;

  ~Impl() {
    const std::lock_guard lock(hdf5_mutex());
    datasets.clear();
    file = Hdf5Handle();
    if (!finished) std::remove(part.c_str());
  }

  void create_datasets(const Sweep& header) {
    const Hdf5Handle group = hdf5::create_group(file, "sweep");
    const std::uint64_t chunk = std::min(rows, kBlockRows);
    for (const SweepColumn& column : header.columns) {
      const hdf5::Description description{column.units, column.description};
      const bool text = std::holds_alternative<std::vector<std::string>>(column.values);
      if (rows == 0) {  // nothing to divide into chunks
        datasets.push_back(text ? hdf5::write_text_dataset(group, column.name, {}, column.description)
                                : hdf5::write_dataset<double>(group, column.name, {0}, nullptr, description));
      } else if (text) {
        datasets.push_back(hdf5::create_text_chunked(group, column.name, rows, chunk, column.description));
      } else {
        datasets.push_back(
            hdf5::create_chunked<double>(group, column.name, {rows}, {chunk}, description, false, true));
      }
    }
  }
};

SweepWriter::SweepWriter(std::string part, const Sweep& header, std::uint64_t rows)
    : impl_(std::make_unique<Impl>()) {
  const std::lock_guard lock(hdf5_mutex());
  impl_->part = std::move(part);
  impl_->rows = rows;
  impl_->file = create_with_attributes(impl_->part, header);
  impl_->create_datasets(header);
}

SweepWriter::~SweepWriter() = default;

void SweepWriter::append(const std::vector<SweepColumn>& block) {
  const std::lock_guard lock(hdf5_mutex());
  const std::size_t rows = block.empty() ? 0 : block.front().rows();
  if (block.size() != impl_->datasets.size() || impl_->written + rows > impl_->rows) {
    throw Error(fmt::format("{}: rows of another shape", impl_->part));
  }
  if (rows == 0) return;
  for (std::size_t c = 0; c < block.size(); ++c) {
    if (block[c].rows() != rows) throw Error(fmt::format("{}: rows of another shape", impl_->part));
    if (const auto* numbers = std::get_if<std::vector<double>>(&block[c].values)) {
      hdf5::write_block(impl_->datasets[c], {impl_->written}, {rows}, numbers->data());
    } else {
      hdf5::write_text_block(impl_->datasets[c], impl_->written,
                             std::get<std::vector<std::string>>(block[c].values));
    }
  }
  impl_->written += rows;
}

void SweepWriter::finish(const std::string& path) {
  const std::lock_guard lock(hdf5_mutex());
  if (impl_->written != impl_->rows) {
    throw Error(fmt::format("{}: {} rows of {} were written", path, impl_->written, impl_->rows));
  }
  for (Hdf5Handle& dataset : impl_->datasets) dataset.close(path);
  impl_->file.close(path);
  rename_durably(impl_->part, path);
  impl_->finished = true;
}

}  // namespace opoloop
