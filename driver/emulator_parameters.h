#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>

#include "cim_model/parameters.h"
#include "driver/device.h"
#include "driver/device_parameters.h"
#include "hamiltonian/coupling.h"

namespace opoloop {

/// Every parameter `emulator:` takes in its URI or from the command line, with unit, default and meaning.
std::span<const ParameterHelp> emulator_parameter_help();

/// The loop for a problem: the automatic choice or `preset`, then `law` and `model` with the settings that
/// law was published with, then every single value given. Throws InputError naming the parameter.
/// look_at_spectrum as for automatic_parameters().
LoopParameters emulator_parameters(const std::map<std::string, std::string>& given, const IsingModel& model,
                                   bool look_at_spectrum = true);

/// How J is kept: the parameter storage.
CouplingStorage coupling_storage(const std::map<std::string, std::string>& given);
/// The parameter coupling_bits, or `machine` where it is not given; unset = real couplings.
std::optional<int> coupling_bits(const std::map<std::string, std::string>& given, std::optional<int> machine);

/// Throws InputError where `emulator:` has no such parameter, or this is no value for it by itself. What only
/// shows together with others or with a problem is refused when the run is checked.
void check_emulator_parameter(const std::string& name, const std::string& text);

/// All of it as named values for the run file.
std::map<std::string, ParameterValue> describe(const LoopParameters& parameters);

}  // namespace opoloop
