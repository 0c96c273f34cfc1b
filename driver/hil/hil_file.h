#pragma once

#include <string>

#include "driver/hil/plant.h"

namespace opoloop::hil {

/// What is known of a loop that was closed over a wire, for a page or a file.
struct HilSummary {
  std::string carrier;
  PlantSettings settings;
  LoopParameters parameters;
  PlantReport report;
};

/// Adds group /hil to a finished run file (docs/run-file.md). Throws Error where it cannot.
void write_hil_group(const std::string& path, const HilSummary& summary);

}  // namespace opoloop::hil
