#pragma once

#include <string>

namespace opoloop {

/// A self-contained HTML page in the style of all reports: `title` for the browser, `body` HTML, a footer
/// line (HTML).
std::string html_page(const std::string& title, const std::string& body, const std::string& footer);

/// Writes `html` to a file, at once or not at all; throws Error where it cannot.
void write_page(const std::string& html, const std::string& path);

/// A number for readers: thin spaces between groups of digits from five digits on, a real minus sign, up to
/// `digits` significant digits otherwise; "–" for NaN.
std::string readable_number(double v, int digits = 6);

/// Three digits of a quantity for tables of plain text: seconds ("s") as µs, ms or s, others as they are; "-"
/// for NaN, "inf".
std::string short_quantity(double v, const std::string& unit);

}  // namespace opoloop
