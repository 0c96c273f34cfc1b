#pragma once

#include <map>
#include <optional>
#include <string>

#include <stdlib.h>  // NOLINT: setenv is POSIX

namespace opoloop::test {

/// Sets variables of the environment for a while. Only while no other thread looks at it.
class ScopedVariables {
 public:
  explicit ScopedVariables(const std::map<std::string, std::string>& values) {
    for (const auto& [name, value] : values) set(name, value);
  }
  ~ScopedVariables() {
    for (const auto& [name, value] : before_) {
      if (value) {
        ::setenv(name.c_str(), value->c_str(), 1);
      } else {
        ::unsetenv(name.c_str());
      }
    }
  }
  ScopedVariables(const ScopedVariables&) = delete;
  ScopedVariables& operator=(const ScopedVariables&) = delete;

  void set(const std::string& name, const std::string& value) {
    remember(name);
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  void unset(const std::string& name) {
    remember(name);
    ::unsetenv(name.c_str());
  }

 private:
  void remember(const std::string& name) {
    const char* old = ::getenv(name.c_str());
    before_.emplace(name, old != nullptr ? std::optional<std::string>(old) : std::nullopt);
  }
  std::map<std::string, std::optional<std::string>> before_;
};

}  // namespace opoloop::test
