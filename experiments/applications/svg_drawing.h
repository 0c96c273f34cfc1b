#pragma once

#include <string>

namespace opoloop {

/// A small SVG, element by element, that stands in a page or alone. Colours are those of the page's scheme
/// (experiments/page.h) with fixed ones where it stands alone. Lengths in pixels, y downwards.
class SvgDrawing {
 public:
  SvgDrawing(double width, double height) : width_(width), height_(height) {}

  void line(double x1, double y1, double x2, double y2, const std::string& colour, double width = 1,
            double opacity = 1);
  void circle(double x, double y, double radius, const std::string& fill, const std::string& stroke = "none");
  /// A grey square, level 0 (black) … 1.
  void grey(double x, double y, double width, double height, double level);
  /// anchor: start, middle or end.
  void text(double x, double y, const std::string& words, const std::string& anchor = "start",
            double size = 13);

  /// The whole element; `label` is read out to those who do not see it.
  std::string svg(const std::string& label) const;

 private:
  double width_, height_;
  std::string body_;
};

/// Colours by role.
std::string ink_colour();
std::string faint_colour();
/// Categories in turn: told apart also without colour vision for the first six.
std::string category_colour(int category);

}  // namespace opoloop
