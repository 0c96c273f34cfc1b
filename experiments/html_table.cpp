#include "experiments/html_table.h"

#include <fmt/format.h>

namespace opoloop {

void HtmlTable::title(const std::string& html) {
  titles_ += fmt::format("<th scope='col'>{}</th>", html);
}

HtmlTable& HtmlTable::row() {
  rows_ += rows_.empty() ? "<tr>" : "</tr>\n<tr>";
  return *this;
}

HtmlTable& HtmlTable::head(const std::string& html, const std::string& attributes) {
  rows_ += fmt::format("<th {}>{}</th>", attributes, html);
  return *this;
}

HtmlTable& HtmlTable::cell(const std::string& html, const std::string& attributes) {
  rows_ += fmt::format("<td{}{}>{}</td>", attributes.empty() ? "" : " ", attributes, html);
  return *this;
}

std::string HtmlTable::html() const {
  return fmt::format("<div class='table'><table>{}<tbody>\n{}{}</tbody></table></div>\n",
                     titles_.empty() ? "" : fmt::format("<thead><tr>{}</tr></thead>", titles_), rows_,
                     rows_.empty() ? "" : "</tr>\n");
}

}  // namespace opoloop
