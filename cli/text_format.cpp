#include "cli/text_format.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdlib>

namespace opoloop {

std::string grouped(std::int64_t number) {
  std::string digits = fmt::format("{}", number);
  const std::size_t first = digits.front() == '-' ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string short_number(double value, int digits) {
  if (std::isnan(value)) return "not a number";
  if (std::isinf(value)) return value > 0 ? "infinite" : "-infinite";
  if (std::abs(value) < 9e15 && (std::abs(value) >= 1e3 || value == std::floor(value))) {
    return grouped(std::llround(value));
  }
  return fmt::format("{:.{}g}", value, digits);
}

std::string short_seconds(double seconds) {
  if (!std::isfinite(seconds)) return short_number(seconds);
  struct Unit {
    double seconds;
    const char* name;
  };
  constexpr std::array<Unit, 4> kUnits = {{{1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}, {1e-9, "ns"}}};
  for (const Unit& unit : kUnits) {
    if (std::abs(seconds) >= 0.9995 * unit.seconds) {
      return short_number(seconds / unit.seconds, 3) + " " + unit.name;
    }
  }
  return fmt::format("{:.3g} s", seconds);
}

std::string percent(double proportion) {
  return fmt::format("{:.3g}%", 100 * proportion);
}

std::string short_bytes(double bytes) {
  constexpr std::array<const char*, 4> kNames = {"B", "KiB", "MiB", "GiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < kNames.size()) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{:.3g} {}", bytes, kNames[unit]);
}

}  // namespace opoloop
