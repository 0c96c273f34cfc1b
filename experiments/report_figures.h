#pragma once

#include <string>

#include "driver/run_file.h"

namespace opoloop {

/// A figure of the report: SVG, or why there is none, and a caption.
struct Figure {
  std::string svg;  ///< empty: `missing` says why
  std::string missing;
  std::string caption;  ///< HTML
};

Figure energy_figure(const RunFileContents& contents);
Figure amplitude_figure(const RunFileContents& contents);
Figure histogram_figure(const RunFileContents& contents);

}  // namespace opoloop
