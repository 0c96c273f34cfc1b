#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

#include "experiments/applications/applications_plan.h"

namespace opoloop {

/// What the page says about one application on one device, over all instances.
struct ApplicationSummary {
  std::string application;
  std::string device;
  int points = 0;
  double qubos = 0, solved = 0, proven = 0;
  double runs = 0, feasible = 0, successes = 0;
  int merit_at_least = 0;  ///< points whose merit is as good as the reference's
  int merit_beats = 0;     ///< … better than the simple method's
  int merit_below = 0;     ///< … worse than the simple method's
};

/// In the order of application_names(), then of devices. Rows that failed (no runs) do not count.
std::vector<ApplicationSummary> summarise(const std::vector<ApplicationRow>& rows);

void print_applications(const std::vector<ApplicationRow>& rows, const std::string& missing,
                        std::ostream& out);
/// Exactly one JSON object.
void print_applications_json(const std::vector<ApplicationRow>& rows, const std::string& missing,
                             bool complete, std::ostream& out);
std::string applications_html(const std::vector<ApplicationRow>& rows, const std::string& missing,
                              const std::filesystem::path& data, const std::string& command_line);

}  // namespace opoloop
