#pragma once

#include <map>
#include <string>
#include <vector>

namespace opoloop {

/// A number that `opoloop tune` varies: between two ends, evenly in its value or in its logarithm.
struct Vary {
  std::string name;  ///< a parameter of the device, kStepsName, or a {name} inside a fixed parameter
  double low = 0;
  double high = 1;
  bool logarithmic = false;
  bool integer = false;

  /// u in [0, 1] to the value, rounded to three digits (or to an integer): what is tried is what is written.
  double value(double u) const;
  std::string text(double u) const;
};

/// The length of a run: no parameter of any device, and what a time to solution depends on most.
inline constexpr const char* kStepsName = "steps";

/// "NAME=LOW:HIGH", "NAME=LOW:HIGH,log", ",integer" or both. Throws InputError that quotes what is wrong.
Vary parse_vary(const std::string& text);

/// What a device is given: parameters by name, and the steps of a run where they are set.
using Setting = std::map<std::string, std::string>;

/// `fixed` with the values of `vary` at `point` (in the unit cube): a name that stands in braces in a fixed
/// value is put there, any other becomes a parameter.
Setting setting_at(const std::vector<Vary>& vary, const Setting& fixed, const std::vector<double>& point);

/// "a=1 b=2".
std::string setting_words(const Setting& setting);

}  // namespace opoloop
