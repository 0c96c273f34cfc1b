#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "driver/device.h"

namespace opoloop {

/// One parameter a device understands: for checking, for `opoloop devices`, and for the documentation.
struct ParameterHelp {
  std::string name;
  std::string unit;           ///< empty = dimensionless
  std::string default_value;  ///< in words where it depends on the problem
  std::string help;
};

/// Reads the parameters of a job. The constructor refuses a key that is not in `known`, listing those that
/// are; the readers refuse what is not a finite number in range, naming the parameter and its value.
class ParameterReader {
 public:
  ParameterReader(const std::string& scheme, const std::map<std::string, std::string>& given,
                  std::span<const ParameterHelp> known);

  bool has(const std::string& name) const { return given_.contains(name); }
  /// The number given, or `fallback`; in [low, high], or (low, high] where `low_open`.
  double number(const std::string& name, double fallback, double low, double high,
                bool low_open = false) const;
  std::int64_t integer(const std::string& name, std::int64_t fallback, std::int64_t low,
                       std::int64_t high) const;
  /// One of `choices`, or `fallback`.
  std::string choice(const std::string& name, const std::string& fallback,
                     std::span<const std::string> choices) const;

 private:
  std::string scheme_;
  const std::map<std::string, std::string>& given_;
};

/// The shortest text that reads back as the same double.
std::string number_text(double value);

}  // namespace opoloop
