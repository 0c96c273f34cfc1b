#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "experiments/figure.h"
#include "experiments/gap_tts_report.h"
#include "experiments/plot.h"

namespace opoloop {
namespace {

struct Style {
  const char* colour;
  int point;
};
/// Families by colour and symbol.
Style style_of(const std::string& family) {
  static const std::map<std::string, Style> styles = {
      {kFamilyQama, {kFirst, 7}},     {kFamilyQamaRandom, {kFirst, 6}}, {kFamilySk, {kSecond, 7}},
      {kFamilyWishart, {kSecond, 6}}, {kFamilyTile, {kInk, 6}},         {kFamilyMis, {kInk, 2}}};
  const auto at = styles.find(family);
  return at == styles.end() ? Style{kInk, 1} : at->second;
}

std::vector<std::string> families_of(const std::vector<GapTtsRow>& rows) {
  std::vector<std::string> names;
  for (const GapTtsRow& row : rows) {
    if (std::find(names.begin(), names.end(), row.family) == names.end()) names.push_back(row.family);
  }
  return names;
}

/// One panel: a gap against the time of one outcome.
std::string panel(const GapTtsAnswer& answer, const std::vector<GapTtsRow>& rows, std::size_t p,
                  std::size_t o, const std::string& x_label, bool first) {
  std::string data, plots;
  double sum_x = 0, sum_y = 0, count = 0, low = 0, high = 0;
  std::size_t at = 0;
  for (const std::string& family : families_of(rows)) {
    std::string points;
    for (const GapTtsRow& row : rows) {
      if (row.family != family) continue;
      const double x = gap_tts_predictors(row)[p], y = gap_tts_outcomes(row)[o];
      if (!(x > 0 && y > 0) || !std::isfinite(x) || !std::isfinite(y)) continue;
      points += fmt::format("{:.4g} {:.4g}\n", 1 / x, y);
      low = count == 0 ? std::log(x) : std::min(low, std::log(x));
      high = count == 0 ? std::log(x) : std::max(high, std::log(x));
      sum_x += std::log(x);
      sum_y += std::log(y);
      count += 1;
    }
    if (points.empty()) continue;
    const Style style = style_of(family);
    data += fmt::format("$p{} << EOD\n{}EOD\n", at, points);
    plots += fmt::format("{}$p{} using 1:2 with points lc rgb '{}' pt {} ps 0.35 notitle",
                         plots.empty() ? "" : ", ", at, style.colour, style.point);
    ++at;
  }
  if (plots.empty()) return "";
  // The pooled slope with its interval, through the middle of the points.
  const RankEstimate& slope = answer.pooled.slope[p][o];
  std::string title = "no fit";
  if (slope.known() && high > low) {
    const double x = sum_x / count, y = sum_y / count;
    title = fmt::format("slope {:.2f} [{:.2f}, {:.2f}]", -slope.value, -slope.high, -slope.low);
    int k = 0;
    for (const double b : {slope.value, slope.low, slope.high}) {
      data += fmt::format("$f{} << EOD\n{:.4g} {:.4g}\n{:.4g} {:.4g}\nEOD\n", k, std::exp(-low),
                          std::exp(y + b * (low - x)), std::exp(-high), std::exp(y + b * (high - x)));
      plots += fmt::format(", $f{} using 1:2 with lines lc rgb '{}' lw {} dt {} notitle", k, kInk,
                           k == 0 ? 1.6 : 0.8, k == 0 ? 1 : 2);
      ++k;
    }
  }
  const bool wide = high - low > 4 * std::log(10.0);  // decades: every second one has its number
  return data + axis_labels(x_label, first ? "TTS(0.99)" : "") +
         fmt::format("set title '{}' textcolor rgb '{}'\nset key off\nset xtics {}\nplot {}\n", title, kInk,
                     wide ? 100 : 10, plots);
}

std::string scatter_html(const GapTtsAnswer& answer, const std::vector<GapTtsRow>& rows, std::size_t o) {
  const char* labels[kGaps] = {"chain gap", "quantum gap", "machine gap"};
  std::string script =
      "set logscale xy\nset format x '1e%T'\nset format y '1e%T'\nset multiplot layout 1,3\n";
  for (std::size_t p = 0; p < kGaps; ++p) script += panel(answer, rows, p, o, labels[p], p == 0);
  script += "unset multiplot\n";
  const std::string& name = answer.outcomes[o];
  const bool chain = o >= gap_tts_settings().size();
  return html_of(draw_figure(
      script, fmt::format("scatter{}", o), fmt::format("time to solution of {} against the three gaps", name),
      fmt::format(
          "{}: TTS(0.99) in {} against each gap, a point an instance that was ever solved. Lines: slope of "
          "ln TTS over ln gap, pooled within family and size, with its 95% interval.",
          html_escape(name), chain || !gap_tts_settings()[o].machine ? "sweeps" : "round trips")));
}

std::string rho_html(const GapTtsAnswer& answer) {
  const char* colours[kGaps] = {kFirst, kSecond, kInk};
  const char* names[kGaps] = {"chain gap", "quantum gap", "machine gap"};
  std::string data, plots, tics;
  for (std::size_t p = 0; p < kGaps; ++p) {
    data += fmt::format("$r{} << EOD\n", p);
    for (std::size_t o = 0; o < answer.outcomes.size(); ++o) {
      const RankEstimate& e = answer.pooled.rho[p][o];
      if (e.known()) {
        data +=
            fmt::format("{:.2f} {:.4f} {:.4f} {:.4f}\n",
                        static_cast<double>(o) + 0.2 * (static_cast<double>(p) - 1), e.value, e.low, e.high);
      }
    }
    data += "EOD\n";
    plots += fmt::format("{}$r{} using 1:2:3:4 with yerrorbars lc rgb '{}' pt 7 ps 0.7 title '{}'",
                         p == 0 ? "" : ", ", p, colours[p], names[p]);
  }
  for (std::size_t o = 0; o < answer.outcomes.size(); ++o) {
    tics += fmt::format("{}'{}' {}", o == 0 ? "" : ", ", answer.outcomes[o], o);
  }
  return html_of(draw_figure(
      data + axis_labels("", "Spearman’s ρ of 1/gap and TTS") +
          fmt::format(
              "set xtics ({})\nset xrange [-0.5:{}]\nset yrange [-1:1]\nset xzeroaxis lc rgb '{}'\nset key "
              "outside right\nplot {}\n",
              tics, static_cast<double>(answer.outcomes.size()) - 0.5, kInk, plots),
      "rho", "rank correlation of each gap with each time",
      "1 would be: a smaller gap always takes longer; 0: the gap says nothing. Bars are 95% intervals from "
      "resampling instances within family and size. The chain is the one the chain gap belongs to."));
}

std::string bound_html(const std::vector<GapTtsRow>& rows) {
  std::string data, plots;
  std::size_t at = 0;
  for (const std::string& family : families_of(rows)) {
    data += fmt::format("$b{} << EOD\n", at);
    for (const GapTtsRow& row : rows) {
      if (row.family == family && row.chain_tts > 0 && std::isfinite(row.chain_bound)) {
        data += fmt::format("{:.4g} {:.4g}\n", row.chain_tts, row.chain_bound);
      }
    }
    data += "0 0\nEOD\n";  // a family without points still has a block; 0 is off a logarithmic axis
    const Style style = style_of(family);
    plots += fmt::format(", $b{} using 1:2 with points lc rgb '{}' pt {} ps 0.5 title '{}'", at, style.colour,
                         style.point, family);
    ++at;
  }
  if (at == 0) return "";
  return html_of(draw_figure(
      data + axis_labels("measured TTS(0.99) of the chain (steps)", "bound (steps)") +
          fmt::format(
              "set logscale xy\nset format x '1e%T'\nset format y '1e%T'\nset key outside right\nplot x with "
              "lines lc rgb '{}' dt 2 title 'bound = measured'{}\n",
              kInk, plots),
      "bound", "bound of the chain against what was measured",
      "The bound that the chain's gap gives on its time to solution, against the 99% quantile of runs of "
      "that "
      "very chain: no point may lie below the line by more than sampling error."));
}

}  // namespace

std::string gap_tts_figures(const GapTtsAnswer& answer, const std::vector<GapTtsRow>& rows) {
  if (rows.empty()) return "<p class='none'>Nothing was measured yet.</p>\n";
  std::string html = rho_html(answer);
  html +=
      "<h2>Times against gaps</h2>\n<p class='sub'>Blue: QAMA, filled from images, open from random tokens. "
      "Orange: filled SK, open Wishart-planted. Ink: circles tile-planted, crosses independent sets.</p>\n";
  for (std::size_t o = 0; o < answer.outcomes.size(); ++o) html += scatter_html(answer, rows, o);
  html += "<h2>How tight is the chain’s bound?</h2>\n" + bound_html(rows);
  return html;
}

}  // namespace opoloop
