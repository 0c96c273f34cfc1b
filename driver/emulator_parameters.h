#pragma once

#include <map>
#include <span>
#include <string>

#include "cim_model/parameters.h"
#include "driver/device.h"
#include "driver/device_parameters.h"

namespace opoloop {

/// Every parameter `emulator:` takes in its URI or from the command line, with unit, default and meaning.
std::span<const ParameterHelp> emulator_parameter_help();

/// The loop for a problem: the automatic choice or `preset`, then `law` and `model` with the settings that
/// law was published with, then every single value given. Throws InputError naming the parameter.
/// look_at_spectrum as for automatic_parameters().
LoopParameters emulator_parameters(const std::map<std::string, std::string>& given, const IsingModel& model,
                                   bool look_at_spectrum = true);

/// All of it as named values for the run file.
std::map<std::string, ParameterValue> describe(const LoopParameters& parameters);

}  // namespace opoloop
