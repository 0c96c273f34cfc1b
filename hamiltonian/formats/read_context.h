#pragma once

#include <cstdint>
#include <string>

#include "hamiltonian/problem_file.h"

namespace opoloop {

/// What every reader of this folder is given beside the bytes.
struct ReadContext {
  std::string file;  ///< for messages
  LoadOptions options;
  std::uint64_t memory_limit = 0;  ///< bytes; never 0 here

  /// Throws InputError saying how much `what` would need if that is above the limit.
  void require_memory(double bytes, const std::string& what, std::int64_t line = 0,
                      const std::string& token = {}) const;
  /// n as a number of spins: at least 1, representable, and its tables within the memory limit.
  std::int32_t checked_spins(std::int64_t n, std::int64_t line = 0) const;
  /// checked_spins, and an n × n matrix of double with its couplings within the memory limit.
  std::int32_t checked_dense_spins(std::int64_t n, std::int64_t line = 0) const;
  /// A list of so many entries, announced on `line` (0: counted), with its couplings within the memory limit.
  void require_entries(std::int64_t entries, std::int64_t line = 0) const;
};

/// The machine's physical memory in bytes.
std::uint64_t physical_memory();

/// "1.5 GiB", "640 KiB".
std::string bytes_text(double bytes);

}  // namespace opoloop
