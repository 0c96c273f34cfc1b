#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace opoloop {

/// Walks a text file in memory line by line and field by field, fast (no copies, std::from_chars), and knows
/// the line and field for messages. Fields are separated by blanks, tabs and carriage returns; a separator
/// character given at construction (a comma, say) ends a field too.
class TextScanner {
 public:
  /// text must outlive the scanner.
  TextScanner(std::string_view text, std::string file, char separator = ' ');

  /// To the next line that is not blank; false at the end of the text.
  bool next_line();
  /// The same, skipping lines that begin with one of `comments`.
  bool next_data_line(std::string_view comments);

  /// The current line without surrounding blanks.
  std::string_view line_text() const { return line_; }
  /// 1-based; the last line once the text has ended.
  std::int64_t line_number() const { return line_number_; }
  std::size_t bytes_left() const { return text_.size() - position_; }

  /// The next field of the line, empty at its end. An empty field between two separators is an error.
  std::string_view field();
  bool at_line_end();
  /// Goes on behind the line's first `count` characters; messages count fields from there.
  void skip(std::size_t count) { at_ = std::min(count, line_.size()); }
  /// Ends the line's data where a field begins with one of `comments`.
  void strip_comment(std::string_view comments);

  /// The next field as an integer or a finite number; `what` says what the grammar wants there.
  std::int64_t integer(const char* what);
  double number(const char* what);
  /// Nothing may follow on this line.
  void end_of_line(const char* what);
  /// Nothing but blank lines and comments may follow in the text.
  void end_of_text(std::string_view comments, const char* what);

  /// Throws InputError with file, line and field.
  [[noreturn]] void fail(std::string_view token, const std::string& expected) const;
  /// The same without a field: the line as a whole, or the end of the text.
  [[noreturn]] void fail(const std::string& expected) const;

 private:
  std::string_view text_;
  std::string file_;
  char separator_;
  std::size_t position_ = 0;  // of the next line
  std::string_view line_;
  std::size_t at_ = 0;  // in line_
  std::int64_t line_number_ = 0;
  int field_number_ = 0;
};

/// Appends the shortest decimal that reads back to the same double; 0 for −0.
void append_number(std::string& out, double value);
/// The same without an exponent, for grammars that have none.
void append_fixed_number(std::string& out, double value);

}  // namespace opoloop
