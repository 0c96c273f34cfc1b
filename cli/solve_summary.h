#pragma once

#include <optional>
#include <string>

#include "driver/device.h"
#include "driver/statistics.h"

namespace opoloop {

/// A finished `solve`, for showing.
struct SolveOutcome {
  const Problem& problem;
  const JobSettings& settings;
  const Result& result;
  const SolveStatistics& statistics;
  std::optional<std::string> run_file;  ///< path, unset where none was written
  std::optional<std::string> report;
};

/// The terminal's answer: every number with its unit and what it means.
std::string solve_text(const SolveOutcome& outcome);

/// The same as one JSON object on one line; what does not apply is null, an infinite bound too.
std::string solve_json(const SolveOutcome& outcome);

}  // namespace opoloop
