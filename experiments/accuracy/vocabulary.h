#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace opoloop {

/// Words of a text: runs of letters, digits, apostrophes and bytes beyond ASCII, ASCII letters in lower case;
/// '!' and '?' are words of their own; everything else separates.
std::vector<std::string> words_of(std::string_view text);

/// Numbers for the words that occur at least twice in the texts it is made from: 0 is padding, 1 any other
/// word, then by falling frequency, equal ones in alphabetical order.
class Vocabulary {
 public:
  static constexpr int kPadding = 0;
  static constexpr int kUnknown = 1;

  explicit Vocabulary(const std::vector<std::string>& texts);

  int size() const { return static_cast<int>(numbers_.size()) + 2; }
  /// At most `most` numbers, the first ones; one unknown word for a text without words.
  std::vector<std::int64_t> encode(std::string_view text, std::size_t most) const;

 private:
  std::unordered_map<std::string, std::int64_t> numbers_;
};

}  // namespace opoloop
