#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace opoloop {

struct RunFileCheck;  // driver/run_file.h

inline constexpr int kSweepFileSchemaVersion = 1;

/// One quantity of a sweep, an entry a row.
struct SweepColumn {
  std::string name;         ///< of the dataset in /sweep
  std::string units;        ///< UDUNITS style, "1" = dimensionless
  std::string description;  ///< one sentence
  std::variant<std::vector<double>, std::vector<std::string>> values;

  std::size_t rows() const;
};

/// The measured points of an experiment: HDF5, schema "opoloop-experiment" (docs/experiments.md), in memory.
/// SweepWriter writes files that do not fit.
struct Sweep {
  std::string experiment;    ///< "published"
  std::string command_line;  ///< that wrote it last
  std::string plan;  ///< how much is measured, in words: a file is gone on with under the same plan only
  std::uint64_t seed = 1;
  bool complete = false;  ///< every planned row is there
  std::vector<SweepColumn> columns;

  std::size_t rows() const { return columns.empty() ? 0 : columns.front().rows(); }
  /// Throw Error where there is no such column, or one of another type.
  const std::vector<double>& numbers(const std::string& name) const;
  const std::vector<std::string>& words(const std::string& name) const;
};

/// Replaces the file at once or not at all: whoever is killed in between leaves the earlier rows. Throws
/// Error where it cannot.
void write_sweep_file(const std::string& path, const Sweep& sweep);

/// Throws InputError where the file is no experiment file of this schema version, Error where it cannot be
/// read.
Sweep read_sweep_file(const std::string& path);

/// Whether the file is one of an experiment; false where it is something else or not there.
bool is_sweep_file(const std::string& path);

/// What `opoloop check` says of an experiment file: readable, and every column as long as the others.
RunFileCheck check_sweep_file(const std::string& path);

/// The same without the columns: for files that need not be read whole.
Sweep read_sweep_header(const std::string& path);

/// Writes a file of this schema block by block, so that memory does not grow with its rows.
class SweepWriter {
 public:
  /// Creates `part`, a file that finish() moves to its place. `header` tells everything but the values; the
  /// type of a column is that of its (empty) values. Throws Error where the disk refuses.
  SweepWriter(std::string part, const Sweep& header, std::uint64_t rows);
  /// Removes a file that was not finished.
  ~SweepWriter();
  SweepWriter(const SweepWriter&) = delete;
  SweepWriter& operator=(const SweepWriter&) = delete;

  /// The next rows, in the order of the header's columns. Throws Error where they are not of its shape.
  void append(const std::vector<SweepColumn>& block);
  /// Closes the file and puts it in place of `path`, on the same file system. Throws Error where rows are
  /// missing or the disk refuses.
  void finish(const std::string& path);

  /// Rows that are written at once without waste: a chunk of the file.
  static constexpr std::uint64_t kBlockRows = 4096;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace opoloop
