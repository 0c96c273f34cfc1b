#include "experiments/accuracy/vocabulary.h"

#include <algorithm>
#include <map>
#include <utility>

namespace opoloop {
namespace {

constexpr int kLeastCount = 2;

bool is_word_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '\'' ||
         byte >= 0x80;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  for (const char c : text) {
    const bool mark = c == '!' || c == '?';
    if (mark || (is_word_byte(c) && !inside)) words.emplace_back();
    if (mark || is_word_byte(c)) words.back() += lower(c);
    inside = is_word_byte(c);
  }
  return words;
}

Vocabulary::Vocabulary(const std::vector<std::string>& texts) {
  std::map<std::string, std::int64_t> counts;
  for (const std::string& text : texts) {
    for (const std::string& word : words_of(text)) ++counts[word];
  }
  std::vector<std::pair<std::int64_t, std::string>> kept;
  for (const auto& [word, count] : counts) {
    if (count >= kLeastCount) kept.emplace_back(-count, word);
  }
  std::sort(kept.begin(), kept.end());
  for (const auto& entry : kept)
    numbers_.emplace(entry.second, static_cast<std::int64_t>(numbers_.size()) + 2);
}

std::vector<std::int64_t> Vocabulary::encode(std::string_view text, std::size_t most) const {
  std::vector<std::int64_t> numbers;
  for (const std::string& word : words_of(text)) {
    if (numbers.size() == most) break;
    const auto found = numbers_.find(word);
    numbers.push_back(found == numbers_.end() ? kUnknown : found->second);
  }
  if (numbers.empty()) numbers.push_back(kUnknown);
  return numbers;
}

}  // namespace opoloop
