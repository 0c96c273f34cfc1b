#pragma once

#include <string>

#include "driver/run_file.h"

namespace opoloop {

/// Writes one self-contained HTML page about a run: best energy, success, time to solution with intervals and
/// what each number means, figures (drawn by gnuplot; without it the page says so and has the tables),
/// parameters and provenance. Replaces html_path at once or not at all; throws Error where it cannot.
void write_report(const RunFileContents& contents, const std::string& html_path);

/// The page itself.
std::string report_html(const RunFileContents& contents);

}  // namespace opoloop
