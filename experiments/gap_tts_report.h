#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "experiments/gap_tts_answer.h"

namespace opoloop {

/// The answer first, then the tables.
void print_gap_tts(const GapTtsAnswer& answer, const std::string& missing, std::ostream& out);
void print_gap_tts_json(const GapTtsAnswer& answer, const std::string& missing, const GapTtsOptions& options,
                        bool complete, std::ostream& out);
/// The page: answer, tables, pictures. `missing`: a family that was left out and why, or empty.
std::string gap_tts_html(const GapTtsAnswer& answer, const std::vector<GapTtsRow>& rows,
                         const std::string& missing, const GapTtsOptions& options,
                         const std::string& command_line);

/// The pictures of the page (gap_tts_figures.cpp), HTML.
std::string gap_tts_figures(const GapTtsAnswer& answer, const std::vector<GapTtsRow>& rows);

}  // namespace opoloop
