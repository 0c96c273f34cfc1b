#pragma once

#include <string>

#include "driver/calibration/calibration.h"

namespace opoloop::calibration {

/// The device file (driver/device_file.h) that makes `emulator:` the twin of the calibrated machine: every
/// estimate as a parameter, its interval as a comment. Model, steps and what was not estimated are named too.
std::string twin_file(const Calibration& calibration);

}  // namespace opoloop::calibration
