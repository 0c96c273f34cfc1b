#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace opoloop::calibration {

/// A machine drawn at random, to be calibrated blind: what tests and bench hide behind the Device seam.
struct HiddenMachine {
  std::string device_file;              ///< for `emulator:FILE.toml`
  std::map<std::string, double> truth;  ///< of every scalar that calibrate() estimates, by its name
  std::vector<double> gain_map;         ///< relative to the mean pulse
};

/// Draw `number`: lifetimes of 7 to 25 round trips, thresholds, gains and noises over factors of three to a
/// hundred, both signs and 0 to 4 round trips of feedback, 10 to 14 bits. `pulses` long gain map.
HiddenMachine hidden_machine(std::uint64_t number, int pulses = 24);

}  // namespace opoloop::calibration
