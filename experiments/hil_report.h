#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "driver/hil/hil_file.h"
#include "driver/statistics.h"
#include "hamiltonian/problem.h"

namespace opoloop {

/// Runs that reached the target, of all; with the words that say under which conditions.
struct HilSuccess {
  std::string conditions;  ///< "over the wire", "in process, no misses", …
  std::int64_t successes = 0;
  std::int64_t runs = 0;

  double probability() const {
    return runs == 0 ? 0 : static_cast<double>(successes) / static_cast<double>(runs);
  }
  Interval interval() const { return wilson_interval(successes, runs); }
};

/// A loop closed over a wire, its problem and how often it solved it.
struct HilOutcome {
  const Problem& problem;
  const hil::HilSummary& summary;
  std::vector<HilSuccess> success;
  std::string target;               ///< what counted, in words
  std::optional<bool> same_as_law;  ///< lock-step compared with the law in process, spins and energies
};

/// Rows of what is reported: a name, its value and unit as text. What does not apply is left out.
std::vector<std::pair<std::string, std::string>> hil_rows(const hil::HilSummary& summary);

/// A page: turnaround histogram, late answers, every count, success under each condition.
std::string hil_html(const HilOutcome& outcome, const std::string& command_line);

}  // namespace opoloop
