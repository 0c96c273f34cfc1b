#pragma once

#include <string>

namespace opoloop {

/// A picture of a page: SVG, or why there is none, and a caption.
struct Figure {
  std::string svg;  ///< empty: `missing` says why
  std::string missing;
  std::string caption;  ///< HTML
};

/// Runs a gnuplot script (experiments/plot.h) at the size all pages use. `name`, letters and digits, is
/// unique within the page; `label` is read out to those who do not see it.
Figure draw_figure(const std::string& script, const std::string& name, const std::string& label,
                   const std::string& caption);

/// A string of a gnuplot script, quoted. In single quotes gnuplot runs no `commands` and reads no \escapes:
/// every name that a user chose comes this way.
std::string plot_string(const std::string& text);

/// gnuplot commands that name the two axes.
std::string axis_labels(const std::string& x, const std::string& y);

/// <figure> with the picture and its caption, or with the reason why there is none.
std::string html_of(const Figure& figure);

}  // namespace opoloop
