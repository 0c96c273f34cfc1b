#include "experiments/sweep/sweep_report.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <ostream>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "driver/sweep_file.h"
#include "experiments/csv.h"
#include "experiments/figure.h"
#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"
#include "experiments/points/point_merge.h"
#include "experiments/rank_statistics.h"

namespace opoloop {
namespace {

constexpr std::size_t kFailuresListed = 50;
/// More bars than this nobody can tell apart.
constexpr std::size_t kMostBars = 30;
constexpr std::size_t kMostFigures = 6;
/// A metric that spans more than this factor is drawn on a logarithmic axis.
constexpr double kLogarithmic = 30;

MetricSpread spread_of(std::vector<double> values) {
  MetricSpread spread;
  values.erase(std::remove_if(values.begin(), values.end(), [](double v) { return std::isnan(v); }),
               values.end());
  spread.points = values.size();
  spread.infinite = static_cast<std::size_t>(
      std::count_if(values.begin(), values.end(), [](double v) { return std::isinf(v); }));
  spread.median = spread.low = spread.high = std::numeric_limits<double>::quiet_NaN();
  if (values.empty()) return spread;
  std::sort(values.begin(), values.end());
  spread.low = values[(values.size() - 1) / 4];
  spread.high = values[values.size() - 1 - (values.size() - 1) / 4];
  spread.median = median_of(std::move(values));
  return spread;
}

std::string number_text(double v) {
  return std::isnan(v) ? "-" : std::isinf(v) ? (v > 0 ? "inf" : "-inf") : fmt::format("{:.4g}", v);
}

std::string spread_text(const MetricSpread& spread) {
  if (spread.points == 0) return "-";
  if (spread.points == 1) return number_text(spread.median);
  return fmt::format("{} [{}, {}]", number_text(spread.median), number_text(spread.low),
                     number_text(spread.high));
}

std::string setting_name(const SweepSummaryRow& row) {
  return row.setting.empty() ? row.device : row.device + " " + row.setting;
}

std::vector<std::string> classes_of(const SweepSummary& summary) {
  std::vector<std::string> names;
  for (const SweepSummaryRow& row : summary.rows) {
    if (std::find(names.begin(), names.end(), row.instances) == names.end()) names.push_back(row.instances);
  }
  return names;
}

/// "SK 12: annealing steps=10 with 18.02", one a class: the setting whose median of the first metric is best.
/// A success is better where it is larger, everything else where it is smaller.
std::vector<std::string> best_settings(const SweepSummary& summary) {
  std::vector<std::string> lines;
  const bool larger = summary.metrics.front().starts_with("p_success");
  for (const std::string& name : classes_of(summary)) {
    const SweepSummaryRow* best = nullptr;
    std::size_t equals = 0;
    for (const SweepSummaryRow& row : summary.rows) {
      const double median = row.metrics.front().median;
      if (row.instances != name || !std::isfinite(median)) continue;
      const double least = best == nullptr ? 0 : best->metrics.front().median;
      if (best == nullptr || (larger ? median > least : median < least)) {
        best = &row;
        equals = 0;
      } else if (median == least) {
        ++equals;
      }
    }
    if (best == nullptr) {
      lines.push_back(name + ": none has a finite median");
      continue;
    }
    lines.push_back(fmt::format(
        "{}: {} with {}{}", name, setting_name(*best), number_text(best->metrics.front().median),
        equals > 0 ? fmt::format(" (and {} other{} the same)", equals, equals > 1 ? "s" : "") : ""));
  }
  return lines;
}

/// Medians and quartiles of one metric, a bar a setting.
Figure spread_figure(const SweepSummary& summary, std::size_t metric, const std::string& instances,
                     const std::string& id) {
  std::string data, marks;
  double least = std::numeric_limits<double>::infinity(), most = 0;
  std::size_t at = 0, bars = 0, infinite = 0, longest = 0;
  for (const SweepSummaryRow& row : summary.rows) {
    if (row.instances != instances) continue;
    const MetricSpread& m = row.metrics[metric];
    infinite += m.infinite;
    longest = std::max(longest, setting_name(row).size());
    marks += fmt::format("{}{} {}", at == 0 ? "" : ", ", plot_string(setting_name(row)), at);
    if (std::isfinite(m.median)) {
      const double high = std::isfinite(m.high) ? m.high : m.median;
      data += fmt::format("{} {} {} {}\n", at, m.median, m.low, high);
      least = std::min(least, m.low);
      most = std::max(most, high);
      ++bars;
    }
    ++at;
  }
  const std::string name = summary.metrics[metric];
  const std::string caption = fmt::format(
      "{}: {}. Median over instances and seeds, bars from the lower to the upper quartile.{}",
      html_escape(name), html_escape(summary.descriptions[metric]),
      infinite > 0
          ? fmt::format(" {} points are infinite; a median that is has no mark, a quartile that is none is "
                        "left open at the median.",
                        infinite)
          : "");
  Figure figure;
  if (bars == 0 || at > kMostBars) {
    figure.missing = bars == 0 ? "no finite median to draw" : fmt::format("{} settings: see the table", at);
    figure.caption = caption;
    return figure;
  }
  const bool logarithmic = least > 0 && most / least > kLogarithmic;
  const std::string script = fmt::format(
      "$points << EOD\n{}EOD\nunset key\nset bmargin {}\nset xrange [-0.6:{}]\n"
      "set xtics rotate by -28 ({})\n{}{}plot $points using 1:2:3:4 with yerrorbars linecolor rgb '{}' "
      "linewidth 2 pointtype 7 pointsize 0.9\n",
      data, std::min(3.5 + 0.22 * static_cast<double>(longest), 14.0), static_cast<double>(at) - 0.4, marks,
      axis_labels("", name),
      logarithmic  ? "set logscale y\n"
      : least >= 0 ? "set yrange [0:*]\n"
                   : "",
      kFirst);
  return draw_figure(script, id, fmt::format("{} of each setting, {}", name, instances), caption);
}

std::string table_html(const SweepSummary& summary, std::size_t metric) {
  const std::vector<std::string> classes = classes_of(summary);
  HtmlTable table({"device", "setting"});
  for (const std::string& name : classes) table.title(html_escape(name));
  for (std::size_t r = 0; r < summary.rows.size(); r += classes.size()) {
    table.row(html_escape(summary.rows[r].device)).cell(html_escape(summary.rows[r].setting));
    for (std::size_t c = 0; c < classes.size(); ++c) {
      const MetricSpread& m = summary.rows[r + c].metrics[metric];
      table.number(m.points == 0   ? "–"
                   : m.points == 1 ? readable_number(m.median, 4)
                                   : fmt::format("{} [{}, {}]", readable_number(m.median, 4),
                                                 readable_number(m.low, 4), readable_number(m.high, 4)));
    }
  }
  return table.html();
}

std::string failures_html(const SweepSummary& summary) {
  if (summary.failed == 0) return "";
  std::string html =
      fmt::format("<div class='note-box'>{} of {} points failed:<ul>\n", summary.failed, summary.points);
  for (const auto& [point, reason] : summary.failures) {
    html += fmt::format("<li>{}: {}</li>\n", html_escape(point), html_escape(reason));
  }
  if (summary.failed > summary.failures.size()) html += "<li>…</li>\n";
  return html + "</ul></div>\n";
}

}  // namespace

SweepSummary summarise(const SweepPlan& plan, const Sweep& sweep) {
  const SweepConfig& config = plan.config();
  SweepSummary summary;
  summary.points = plan.size();
  std::vector<std::string> classes;
  for (const SweepInstances& group : config.instances) {
    if (std::find(classes.begin(), classes.end(), group.name) == classes.end()) classes.push_back(group.name);
  }
  for (const SweepSetting& setting : config.settings) {
    for (const std::string& name : classes) {
      summary.rows.push_back({setting.device, setting.label, name, 0, 0, {}});
    }
  }
  const std::vector<double>& points = sweep.numbers(kPointColumn);
  const std::vector<std::string>& failures = sweep.words(kPointFailureColumn);
  const std::vector<std::string>& names = sweep.words(kPointNameColumn);
  std::vector<std::size_t> row_of(points.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    const SweepPlan::Place place = plan.place(static_cast<std::uint64_t>(points[i]));
    const auto setting = static_cast<std::size_t>(place.setting - config.settings.data());
    const auto at = std::find(classes.begin(), classes.end(), place.group->name);
    row_of[i] = setting * classes.size() + static_cast<std::size_t>(at - classes.begin());
    SweepSummaryRow& row = summary.rows[row_of[i]];
    if (failures[i].empty()) {
      ++row.measured;
      ++summary.measured;
      continue;
    }
    ++row.failed;
    ++summary.failed;
    if (summary.failures.size() < kFailuresListed) summary.failures.emplace_back(names[i], failures[i]);
  }
  for (const std::string& metric : config.metrics) {
    const std::vector<double>& values = sweep.numbers(metric);
    std::vector<std::vector<double>> of_row(summary.rows.size());
    for (std::size_t i = 0; i < values.size(); ++i) of_row[row_of[i]].push_back(values[i]);
    for (std::size_t r = 0; r < of_row.size(); ++r) {
      summary.rows[r].metrics.push_back(spread_of(std::move(of_row[r])));
    }
    const auto& known = SweepPlan::metric_columns();
    const auto column =
        std::find_if(known.begin(), known.end(), [&](const PointColumn& c) { return c.name == metric; });
    summary.metrics.push_back(metric);
    summary.units.push_back(column->units);
    summary.descriptions.push_back(column->description);
  }
  return summary;
}

void print_sweep(const SweepSummary& summary, std::ostream& out) {
  if (summary.rows.size() > classes_of(summary).size()) {
    out << fmt::format("Best median of {}:\n", summary.metrics.front());
    for (const std::string& line : best_settings(summary)) out << "  " << line << '\n';
    out << '\n';
  }
  const std::vector<std::string> classes = classes_of(summary);
  std::size_t width = 10;
  for (const SweepSummaryRow& row : summary.rows) width = std::max(width, setting_name(row).size());
  for (std::size_t m = 0; m < summary.metrics.size(); ++m) {
    out << fmt::format("{} ({}): median [quartiles] over instances and seeds\n", summary.metrics[m],
                       summary.descriptions[m]);
    out << fmt::format("{:{}}", "", width);
    for (const std::string& name : classes) out << fmt::format("  {:>28}", name);
    out << '\n';
    for (std::size_t r = 0; r < summary.rows.size(); r += classes.size()) {
      out << fmt::format("{:{}}", setting_name(summary.rows[r]), width);
      for (std::size_t c = 0; c < classes.size(); ++c) {
        out << fmt::format("  {:>28}", spread_text(summary.rows[r + c].metrics[m]));
      }
      out << '\n';
    }
    out << '\n';
  }
  out << fmt::format("{} of {} points measured, {} failed\n", summary.measured, summary.points,
                     summary.failed);
}

void print_sweep_json(const SweepSummary& summary, const SweepPlan& plan, const std::string& file,
                      std::ostream& out) {
  using Json = nlohmann::json;
  const auto number = [](double v) {
    return std::isnan(v) ? Json() : std::isinf(v) ? Json(v > 0 ? "inf" : "-inf") : Json(v);
  };
  Json rows = Json::array();
  for (const SweepSummaryRow& row : summary.rows) {
    Json metrics = Json::object();
    for (std::size_t m = 0; m < row.metrics.size(); ++m) {
      const MetricSpread& spread = row.metrics[m];
      metrics[summary.metrics[m]] = {{"median", number(spread.median)},
                                     {"low", number(spread.low)},
                                     {"high", number(spread.high)},
                                     {"points", spread.points},
                                     {"infinite", spread.infinite}};
    }
    rows.push_back({{"device", row.device},
                    {"setting", row.setting},
                    {"class", row.instances},
                    {"failed", row.failed},
                    {"measured", row.measured},
                    {"metrics", metrics}});
  }
  Json failures = Json::array();
  for (const auto& [point, reason] : summary.failures)
    failures.push_back({{"point", point}, {"reason", reason}});
  const Json json = {{"experiment", plan.experiment()},
                     {"file", file},
                     {"points", summary.points},
                     {"measured", summary.measured},
                     {"failed", summary.failed},
                     {"complete", summary.measured + summary.failed == summary.points},
                     {"metrics", summary.metrics},
                     {"rows", rows},
                     {"failures", failures}};
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

std::string sweep_summary_csv(const SweepSummary& summary) {
  std::string csv = csv_line({"device", "setting", "class", "metric", "units", "median", "lower_quartile",
                              "upper_quartile", "points", "infinite", "measured", "failed"});
  for (const SweepSummaryRow& row : summary.rows) {
    for (std::size_t m = 0; m < row.metrics.size(); ++m) {
      const MetricSpread& s = row.metrics[m];
      const auto number = [](double v) { return std::isnan(v) ? std::string() : fmt::format("{}", v); };
      csv += csv_line({row.device, row.setting, row.instances, summary.metrics[m], summary.units[m],
                       number(s.median), number(s.low), number(s.high), std::to_string(s.points),
                       std::to_string(s.infinite), std::to_string(row.measured), std::to_string(row.failed)});
    }
  }
  return csv;
}

std::string sweep_html(const SweepSummary& summary, const SweepPlan& plan, const std::string& command_line) {
  const SweepConfig& config = plan.config();
  const bool complete = summary.measured + summary.failed == summary.points;
  std::string body = fmt::format(
      "<p class='over'>opoloop experiment sweep</p><h1>{} of {} settings on {} instances</h1>\n"
      "<p class='sub'>{} of {} points measured, {} failed; {} seed{}. <span class='state{}'>{}</span></p>\n",
      html_escape(summary.metrics.front()), config.settings.size(), config.instance_count(), summary.measured,
      summary.points, summary.failed, config.seeds.size(), config.seeds.size() == 1 ? "" : "s",
      complete ? "" : " open", complete ? "complete" : "not complete");
  body += failures_html(summary);
  if (config.settings.size() > 1) {
    body += fmt::format("<p>Best median of {}:</p><ul>\n", html_escape(summary.metrics.front()));
    for (const std::string& line : best_settings(summary))
      body += fmt::format("<li>{}</li>\n", html_escape(line));
    body += "</ul>\n";
  }
  const std::vector<std::string> classes = classes_of(summary);
  for (std::size_t m = 0; m < summary.metrics.size(); ++m) {
    if (m > 0) body += fmt::format("<h2>{}</h2>\n", html_escape(summary.metrics[m]));
    for (std::size_t c = 0; m == 0 && c < std::min(classes.size(), kMostFigures); ++c) {
      if (classes.size() > 1) body += fmt::format("<h2>{}</h2>\n", html_escape(classes[c]));
      body += html_of(spread_figure(summary, m, classes[c], fmt::format("spread{}", c)));
    }
    body += table_html(summary, m);
    body += fmt::format(
        "<p class='sub'>{}. Median [quartiles] over instances and seeds, as values of single points; ∞: "
        "no run of that point succeeded.</p>\n",
        html_escape(summary.descriptions[m]));
  }
  HtmlTable measured;
  std::string plan_text = plan.description();
  for (std::size_t at = 0; at < plan_text.size();) {
    const std::size_t end = std::min(plan_text.find('\n', at), plan_text.size());
    measured.row().wide(html_escape(plan_text.substr(at, end - at)));
    at = end + 1;
  }
  body += fmt::format("<h2>What was measured</h2>{}", measured.html());
  return html_page("opoloop sweep: " + summary.metrics.front(), body,
                   fmt::format("<code>{}</code>", html_escape(command_line)));
}

}  // namespace opoloop
