#pragma once

#include <map>
#include <string>

namespace opoloop {

/// A machine as a TOML file (docs/devices.md): parameters of `emulator:` by the names they have in a URI.
///
///     format = 1                 # optional; a newer format is refused
///     description = "loop 3, calibrated 2026-11-20"
///     machine = "ntt-2021"       # optional: whose data sheet and seconds it has
///     adc_bits = 14
///     adc_full_scale = 2.5       # units of x
///     dead_pulses = [3, 17]
struct DeviceFile {
  std::string path;
  std::string description;
  std::string machine;  ///< empty where none is named
  std::map<std::string, std::string> parameters;
  std::map<std::string, int> lines;  ///< where each parameter stands
};

/// Throws InputError `file:line: 'key': reason` where the file cannot be read, is no TOML, holds a key that
/// `emulator:` does not know or a value it does not take.
DeviceFile read_device_file(const std::string& path);

/// The same from text that is at hand; `path` is only named in errors.
DeviceFile parse_device_file(const std::string& text, const std::string& path);

/// True where the part of a URI after `emulator:` is a file and not the name of a machine: it ends in .toml.
bool names_device_file(const std::string& rest);

}  // namespace opoloop
