#include "core/error.h"

#include <fmt/format.h>

namespace opoloop {

void throw_file_error(const std::string& file, std::int64_t line, const std::string& token,
                      const std::string& expected) {
  std::string where = line > 0 ? fmt::format("{}:{}", file, line) : file;
  // A hostile file may carry control characters or megabytes in one token.
  std::string shown;
  for (char c : token.substr(0, 40)) shown += (c >= 0x20 && c < 0x7f) ? c : '?';
  if (token.size() > 40) shown += "...";
  // So may a reason that quotes the file. Other bytes stay: our own words are UTF-8.
  std::string reason = expected.substr(0, 400);
  for (char& c : reason) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  if (expected.size() > reason.size()) reason += "...";
  if (token.empty()) throw InputError(fmt::format("{}: {}", where, reason));
  throw InputError(fmt::format("{}: '{}': {}", where, shown, reason));
}

void throw_parameter_error(const std::string& name, double value, const std::string& allowed) {
  throw InputError(fmt::format("{} = {}: must be {}", name, value, allowed));
}

}  // namespace opoloop
