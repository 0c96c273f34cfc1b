#pragma once

#include <string>

namespace opoloop {

/// What the behaviour suite has to know about a device; everything else holds for all.
struct DeviceTraits {
  std::string uri;
  bool sampler = true;           ///< steps and seed mean something (not for exact enumeration)
  std::string number_parameter;  ///< a parameter that takes a number, to be given NaN; empty if none
};

/// Runs every check of the suite as Catch2 sections of the calling test case.
void check_device_behaviour(const DeviceTraits& traits);

}  // namespace opoloop
