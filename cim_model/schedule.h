#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace opoloop {

/// A parameter as a function of progress through a run: piecewise linear between points (fraction of the
/// run in [0, 1], value), constant before the first and after the last.
class Schedule {
 public:
  struct Point {
    double fraction;
    double value;
  };

  Schedule() = default;
  Schedule(double constant) : points_{{0.0, constant}} {}  // NOLINT: a number is a constant schedule
  /// Fractions must increase and everything be finite; throws InputError naming `name` otherwise.
  explicit Schedule(std::vector<Point> points, const std::string& name = "schedule");

  /// From `from` at the start to `to` at `end` (fraction of the run), then held: the papers' ramps.
  static Schedule ramp(double from, double to, double end = 1.0) {
    return Schedule({{0.0, from}, {end, to}});
  }
  /// Parses "0.5" (constant), "-1:1" (ramp over the whole run), "-1:1@0.9" (ramp, then held), or points
  /// "1.5@0,1.5@0.4,0@0.41": value, at sign and fraction of each, with commas between.
  static Schedule parse(const std::string& text, const std::string& name);

  /// Value at round k of `rounds`: at fraction k/rounds.
  double at(std::int64_t round, std::int64_t rounds) const;
  double first() const { return points_.empty() ? 0 : points_.front().value; }
  double last() const { return points_.empty() ? 0 : points_.back().value; }
  bool empty() const { return points_.empty(); }
  const std::vector<Point>& points() const { return points_; }
  /// The text that parse() reads back.
  std::string text() const;

 private:
  std::vector<Point> points_;
};

}  // namespace opoloop
