#pragma once

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "experiments/tts/tts_answer.h"

namespace opoloop {

/// What a page says beside the answer.
struct TtsPageNotes {
  std::string command_line;
  std::string missing;              ///< instances that are not there
  std::vector<std::string> failed;  ///< points that could not be measured, and why
  bool complete = true;
};

/// A page whose first screen says who is fastest where and how it scales; then pictures, then every table.
std::string tts_html(const TtsAnswer& answer, const TtsPageNotes& notes);

/// The pictures: time over √N with fits, success over length, performance profiles.
std::string tts_scaling_figure(const TtsAnswer& answer, const TtsTable& table, const std::string& name);
std::string tts_success_figures(const TtsAnswer& answer);
std::string tts_profile_figure(const TtsAnswer& answer, const TtsTable& table, const std::string& name);

/// Every table as comma-separated values, by name: "times", "scaling", "profiles", "success".
std::vector<std::pair<std::string, std::string>> tts_csv(const TtsAnswer& answer);

/// One JSON object on one line.
void print_tts_json(const TtsAnswer& answer, const TtsPageNotes& notes, std::ostream& out);

}  // namespace opoloop
