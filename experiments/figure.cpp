#include "experiments/figure.h"

#include <fmt/format.h>

#include "experiments/plot.h"

namespace opoloop {

Figure draw_figure(const std::string& script, const std::string& name, const std::string& label,
                   const std::string& caption) {
  constexpr int width = 960;
  constexpr int height = 400;
  Figure figure;
  std::string problem;
  const auto svg = figure_svg(script, name, label, width, height, &problem);
  if (svg) {
    figure.svg = *svg;
  } else {
    figure.missing = fmt::format("No picture: {}. The tables are complete.", html_escape(problem));
  }
  figure.caption = caption;
  return figure;
}

std::string plot_string(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += '\'';
    quoted += c == '\n' ? ' ' : c;
  }
  return quoted + '\'';
}

std::string axis_labels(const std::string& x, const std::string& y) {
  return fmt::format("set xlabel {1} textcolor rgb '{0}'\nset ylabel {2} textcolor rgb '{0}'\n", kInk,
                     plot_string(x), plot_string(y));
}

std::string html_of(const Figure& figure) {
  if (figure.svg.empty()) return fmt::format("<figure><p class='none'>{}</p></figure>\n", figure.missing);
  return fmt::format("<figure>\n{}\n<figcaption>{}</figcaption></figure>\n", figure.svg, figure.caption);
}

}  // namespace opoloop
