#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace opoloop {

// What numeric options take. CLI11's own conversion reads 010 as octal, silently takes the nearest number
// where one does not fit, and does not say what it expected; these see the text before it:
//
//     app.add_option("--runs", o.runs, "…")->transform(positive_integer(o.runs));
//
// transform(), not check(): leading zeros must be gone before CLI11 reads the number.

/// Decimal integers from `low` to `high`; `name` is shown behind the option's type in help.
CLI::Validator decimal_integer(std::int64_t low, std::uint64_t high, const std::string& name);

template <class T>
struct NumberOf {
  using Type = T;
};
template <class T>
struct NumberOf<std::optional<T>> {
  using Type = T;
};
template <class T>
struct NumberOf<std::vector<T>> {
  using Type = T;
};

/// An integer from `low` on that fits the variable, or each element of it.
template <class Variable>
CLI::Validator integer_from(std::int64_t low, const Variable& /*of_this_type*/,
                            const std::string& name = "") {
  using Number = typename NumberOf<Variable>::Type;
  return decimal_integer(low, static_cast<std::uint64_t>(std::numeric_limits<Number>::max()), name);
}

/// Any integer that fits the variable; whoever uses it says what its range is.
template <class Variable>
CLI::Validator any_integer(const Variable& variable) {
  using Number = typename NumberOf<Variable>::Type;
  return integer_from(static_cast<std::int64_t>(std::numeric_limits<Number>::min()), variable);
}

template <class Variable>
CLI::Validator positive_integer(const Variable& variable) {
  return integer_from(1, variable, "POSITIVE");
}

template <class Variable>
CLI::Validator nonnegative_integer(const Variable& variable) {
  return integer_from(0, variable, "NONNEGATIVE");
}

/// Any finite number; whoever uses it says what its range is.
CLI::Validator any_number();
CLI::Validator positive_number();

}  // namespace opoloop
