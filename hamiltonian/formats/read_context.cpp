#include "hamiltonian/formats/read_context.h"

#include <fmt/format.h>
#include <unistd.h>

#include <limits>

#include "core/error.h"

namespace opoloop {

namespace {

// At the peak of reading: h in the reader and in the model, row starts, the QUBO's linear term.
constexpr double kBytesPerSpin = 48;
// A dense matrix while it is turned into couplings: 8 for its own entry, and per pair (half an entry) 16 for
// the edge and 12 for the model.
constexpr double kBytesPerDenseEntry = 22;
// An entry of a list: 20 with its line, 32 while the list is sorted, 16 as a term of a QUBO, 28 as an edge
// and in the model; not all at once.
constexpr double kBytesPerListedEntry = 64;

}  // namespace

std::uint64_t physical_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0) return std::uint64_t{1} << 32;
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page);
}

std::string bytes_text(double bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  int unit = 0;
  while (bytes >= 1024 && unit < 6) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{:.4g} {}", bytes, units[unit]);
}

void ReadContext::require_memory(double bytes, const std::string& what, std::int64_t line,
                                 const std::string& token) const {
  if (bytes <= static_cast<double>(memory_limit)) return;
  throw_file_error(file, line, token,
                   fmt::format("{} would need {}, more than the {} available", what, bytes_text(bytes),
                               bytes_text(static_cast<double>(memory_limit))));
}

std::int32_t ReadContext::checked_spins(std::int64_t n, std::int64_t line) const {
  const std::string token = std::to_string(n);
  if (n < 1) throw_file_error(file, line, token, "the number of spins must be at least 1");
  require_memory(kBytesPerSpin * static_cast<double>(n), fmt::format("a problem of {} spins", n), line,
                 token);
  if (n > std::numeric_limits<std::int32_t>::max() - 1) {
    throw_file_error(file, line, token, "at most 2147483646 spins are supported");
  }
  return static_cast<std::int32_t>(n);
}

std::int32_t ReadContext::checked_dense_spins(std::int64_t n, std::int64_t line) const {
  if (n >= 1) {
    const auto side = static_cast<double>(n);
    require_memory(kBytesPerDenseEntry * side * side, fmt::format("a dense {} x {} matrix", n, n), line,
                   std::to_string(n));
  }
  return checked_spins(n, line);
}

void ReadContext::require_entries(std::int64_t entries, std::int64_t line) const {
  require_memory(kBytesPerListedEntry * static_cast<double>(entries), fmt::format("{} entries", entries),
                 line, line == 0 ? std::string() : std::to_string(entries));
}

}  // namespace opoloop
