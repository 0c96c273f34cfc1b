#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "driver/spin_answers.h"

namespace opoloop {

/// What is written beside the matrix of a spooled job (docs/remote-devices.md).
struct SpoolManifest {
  std::string id;
  std::string created_utc;
  std::string form;           ///< "ising": minimise −sᵀMs, s = ±1; "qubo": minimise xᵀQx, x = 0, 1
  std::int32_t size = 0;      ///< rows of the matrix
  bool ancilla = false;       ///< the last row carries the linear term
  int bits = 0;               ///< of an entry, sign included
  std::optional<int> runs;    ///< solutions that are wanted
  std::string problem;        ///< its name, for people
  std::string matrix_sha256;  ///< of the file ID.csv
  std::string fingerprint;    ///< of problem and form: whose job this is
  std::vector<std::string> adaptations;
  bool cancelled = false;
};

/// The folder through which jobs go to a machine that is not on the network, and answers come back:
/// ID.csv (the matrix), ID.job.json (the manifest; with it the job exists), ID.answer.json or ID.answer.csv.
/// Every file appears complete or not at all.
class SpoolFolder {
 public:
  explicit SpoolFolder(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  std::string file(const std::string& id, const char* ending) const { return path_ + "/" + id + ending; }

  /// Writes matrix and manifest, in this order, and makes the folder where there is none.
  void write(const SpoolManifest& manifest, const std::string& matrix_csv) const;
  /// Unset where there is no such job. Throws InputError where the manifest cannot be read.
  std::optional<SpoolManifest> read(const std::string& id) const;
  /// Says in the manifest that nobody waits for this job any more.
  void mark_cancelled(const std::string& id) const;

  /// The solutions, once they are there: each of `spins` values. An answer that is malformed or holds fewer
  /// than `runs` solutions counts as still being copied until its file has not changed for two seconds; then
  /// fewer are taken, and what is malformed throws InputError.
  std::optional<SpinSets> answer(const std::string& id, std::size_t spins, std::optional<int> runs) const;

 private:
  std::string path_;
};

}  // namespace opoloop
