#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "experiments/figure.h"
#include "experiments/plot.h"
#include "experiments/tts/tts_report.h"
#include "experiments/tts/tts_words.h"

namespace opoloop {
namespace {

/// Colour and symbol of a device: the same in every picture of a page.
struct Style {
  const char* colour;
  int point;
  int dash;
};
Style style_of(std::size_t device) {
  constexpr std::array<const char*, 3> colours = {kFirst, kSecond, kInk};
  constexpr std::array<int, 5> points = {7, 6, 5, 4, 9};  // filled and open circles, squares, a triangle
  return {colours[device % 3], points[(device / 3) % 5], static_cast<int>(device / 3) + 1};
}

std::string frame() {
  return fmt::format(
      "set border 3 lc rgb '{0}'\nset tics textcolor rgb '{0}' nomirror\nset grid lc rgb '{1}'\nset key "
      "textcolor rgb '{0}' outside right top\n",
      kInk, kFaint);
}

/// One class of each family, the one in the middle of its sizes.
std::vector<std::size_t> middle_classes(const TtsAnswer& answer) {
  std::vector<std::size_t> chosen;
  std::vector<std::string> seen;
  for (const TtsClass& group : answer.classes) {
    if (std::find(seen.begin(), seen.end(), group.family) != seen.end()) continue;
    seen.push_back(group.family);
    std::vector<std::size_t> members;
    for (std::size_t c = 0; c < answer.classes.size(); ++c) {
      if (answer.classes[c].family == group.family) members.push_back(c);
    }
    chosen.push_back(members[members.size() / 2]);
  }
  return chosen;
}

}  // namespace

std::string tts_scaling_figure(const TtsAnswer& answer, const TtsTable& table, const std::string& name) {
  if (table.scaling.empty()) return "";
  const std::string family = table.scaling.front().family;
  std::string data, plots;
  double highest = 0;
  for (std::size_t d = 0; d < answer.devices.size(); ++d) {
    // Beside each other, so that no interval hides another.
    const double shift = 0.03 * (static_cast<double>(d) - static_cast<double>(answer.devices.size() - 1) / 2);
    std::string points;
    for (std::size_t c = 0; c < answer.classes.size(); ++c) {
      const ClassTime& time = table.cells[c][d].time;
      if (answer.classes[c].family != family || !time.known() || std::isinf(time.value)) continue;
      highest = std::max(highest, time.value);
      points += fmt::format("{:g} {:g} {:g} {:g} {}\n", std::sqrt(answer.classes[c].spins) + shift,
                            time.value, time.low, std::isfinite(time.high) ? time.high : 1e300,
                            time.end == GridEnd::inside ? 1 : 0);
    }
    if (points.empty()) continue;
    const Style style = style_of(d);
    data += fmt::format("$d{} << EOD\n{}EOD\n", d, points);
    plots +=
        fmt::format("{}$d{} using 1:2:3:4 with yerrorbars lc rgb '{}' pt {} ps 0.6 title {}",
                    plots.empty() ? "" : ", ", d, style.colour, style.point, plot_string(answer.devices[d]));
    for (const TtsScaling& scaling : table.scaling) {
      if (scaling.family != family || scaling.device != d || !scaling.fit) continue;
      const LawFit& fit = scaling.fit->laws[0];
      plots += fmt::format(", [{:g}:{:g}] exp({:g} + {:g}*x) with lines lc rgb '{}' dt {} notitle",
                           std::sqrt(scaling.fit->spins.front()), std::sqrt(scaling.fit->spins.back()),
                           fit.intercept, fit.exponent, style.colour, style.dash);
    }
  }
  if (plots.empty()) return "";
  const std::string script =
      frame() + axis_labels("√N", unit_text(table.unit)) +
      fmt::format("set logscale y\nset format y '1e%T'\nset yrange [:{:g}]\n", 20 * highest) + data +
      "plot " + plots + "\n";
  return html_of(draw_figure(
      script, name, fmt::format("time {} over the square root of N", goal_text(table.share)),
      fmt::format("Family {}: median over instances of the time {} with 99% at the best run length of each "
                  "size, 95% intervals; lines are fits exp(a + γ√N) over the sizes whose best length is "
                  "inside the grid. Sizes of which a device solved less than half have no point.",
                  html_escape(family), goal_text(table.share))));
}

std::string tts_success_figures(const TtsAnswer& answer) {
  std::string html;
  for (const std::size_t c : middle_classes(answer)) {
    std::string data, plots;
    for (const SuccessCurve& curve : answer.curves) {
      if (curve.instance_class != c) continue;
      const Style style = style_of(curve.device);
      data += fmt::format("$p{} << EOD\n", curve.device);
      for (std::size_t i = 0; i < curve.lengths.size(); ++i) {
        data += fmt::format("{:g} {:g} {:g} {:g}\n", curve.lengths[i], curve.p[i], curve.interval[i].low,
                            curve.interval[i].high);
      }
      data += "EOD\n";
      plots +=
          fmt::format("{0}$p{1} using 1:2:3:4 with yerrorlines lc rgb '{2}' pt {3} ps 0.5 dt {4} title {5}",
                      plots.empty() ? "" : ", ", curve.device, style.colour, style.point, style.dash,
                      plot_string(answer.devices[curve.device]));
    }
    if (plots.empty()) continue;
    html += html_of(draw_figure(
        frame() + axis_labels("steps of a run, T", "success probability") +
            fmt::format("set logscale x\nset format x '10^{{%T}}'\nset yrange [0:1]\n{}plot {}\n", data,
                        plots),
        fmt::format("success{}", c),
        fmt::format("success probability over run length, {}", answer.classes[c].name),
        fmt::format(
            "{}: share of the runs that reached the best energy, pooled over {} instances; bars are 95% "
            "Wilson intervals of the runs. A step is a round trip, a sweep or a time step.",
            html_escape(answer.classes[c].name), answer.classes[c].instances.size())));
  }
  return html;
}

std::string tts_profile_figure(const TtsAnswer& answer, const TtsTable& table, const std::string& name) {
  double widest = 2;
  for (const PerformanceProfile& profile : table.profiles) {
    if (!profile.ratios.empty()) widest = std::max(widest, profile.ratios.back());
  }
  widest *= 2;
  std::string data, plots;
  for (std::size_t d = 0; d < table.profiles.size(); ++d) {
    const PerformanceProfile& profile = table.profiles[d];
    if (profile.ratios.empty()) continue;
    const Style style = style_of(d);
    data += fmt::format("$r{} << EOD\n1 {:g}\n", d, profile.at(1));
    for (const double ratio : profile.ratios) data += fmt::format("{:g} {:g}\n", ratio, profile.at(ratio));
    data += fmt::format("{:g} {:g}\nEOD\n", widest, profile.at(widest));
    plots +=
        fmt::format("{}$r{} using 1:2 with steps lc rgb '{}' lw 1.6 dt {} title {}",
                    plots.empty() ? "" : ", ", d, style.colour, style.dash, plot_string(answer.devices[d]));
  }
  if (plots.empty()) return "";
  return html_of(draw_figure(
      frame() + axis_labels("τ", "share of the instances, ρ(τ)") +
          fmt::format("set logscale x\nset xrange [1:{:g}]\nset yrange [0:1.02]\n", widest) + data + "plot " +
          plots + "\n",
      name, fmt::format("performance profiles, {}, {}", goal_text(table.share), unit_text(table.unit)),
      fmt::format(
          "Performance profiles (Dolan and Moré 2002) of the time {}, in {}: the share of all instances "
          "that a device solves within τ times the time of whoever is fastest there. Left end: how "
          "often it is fastest; right end: how much it solves at all.",
          goal_text(table.share), unit_text(table.unit))));
}

}  // namespace opoloop
