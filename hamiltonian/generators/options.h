#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "hamiltonian/generators.h"

namespace opoloop {

/// The options of one call, defaults filled in, read by type.
class GeneratorOptions {
 public:
  GeneratorOptions(const GeneratorFamily& family, const std::map<std::string, std::string>& given)
      : family_(family.name), given_(given) {
    for (const GeneratorOption& option : family.options) {
      if (!option.default_value.empty()) values_[option.name] = option.default_value;
      names_.push_back(option.name);
    }
    for (const auto& [name, value] : given) {
      const auto option =
          std::find_if(family.options.begin(), family.options.end(),
                       [key = std::cref(name)](const auto& o) { return o.name == key.get(); });
      if (option == family.options.end()) {
        throw InputError(
            fmt::format("{}: no option '{}'; it has: {}", family_, name, fmt::join(names_, ", ")));
      }
      values_[name] = value;
      require_kind(*option);
    }
  }

  /// "opoloop generate FAMILY --a b …": every option in force, in the order of the family.
  std::string command() const {
    std::string text = "opoloop generate " + family_;
    for (const std::string& name : names_) {
      if (const auto found = values_.find(name); found != values_.end())
        text += fmt::format(" --{} {}", name, found->second);
    }
    return text;
  }

  /// True where the caller gave it, rather than the default.
  bool given(const std::string& name) const { return given_.contains(name); }

  const std::string& text(const std::string& name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) throw InputError(fmt::format("{}: option '{}' must be given", family_, name));
    return found->second;
  }

  double number(const std::string& name) const { return parse<double>(name, "a number"); }
  std::int64_t integer(const std::string& name) const { return parse<std::int64_t>(name, "an integer"); }
  std::uint64_t seed() const { return parse<std::uint64_t>("seed", "an integer from 0 to 2^64 − 1"); }

  std::int32_t count(const std::string& name) const {
    const std::int64_t value = integer(name);
    if (value < 0 || value > std::numeric_limits<std::int32_t>::max()) fail(name, "a count");
    return static_cast<std::int32_t>(value);
  }

  /// True where the option is `yes`, false where it is `no`, an error otherwise.
  bool is(const std::string& name, const std::string& yes, const std::string& no) const {
    if (text(name) != yes && text(name) != no) fail(name, fmt::format("{} or {}", yes, no));
    return text(name) == yes;
  }

 private:
  /// Every value is looked at, whichever of them the family then reads first.
  void require_kind(const GeneratorOption& option) const {
    const std::string& value = text(option.name);
    if (std::find(option.words.begin(), option.words.end(), value) != option.words.end()) return;
    switch (option.kind) {
      case OptionKind::real:
        number(option.name);
        return;
      case OptionKind::count:
        if (integer(option.name) < 0) fail(option.name, "a count");
        return;
      case OptionKind::seed:
        parse<std::uint64_t>(option.name, "an integer from 0 to 2^64 − 1");
        return;
      case OptionKind::word:
        fail(option.name, fmt::format("{}", fmt::join(option.words, " or ")));
    }
  }

  [[noreturn]] void fail(const std::string& name, const std::string& expected) const {
    throw OptionValueError(fmt::format("{}: {} = '{}': expected {}", family_, name, text(name), expected));
  }

  template <class Number>
  Number parse(const std::string& name, const std::string& expected) const {
    const std::string& value = text(name);
    Number number{};
    const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (failure != std::errc{} || end != value.data() + value.size()) fail(name, expected);
    return number;
  }

  std::string family_;
  const std::map<std::string, std::string>& given_;
  std::vector<std::string> names_;
  std::map<std::string, std::string> values_;
};

}  // namespace opoloop
