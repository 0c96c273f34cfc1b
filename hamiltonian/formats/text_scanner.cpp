#include "hamiltonian/formats/text_scanner.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "core/error.h"

namespace opoloop {

namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// std::from_chars knows no leading plus sign, which Fortran programs write.
std::string_view without_plus(std::string_view token) {
  if (token.size() > 1 && token[0] == '+' && token[1] != '-' && token[1] != '+') token.remove_prefix(1);
  return token;
}

}  // namespace

TextScanner::TextScanner(std::string_view text, std::string file, char separator)
    : text_(text), file_(std::move(file)), separator_(separator) {
  // Spreadsheets put a byte order mark in front of UTF-8.
  if (text_.substr(0, 3) == "\xEF\xBB\xBF") text_.remove_prefix(3);
}

bool TextScanner::next_line() {
  while (position_ < text_.size()) {
    const std::size_t end = text_.find('\n', position_);
    const std::size_t stop = end == std::string_view::npos ? text_.size() : end;
    line_ = trimmed(text_.substr(position_, stop - position_));
    position_ = end == std::string_view::npos ? text_.size() : end + 1;
    ++line_number_;
    at_ = 0;
    field_number_ = 0;
    if (!line_.empty()) return true;
  }
  line_ = {};
  at_ = 0;
  field_number_ = 0;
  return false;
}

bool TextScanner::next_data_line(std::string_view comments) {
  while (next_line()) {
    if (comments.find(line_.front()) == std::string_view::npos) return true;
  }
  return false;
}

std::string_view TextScanner::field() {
  while (at_ < line_.size() && is_blank(line_[at_])) ++at_;
  if (at_ == line_.size()) return {};
  const std::size_t begin = at_;
  while (at_ < line_.size() && !is_blank(line_[at_]) && (separator_ == ' ' || line_[at_] != separator_))
    ++at_;
  const std::string_view token = line_.substr(begin, at_ - begin);
  ++field_number_;
  if (separator_ != ' ') {
    if (token.empty()) fail("an empty field where a number was expected");
    while (at_ < line_.size() && is_blank(line_[at_])) ++at_;
    if (at_ < line_.size() && line_[at_] == separator_) {
      ++at_;
      if (at_ == line_.size()) fail("the line ends in a separator");
    }
  }
  return token;
}

bool TextScanner::at_line_end() {
  while (at_ < line_.size() && is_blank(line_[at_])) ++at_;
  return at_ == line_.size();
}

void TextScanner::strip_comment(std::string_view comments) {
  const std::size_t found = line_.find_first_of(comments);
  if (found != std::string_view::npos) line_ = trimmed(line_.substr(0, found));
}

std::int64_t TextScanner::integer(const char* what) {
  const std::string_view token = field();
  if (token.empty()) fail(fmt::format("the line ends where {} was expected", what));
  const std::string_view digits = without_plus(token);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::result_out_of_range && end == digits.data() + digits.size()) {
    fail(token, fmt::format("too large for {}", what));
  }
  if (error != std::errc() || end != digits.data() + digits.size()) {
    fail(token, fmt::format("expected {}, an integer", what));
  }
  return value;
}

double TextScanner::number(const char* what) {
  const std::string_view token = field();
  if (token.empty()) fail(fmt::format("the line ends where {} was expected", what));
  const std::string_view digits = without_plus(token);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::result_out_of_range && end == digits.data() + digits.size()) {
    fail(token, fmt::format("{} is outside the range of a double", what));
  }
  if (error != std::errc() || end != digits.data() + digits.size()) {
    fail(token, fmt::format("expected {}, a number", what));
  }
  if (!std::isfinite(value)) fail(token, fmt::format("{} must be finite", what));
  return value;
}

void TextScanner::end_of_line(const char* what) {
  if (at_line_end()) return;
  fail(field(), fmt::format("trailing garbage: nothing may follow {} on its line", what));
}

void TextScanner::end_of_text(std::string_view comments, const char* what) {
  if (next_data_line(comments)) {
    fail(field(), fmt::format("trailing garbage: nothing may follow {}", what));
  }
}

void TextScanner::fail(std::string_view token, const std::string& expected) const {
  throw_file_error(file_, line_number_, std::string(token.substr(0, 64)),
                   fmt::format("{} (field {})", expected, field_number_));
}

void TextScanner::fail(const std::string& expected) const {
  throw_file_error(file_, line_number_, {}, expected);
}

void append_number(std::string& out, double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value == 0 ? 0.0 : value).ptr;
  out.append(buffer, end);
}

void append_fixed_number(std::string& out, double value) {
  char buffer[512];  // the longest double has 309 digits before the point or 324 + 17 behind it
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value == 0 ? 0.0 : value, std::chars_format::fixed).ptr;
  out.append(buffer, end);
}

}  // namespace opoloop
