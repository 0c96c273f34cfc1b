#include "cim_model/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.h"

namespace opoloop {
namespace {

double parse_number(std::string_view text, const std::string& whole, const std::string& name) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    throw InputError(fmt::format(
        "{} = '{}': expected a number, FROM:TO, FROM:TO@FRACTION or VALUE@FRACTION,VALUE@FRACTION,…", name,
        whole));
  }
  return value;
}

/// "1.5@0,1.5@0.4,0@0.41"
std::vector<Schedule::Point> parse_points(std::string_view rest, const std::string& whole,
                                          const std::string& name) {
  std::vector<Schedule::Point> points;
  for (;;) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view item = rest.substr(0, comma);
    const std::size_t at = std::min(item.find('@'), item.size());
    const double value = parse_number(item.substr(0, at), whole, name);
    points.push_back({parse_number(item.substr(std::min(at + 1, item.size())), whole, name), value});
    if (comma == rest.size()) return points;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace

Schedule::Schedule(std::vector<Point> points, const std::string& name) : points_(std::move(points)) {
  if (points_.empty()) throw InputError(fmt::format("{}: a schedule needs at least one point", name));
  double last = -1;
  for (const Point& p : points_) {
    if (!std::isfinite(p.value)) throw InputError(fmt::format("{} = {}: must be finite", name, p.value));
    if (!(p.fraction >= 0 && p.fraction <= 1 && p.fraction > last)) {
      throw InputError(fmt::format("{}: fraction {} must lie in [0, 1] and increase", name, p.fraction));
    }
    last = p.fraction;
  }
}

Schedule Schedule::parse(const std::string& text, const std::string& name) {
  const std::string_view view = text;
  const auto colon = view.find(':');
  if (colon == std::string_view::npos) {
    if (view.find('@') != std::string_view::npos) return Schedule(parse_points(view, text, name), name);
    return Schedule(parse_number(view, text, name));
  }
  const auto at = view.find('@', colon);
  const double from = parse_number(view.substr(0, colon), text, name);
  const double to =
      parse_number(view.substr(colon + 1, at == std::string_view::npos ? at : at - colon - 1), text, name);
  const double end = at == std::string_view::npos ? 1.0 : parse_number(view.substr(at + 1), text, name);
  return Schedule({{0.0, from}, {end, to}}, name);
}

double Schedule::at(std::int64_t round, std::int64_t rounds) const {
  if (points_.empty()) return 0;
  const double f = rounds > 0 ? static_cast<double>(round) / static_cast<double>(rounds) : 0;
  if (f <= points_.front().fraction) return points_.front().value;
  for (std::size_t k = 1; k < points_.size(); ++k) {
    const Point& a = points_[k - 1];
    const Point& b = points_[k];
    if (f <= b.fraction) return a.value + (b.value - a.value) * (f - a.fraction) / (b.fraction - a.fraction);
  }
  return points_.back().value;
}

std::string Schedule::text() const {
  if (points_.empty()) return "";
  if (points_.size() == 1) return fmt::format("{}", points_[0].value);
  if (points_.size() == 2 && points_[0].fraction == 0) {
    const auto& end = points_[1];
    return end.fraction == 1 ? fmt::format("{}:{}", points_[0].value, end.value)
                             : fmt::format("{}:{}@{}", points_[0].value, end.value, end.fraction);
  }
  std::string out;
  for (const Point& p : points_) out += fmt::format("{}{}@{}", out.empty() ? "" : ",", p.value, p.fraction);
  return out;
}

}  // namespace opoloop
