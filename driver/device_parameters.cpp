#include "driver/device_parameters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "core/error.h"

namespace opoloop {
namespace {

template <typename Number>
bool parse_whole(const std::string& text, Number& value) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc{} && end == text.data() + text.size();
}

}  // namespace

ParameterReader::ParameterReader(const std::string& scheme, const std::map<std::string, std::string>& given,
                                 std::span<const ParameterHelp> known)
    : scheme_(scheme), given_(given) {
  for (const auto& [name, value] : given) {
    const bool found = std::any_of(known.begin(), known.end(), [&](const auto& p) { return p.name == name; });
    if (found) continue;
    if (known.empty()) throw InputError(fmt::format("{}: takes no parameters, got '{}'", scheme, name));
    std::vector<std::string> names;
    for (const auto& p : known) names.push_back(p.name);
    throw InputError(
        fmt::format("{}: has no parameter '{}'; it has: {}", scheme, name, fmt::join(names, ", ")));
  }
}

double ParameterReader::number(const std::string& name, double fallback, double low, double high,
                               bool low_open) const {
  const auto found = given_.find(name);
  if (found == given_.end()) return fallback;
  double value = 0;
  const bool fine = parse_whole(found->second, value) && std::isfinite(value) &&
                    (low_open ? value > low : value >= low) && value <= high;
  if (!fine) {
    const std::string range = std::isinf(high)
                                  ? fmt::format("a number {} {}", low_open ? ">" : "≥", low)
                                  : fmt::format("a number in {}{}, {}]", low_open ? "(" : "[", low, high);
    throw InputError(fmt::format("{}: {} = '{}': expected {}", scheme_, name, found->second, range));
  }
  return value;
}

std::int64_t ParameterReader::integer(const std::string& name, std::int64_t fallback, std::int64_t low,
                                      std::int64_t high) const {
  const auto found = given_.find(name);
  if (found == given_.end()) return fallback;
  std::int64_t value = 0;
  if (!parse_whole(found->second, value) || value < low || value > high) {
    throw InputError(fmt::format("{}: {} = '{}': expected an integer from {} to {}", scheme_, name,
                                 found->second, low, high));
  }
  return value;
}

std::string ParameterReader::choice(const std::string& name, const std::string& fallback,
                                    std::span<const std::string> choices) const {
  const auto found = given_.find(name);
  if (found == given_.end()) return fallback;
  if (std::find(choices.begin(), choices.end(), found->second) == choices.end()) {
    throw InputError(fmt::format("{}: {} = '{}': expected one of {}", scheme_, name, found->second,
                                 fmt::join(choices, ", ")));
  }
  return found->second;
}

std::string number_text(double value) {
  return fmt::format("{}", value);
}

}  // namespace opoloop
