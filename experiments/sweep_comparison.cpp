#include "experiments/sweep_comparison.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include <fmt/format.h>

#include "core/error.h"
#include "core/version.h"
#include "experiments/csv.h"
#include "experiments/figure.h"
#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"
#include "experiments/rank_statistics.h"

namespace opoloop {
namespace {

using Words = std::vector<std::string>;
using Numbers = std::vector<double>;

bool is_words(const SweepColumn& column) {
  return std::holds_alternative<Words>(column.values);
}

/// Says how a point went, not which it is.
bool is_outcome(const std::string& name) {
  return name == "problem" || name == "failed" || name == "host";
}

const SweepColumn* find(const Sweep& sweep, const std::string& name) {
  const auto at = std::find_if(sweep.columns.begin(), sweep.columns.end(),
                               [&](const SweepColumn& column) { return column.name == name; });
  return at == sweep.columns.end() ? nullptr : &*at;
}

std::string cell(const SweepColumn& column, std::size_t row) {
  return is_words(column) ? std::get<Words>(column.values)[row]
                          : fmt::format("{}", std::get<Numbers>(column.values)[row]);
}

std::string key_of(const Sweep& sweep, const std::vector<std::string>& key, std::size_t row) {
  std::string text;
  for (const std::string& name : key) text += (text.empty() ? "" : ", ") + cell(*find(sweep, name), row);
  return text;
}

std::size_t distinct_rows(const Sweep& sweep, const std::vector<std::string>& key) {
  std::set<std::string> seen;
  for (std::size_t row = 0; row < sweep.rows(); ++row) seen.insert(key_of(sweep, key, row));
  return seen.size();
}

/// How the values of a column in two files are related.
enum class Overlap { none, included, same };

Overlap overlap_of(const SweepColumn& a, const SweepColumn& b) {
  std::vector<std::string> x, y;
  for (std::size_t row = 0; row < a.rows(); ++row) x.push_back(cell(a, row));
  for (std::size_t row = 0; row < b.rows(); ++row) y.push_back(cell(b, row));
  std::sort(x.begin(), x.end());
  std::sort(y.begin(), y.end());
  if (x == y) return Overlap::same;
  const std::set<std::string> u(x.begin(), x.end()), v(y.begin(), y.end());
  const bool included = std::includes(u.begin(), u.end(), v.begin(), v.end()) ||
                        std::includes(v.begin(), v.end(), u.begin(), u.end());
  return included ? Overlap::included : Overlap::none;
}

/// Columns of both files that identify a row. What was planned has the same values in both files, what was
/// measured and what follows from a seed has not; where one file has fewer rows, its values are among the
/// other's. Words come before numbers: they are hardly ever measured.
std::vector<std::string> identifying(const Sweep& a, const Sweep& b) {
  std::array<std::vector<std::string>, 4> candidates;  // best first
  for (const SweepColumn& column : a.columns) {
    const SweepColumn* other = find(b, column.name);
    if (other == nullptr || is_words(*other) != is_words(column) || is_outcome(column.name)) continue;
    const Overlap overlap = overlap_of(column, *other);
    if (overlap == Overlap::none) continue;
    const std::size_t place = (overlap == Overlap::same ? 0U : 2U) + (is_words(column) ? 0U : 1U);
    candidates.at(place).push_back(column.name);
  }
  std::vector<std::string> key;
  std::size_t told_a = 1, told_b = 1;  // rows of each file that the key tells apart
  for (const std::vector<std::string>& names : candidates) {
    for (const std::string& name : names) {
      key.push_back(name);
      const std::size_t now_a = distinct_rows(a, key), now_b = distinct_rows(b, key);
      if (now_a == told_a && now_b == told_b) key.pop_back();
      told_a = now_a;
      told_b = now_b;
      if (told_a == a.rows() && told_b == b.rows()) return key;
    }
  }
  throw InputError("the two files cannot be compared: no columns tell their rows apart");
}

ComparedColumn compare_column(const SweepColumn& a, const SweepColumn& b,
                              const std::vector<std::pair<std::size_t, std::size_t>>& pairs,
                              const std::vector<std::string>& names) {
  ComparedColumn c;
  c.name = a.name;
  c.units = a.units;
  std::vector<double> ratios;
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const double x = std::get<Numbers>(a.values)[pairs[k].first];
    const double y = std::get<Numbers>(b.values)[pairs[k].second];
    if (std::isnan(x) || std::isnan(y)) {
      c.only_a += std::isnan(x) ? 0 : 1;
      c.only_b += std::isnan(y) ? 0 : 1;
      continue;
    }
    ++c.compared;
    c.equal += x == y ? 1 : 0;
    c.a.push_back(x);
    c.b.push_back(y);
    if (x > 0 && y > 0 && std::isfinite(x) && std::isfinite(y)) ratios.push_back(y / x);
    const double change = x == y ? 0 : std::abs(y - x) / std::max(std::abs(x), std::abs(y));
    if (change > c.largest_change) {
      c.largest_change = change;
      c.largest_at = names[k];
    }
  }
  const double none = std::numeric_limits<double>::quiet_NaN();
  c.median_a = median_of(c.a);
  c.median_b = median_of(c.b);
  c.ratio_low = ratios.empty() ? none : quantile_of(ratios, 0.1);
  c.ratio_median = ratios.empty() ? none : quantile_of(ratios, 0.5);
  c.ratio_high = ratios.empty() ? none : quantile_of(ratios, 0.9);
  return c;
}

std::string sentence(const SweepComparison& c) {
  std::string text =
      fmt::format("{} of {} rows of A and {} of B are the same points.", c.matched, c.rows_a, c.rows_b);
  std::vector<std::string> same, moved;
  for (const ComparedColumn& column : c.columns) {
    if (column.compared > 0) (column.equal == column.compared ? same : moved).push_back(column.name);
  }
  if (c.matched == 0) return text;
  if (moved.empty()) return text + " Every number agrees to the last digit.";
  text +=
      fmt::format(" {} of {} quantities agree to the last digit; ", same.size(), same.size() + moved.size());
  return text + fmt::format("these do not: {}.", fmt::join(moved, ", "));
}

std::string number(double v) {
  return std::isnan(v) ? "" : fmt::format("{:.6g}", v);
}

std::vector<std::string> cells_of(const ComparedColumn& c) {
  return {c.name,
          c.units,
          fmt::format("{}", c.compared),
          fmt::format("{}", c.equal),
          number(c.median_a),
          number(c.median_b),
          number(c.ratio_median),
          number(c.ratio_low),
          number(c.ratio_high),
          number(c.largest_change),
          c.largest_at};
}

const std::vector<std::string>& headings() {
  static const std::vector<std::string> all = {
      "quantity",     "unit",      "rows",      "equal",          "median A", "median B",
      "B/A (median)", "B/A (10%)", "B/A (90%)", "largest change", "at"};
  return all;
}

/// Logarithmic where everything is positive.
Figure scatter(const ComparedColumn& c, std::size_t index) {
  std::string data;
  bool positive = true;
  for (std::size_t i = 0; i < c.a.size(); ++i) {
    if (!std::isfinite(c.a[i]) || !std::isfinite(c.b[i])) continue;
    positive = positive && c.a[i] > 0 && c.b[i] > 0;
    data += fmt::format("{:.8g} {:.8g}\n", c.a[i], c.b[i]);
  }
  const std::string script =
      fmt::format("$d << EOD\n{}EOD\n", data) + axis_labels("A: " + c.name, "B: " + c.name) +
      fmt::format(
          "{}unset key\nplot x linecolor rgb '{}' dashtype 2, $d using 1:2 with points "
          "pointtype 7 pointsize 0.5 linecolor rgb '{}'\n",
          positive ? "set logscale xy\n" : "", kInk, kFirst);
  return draw_figure(script, fmt::format("column{}", index), "B against A: " + c.name,
                     fmt::format("<code>{}</code>, a point a row; dashed: equal.", html_escape(c.name)));
}

}  // namespace

SweepComparison compare_sweeps(const Sweep& a, const std::string& path_a, const Sweep& b,
                               const std::string& path_b) {
  if (a.experiment != b.experiment) {
    throw InputError(
        fmt::format("{} is of experiment '{}', {} of '{}'", path_a, a.experiment, path_b, b.experiment));
  }
  SweepComparison c;
  c.path_a = path_a;
  c.path_b = path_b;
  c.experiment = a.experiment;
  c.plan_a = a.plan;
  c.plan_b = b.plan;
  c.seed_a = a.seed;
  c.seed_b = b.seed;
  c.rows_a = a.rows();
  c.rows_b = b.rows();
  c.key = identifying(a, b);
  std::map<std::string, std::size_t> rows_of_b;
  for (std::size_t row = 0; row < b.rows(); ++row) rows_of_b[key_of(b, c.key, row)] = row;
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  std::vector<std::string> names;
  for (std::size_t row = 0; row < a.rows(); ++row) {
    const std::string name = key_of(a, c.key, row);
    const auto at = rows_of_b.find(name);
    if (at == rows_of_b.end()) continue;
    pairs.emplace_back(row, at->second);
    names.push_back(name);
  }
  c.matched = pairs.size();
  for (const SweepColumn& column : a.columns) {
    const SweepColumn* other = find(b, column.name);
    const bool key = std::find(c.key.begin(), c.key.end(), column.name) != c.key.end();
    if (other == nullptr || key || is_words(column) || is_words(*other)) continue;
    c.columns.push_back(compare_column(column, *other, pairs, names));
  }
  c.answer = sentence(c);
  return c;
}

std::string sweep_comparison_text(const SweepComparison& c) {
  std::string text =
      fmt::format("experiment {}\nA {} (seed {}; {})\nB {} (seed {}; {})\n{}\n\n", c.experiment, c.path_a,
                  c.seed_a, c.plan_a, c.path_b, c.seed_b, c.plan_b, c.answer);
  text += fmt::format("{:<24}{:>8}{:>8}{:>14}{:>14}{:>12}{:>12}{:>12}\n", "quantity", "rows", "equal",
                      "median A", "median B", "B/A 10%", "50%", "90%");
  for (const ComparedColumn& column : c.columns) {
    text += fmt::format("{:<24}{:>8}{:>8}{:>14}{:>14}{:>12}{:>12}{:>12}\n", column.name, column.compared,
                        column.equal, number(column.median_a), number(column.median_b),
                        number(column.ratio_low), number(column.ratio_median), number(column.ratio_high));
  }
  return text;
}

std::string sweep_comparison_csv(const SweepComparison& c) {
  std::string csv = csv_line(headings());
  for (const ComparedColumn& column : c.columns) csv += csv_line(cells_of(column));
  return csv;
}

std::string sweep_comparison_html(const SweepComparison& c, const std::string& command_line) {
  std::string body = fmt::format(
      "<p class='over'>Two experiment files compared</p>\n<h1>{}</h1>\n<p>{}</p>\n<p class='sub'>A is "
      "<code>{}</code>, seed {}: {}. B is <code>{}</code>, seed {}: {}. Rows are matched by {}.</p>\n",
      html_escape(c.experiment), html_escape(c.answer), html_escape(c.path_a), c.seed_a,
      html_escape(c.plan_a), html_escape(c.path_b), c.seed_b, html_escape(c.plan_b),
      html_escape(fmt::format("{}", fmt::join(c.key, ", "))));
  HtmlTable table(headings());
  for (const ComparedColumn& column : c.columns) {
    table.row();
    for (const std::string& text : cells_of(column)) table.number(html_escape(text));
  }
  body += table.html();
  for (std::size_t i = 0; i < c.columns.size(); ++i) {
    if (c.columns[i].equal < c.columns[i].compared) body += html_of(scatter(c.columns[i], i));
  }
  return html_page("Comparison: " + c.experiment, body,
                   fmt::format("opoloop {}; <code>{}</code>", kVersion, html_escape(command_line)));
}

}  // namespace opoloop
