#pragma once

#include <cstdint>
#include <string>

namespace opoloop {

/// "1234567" → "1,234,567".
std::string grouped(std::int64_t number);
/// `digits` significant digits, whole numbers from 1,000 on: "0.0123", "13,359", "infinite".
std::string short_number(double value, int digits = 4);
/// Seconds in the unit that reads best: "3.2 µs", "1.25 ms", "12.3 s", "infinite".
std::string short_seconds(double seconds);
/// A proportion as percent: "9.4%".
std::string percent(double proportion);
/// Bytes in B, KiB, MiB or GiB.
std::string short_bytes(double bytes);

}  // namespace opoloop
