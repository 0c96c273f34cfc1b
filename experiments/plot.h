#pragma once

#include <optional>
#include <string>

namespace opoloop {

/// Colours a plot script may use; in the page they follow the reader's light or dark scheme. The numbers are
/// marks that gnuplot passes through and that figure_svg() turns into CSS variables of these names.
inline constexpr const char* kInk = "#010203";     ///< --ink: axes, labels, reference lines
inline constexpr const char* kFaint = "#040506";   ///< --faint: grid
inline constexpr const char* kFirst = "#070809";   ///< --first: blue
inline constexpr const char* kSecond = "#0a0b0c";  ///< --second: orange

/// Runs gnuplot (a child process, script on stdin) and returns an <svg> element to put inside a page: scales
/// with its column, labelled for screen readers. Nothing where gnuplot is missing or the script fails;
/// `problem` then says why in a few words. `name`, letters
/// and digits, makes identifiers unique within a page.
std::optional<std::string> figure_svg(const std::string& script, const std::string& name,
                                      const std::string& label, int width, int height, std::string* problem);

/// Text safe inside HTML elements and attributes.
std::string html_escape(const std::string& text);

}  // namespace opoloop
