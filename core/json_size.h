#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"

namespace opoloop {

/// What a JSON text would become, before anything is allocated for it. Short texts such as [[],[],…] make
/// large trees; and nlohmann's parser needs no stack, but copying and printing a tree take a call a level.
struct JsonSize {
  /// So deep may arrays and objects lie in one another in a text from outside.
  static constexpr int kDeepest = 64;

  std::uint64_t values = 1;        ///< at most: every further one follows one of , [ {
  std::uint64_t text_bytes = 0;    ///< of the text itself, whose strings are copied
  std::int64_t too_deep_line = 0;  ///< where it is first nested deeper than kDeepest, from 1; 0: nowhere

  /// A value takes 16 bytes in a vector that doubles or 80 in a map, a container or a string memory of its
  /// own.
  double tree_bytes() const {
    return 100 * static_cast<double>(values) + 2 * static_cast<double>(text_bytes);
  }
};

inline JsonSize json_size(std::string_view text) {
  JsonSize size;
  size.text_bytes = text.size();
  std::int64_t line = 1;
  int depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n') ++line;
    if (in_string) {
      if (c == '\\') ++at;  // whatever is escaped, it does not end the string
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == ',') {
      ++size.values;
    } else if (c == '[' || c == '{') {
      ++size.values;
      if (++depth > JsonSize::kDeepest && size.too_deep_line == 0) size.too_deep_line = line;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return size;
}

/// Throws InputError of one line where a text is nested too deep or its tree would take more than this
/// memory. `advice` goes behind the latter.
inline void require_parsable_json(std::string_view text, std::uint64_t memory_bytes,
                                  const std::string& advice = {}) {
  const JsonSize size = json_size(text);
  if (size.too_deep_line > 0) {
    throw InputError("the JSON text is nested more than " + std::to_string(JsonSize::kDeepest) + " deep");
  }
  if (size.tree_bytes() > static_cast<double>(memory_bytes)) {
    throw InputError("the JSON text is too large to be parsed here" + advice);
  }
}

}  // namespace opoloop
