#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/verb.h"
#include "driver/calibration/compare.h"

namespace opoloop {

/// name=value of --set, each name once. Throws InputError naming the option.
std::map<std::string, std::string> parse_settings(const std::vector<std::string>& items);

/// Lines about two devices, as `compare-devices` and `calibrate --against` print them.
void print_comparison(const calibration::DeviceComparison& comparison, std::ostream& out);

}  // namespace opoloop
