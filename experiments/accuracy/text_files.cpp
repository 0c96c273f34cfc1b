#include "experiments/accuracy/text_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"

namespace opoloop {
namespace {

/// Rows of a table, field by field.
class TableReader {
 public:
  TableReader(std::string_view bytes, const std::string& file, char separator)
      : rest_(bytes), file_(file), separator_(separator) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);  // byte order mark
  }

  /// The line that the last row began on.
  std::int64_t line() const { return row_line_; }

  /// The fields of the next row that is not empty; nothing at the end.
  std::optional<std::vector<std::string>> next() {
    while (!rest_.empty() && (rest_.front() == '\n' || rest_.front() == '\r')) newline();
    if (rest_.empty()) return std::nullopt;
    row_line_ = line_;
    std::vector<std::string> fields;
    do {
      fields.push_back(separator_ == ',' && rest_.starts_with('"') ? quoted() : plain());
    } while (take(separator_));
    newline();
    return fields;
  }

  [[noreturn]] void fail(const std::string& token, const std::string& expected) const {
    throw_file_error(file_, row_line_, token, expected);
  }

 private:
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void newline() {
    take('\r');
    if (take('\n')) ++line_;
  }
  std::string plain() {
    std::size_t end = 0;
    while (end < rest_.size() && rest_[end] != separator_ && rest_[end] != '\n') ++end;
    std::string field(rest_.substr(0, end));
    rest_.remove_prefix(end);
    if (!field.empty() && field.back() == '\r' && (rest_.empty() || rest_.front() == '\n')) field.pop_back();
    return field;
  }
  std::string quoted() {
    rest_.remove_prefix(1);
    std::string field;
    while (true) {
      const std::size_t quote = rest_.find('"');
      if (quote == std::string_view::npos) fail("\"", "a closing quote: the text ends inside a quoted field");
      line_ += std::count(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(quote), '\n');
      field += rest_.substr(0, quote);
      rest_.remove_prefix(quote + 1);
      if (!take('"')) break;  // two quotes stand for one
      field += '"';
    }
    if (!rest_.empty() && rest_.front() != separator_ && rest_.front() != '\n' && rest_.front() != '\r') {
      fail(std::string(1, rest_.front()), "a separator after a closing quote");
    }
    return field;
  }

  std::string_view rest_;
  const std::string& file_;
  char separator_;
  std::int64_t line_ = 1, row_line_ = 1;
};

std::size_t column_of(const TableReader& table, const std::vector<std::string>& names,
                      std::initializer_list<const char*> wanted, const char* what) {
  for (const char* name : wanted) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
  }
  table.fail(names.front().substr(0, 40), what);
}

}  // namespace

NamedTexts parse_text_table(std::string_view bytes, const std::string& file, char separator) {
  TableReader table(bytes, file, separator);
  const auto names = table.next();
  if (!names) throw_file_error(file, 1, {}, "a line of column names: the file is empty");
  const std::size_t text =
      column_of(table, *names, {"text", "sentence"}, "column names, one of them text or sentence");
  const std::size_t label = column_of(table, *names, {"label", "category", "intent"},
                                      "column names, one of them label, category or intent");
  NamedTexts found;
  while (const auto row = table.next()) {
    if (row->size() != names->size()) {
      table.fail({}, fmt::format("{} fields as in the first line, not {}", names->size(), row->size()));
    }
    if ((*row)[label].empty()) table.fail({}, "a class: its field is empty");
    found.texts.push_back((*row)[text]);
    found.classes.push_back((*row)[label]);
  }
  return found;
}

NamedTexts parse_text_json(std::string_view bytes, const std::string& file, const std::string& part) {
  nlohmann::json root;
  try {
    root = nlohmann::json::parse(bytes.begin(), bytes.end());
  } catch (const nlohmann::json::exception&) {
    throw_file_error(file, 0, {}, "not valid JSON");
  }
  const auto list = root.is_object() ? root.find(part) : root.end();
  if (!root.is_object() || list == root.end() || !list->is_array()) {
    throw_file_error(file, 0, part, "an object with a list of this name");
  }
  NamedTexts found;
  for (const nlohmann::json& entry : *list) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_string() ||
        entry[1].get_ref<const std::string&>().empty()) {
      throw_file_error(file, 0, fmt::format("{}[{}]", part, found.texts.size()),
                       "[text, class], two strings");
    }
    found.texts.push_back(entry[0].get<std::string>());
    found.classes.push_back(entry[1].get<std::string>());
  }
  return found;
}

}  // namespace opoloop
