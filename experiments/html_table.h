#pragma once

#include <string>
#include <vector>

namespace opoloop {

/// A table of a report, built row by row: `table.row("SK").number("3.2 ms").text("of eight instances")`.
/// Everything given is HTML: callers escape what comes from outside (html_escape).
class HtmlTable {
 public:
  /// Titles of the columns; a table without titles has no head.
  explicit HtmlTable(const std::vector<std::string>& titles = {}) {
    for (const std::string& html : titles) title(html);
  }
  /// One more column.
  void title(const std::string& html);

  /// Begin a row, with or without a row head; what follows belongs to it.
  HtmlTable& row();
  HtmlTable& row(const std::string& html, const std::string& attributes = "scope='row'") {
    return row().head(html, attributes);
  }
  /// Another row head, after the first.
  HtmlTable& head(const std::string& html, const std::string& attributes = "scope='row'");
  HtmlTable& cell(const std::string& html, const std::string& attributes = "");
  HtmlTable& number(const std::string& html) { return cell(html, "class='num'"); }
  HtmlTable& text(const std::string& html) { return cell(html, "class='text'"); }
  /// What may be long and has no spaces: a path, a URI.
  HtmlTable& wide(const std::string& html) { return cell(html, "class='wide'"); }
  std::string html() const;

 private:
  std::string titles_, rows_;
};

}  // namespace opoloop
