#include "cli/number_options.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <system_error>

namespace opoloop {
namespace {

/// The whole text as a number, with a + before it or not; nothing where it is none, or does not fit.
template <class Number>
std::optional<Number> whole(const std::string& text) {
  Number number{};
  const bool plus = text.size() > 1 && text[0] == '+' && text[1] != '-';
  const char* const end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data() + plus, end, number);
  if (failure != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

std::string largest_text(std::uint64_t high) {
  for (const int bits : {31, 32, 63, 64}) {
    if (high == (~std::uint64_t{0} >> (64 - bits))) return fmt::format("2^{} − 1", bits);
  }
  return fmt::format("{}", high);
}

std::string expected_integer(std::int64_t low, std::uint64_t high) {
  // A lower end that only the type sets is no news to anyone.
  const bool any_sign = low <= std::numeric_limits<std::int32_t>::min();
  return any_sign ? fmt::format("an integer up to {}", largest_text(high))
                  : fmt::format("an integer from {} to {}", low, largest_text(high));
}

std::string refusal(const std::string& expected, const std::string& text) {
  return fmt::format("expected {}, not '{}'", expected, text);
}

CLI::Validator number(const std::string& expected, bool above_zero, const std::string& name) {
  return {[=](std::string& text) {
            const auto value = whole<double>(text);
            const bool taken = value && std::isfinite(*value) && (!above_zero || *value > 0);
            return taken ? std::string() : refusal(expected, text);
          },
          name};
}

}  // namespace

CLI::Validator decimal_integer(std::int64_t low, std::uint64_t high, const std::string& name) {
  return {[=](std::string& text) {
            if (const auto negative = whole<std::int64_t>(text); negative && *negative <= 0) {
              if (*negative < low) return refusal(expected_integer(low, high), text);
              text = fmt::format("{}", *negative);
              return std::string();
            }
            const auto value = whole<std::uint64_t>(text);
            if (!value || *value > high || (low > 0 && *value < static_cast<std::uint64_t>(low)))
              return refusal(expected_integer(low, high), text);
            text = fmt::format("{}", *value);
            return std::string();
          },
          name};
}

CLI::Validator any_number() {
  return number("a number", false, "");
}

CLI::Validator positive_number() {
  return number("a positive number", true, "POSITIVE");
}

}  // namespace opoloop
