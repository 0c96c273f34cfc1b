#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace opoloop {

/// Anything that stops a command. main() catches it once: exit code 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Bad input or bad usage: the caller can mend it. Exit code 2.
class InputError : public Error {
 public:
  using Error::Error;
};

/// One line for a defect in a text file: `file:line: 'token': what was expected`.
/// line = 0 leaves the line out (binary files), an empty token leaves the token out.
[[noreturn]] void throw_file_error(const std::string& file, std::int64_t line, const std::string& token,
                                   const std::string& expected);

/// One line for a parameter outside its range: `name = value [unit]: what is allowed`.
[[noreturn]] void throw_parameter_error(const std::string& name, double value, const std::string& allowed);

}  // namespace opoloop
