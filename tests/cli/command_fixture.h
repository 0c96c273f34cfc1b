#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "cli/run_command.h"
#include "tests/driver/temporary_folder.h"

namespace opoloop::test {

/// What a command left behind.
struct Ran {
  int code;
  std::string out;
  std::string err;

  /// Errors are one line: exactly one newline, at the end.
  bool one_error_line() const { return !err.empty() && err.find('\n') == err.size() - 1; }
  bool err_has(const std::string& text) const { return err.find(text) != std::string::npos; }
  bool out_has(const std::string& text) const { return out.find(text) != std::string::npos; }
};

inline Ran call(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  const int code = run_command(arguments, out, err);
  return {code, out.str(), err.str()};
}

/// The Möbius ladder of 16 nodes as a rudy file: max-cut 22 with 16 optima (docs/physics.md).
inline std::string moebius16() {
  std::ostringstream text;
  text << "16 24\n";
  for (int i = 0; i < 16; ++i) text << i + 1 << ' ' << (i + 1) % 16 + 1 << " 1\n";
  for (int i = 0; i < 8; ++i) text << i + 1 << ' ' << i + 9 << " 1\n";
  return text.str();
}

}  // namespace opoloop::test
