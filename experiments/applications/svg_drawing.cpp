#include "experiments/applications/svg_drawing.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "experiments/plot.h"

namespace opoloop {

void SvgDrawing::line(double x1, double y1, double x2, double y2, const std::string& colour, double width,
                      double opacity) {
  body_ += fmt::format("<path d='M{:.1f} {:.1f}L{:.1f} {:.1f}' style='stroke:{}'", x1, y1, x2, y2, colour);
  if (width != 1) body_ += fmt::format(" stroke-width='{:.1f}'", width);
  if (opacity != 1) body_ += fmt::format(" opacity='{:.2f}'", opacity);
  body_ += "/>\n";
}

void SvgDrawing::circle(double x, double y, double radius, const std::string& fill,
                        const std::string& stroke) {
  body_ += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='{:.1f}' style='fill:{}", x, y, radius, fill);
  if (stroke != "none") body_ += fmt::format(";stroke:{}", stroke);
  body_ += "'/>\n";
}

void SvgDrawing::grey(double x, double y, double width, double height, double level) {
  const auto byte = static_cast<unsigned>(std::lround(255 * std::clamp(level, 0.0, 1.0)));
  body_ += fmt::format("<path d='M{:g} {:g}h{:g}v{:g}h-{:g}z' fill='#{:02x}{:02x}{:02x}'/>\n", x, y, width,
                       height, width, byte, byte, byte);
}

void SvgDrawing::text(double x, double y, const std::string& words, const std::string& anchor, double size) {
  body_ +=
      fmt::format("<text x='{:.1f}' y='{:.1f}' text-anchor='{}' font-size='{:g}' style='fill:{}'>{}</text>\n",
                  x, y, anchor, size, ink_colour(), html_escape(words));
}

std::string SvgDrawing::svg(const std::string& label) const {
  return fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {0:g} {1:g}' width='{0:g}' height='{1:g}' "
      "role='img' aria-label='{2}' font-family='system-ui,sans-serif' stroke-linecap='round' "
      "shape-rendering='auto'>\n{3}</svg>",
      width_, height_, html_escape(label), body_);
}

std::string ink_colour() {
  return "var(--ink,#4a5560)";
}

std::string faint_colour() {
  return "var(--soft,#9aa4ae)";
}

std::string category_colour(int category) {
  // After Okabe and Ito, told apart by lightness too.
  static constexpr std::array<const char*, 6> kColours = {"#0072b2", "#e69f00", "#009e73",
                                                          "#cc79a7", "#56b4e9", "#d55e00"};
  return kColours[static_cast<std::size_t>(category) % kColours.size()];
}

}  // namespace opoloop
