#include "experiments/report_figures.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "experiments/plot.h"
#include "experiments/rank_statistics.h"

namespace opoloop {

namespace {

constexpr std::size_t kLines = 80;    // curves in one figure: more only make it black
constexpr std::size_t kPoints = 300;  // of a curve that changes everywhere

/// About `most` of 0 … count−1, evenly, both ends included.
std::vector<std::size_t> thinned(std::size_t count, std::size_t most) {
  std::vector<std::size_t> kept;
  const std::size_t m = std::min(count, most);
  for (std::size_t k = 0; k < m; ++k) kept.push_back(m == 1 ? 0 : k * (count - 1) / (m - 1));
  return kept;
}

/// Max-cut problems get the cut on the opposite axis of energies low … high: cut = (W − E)/2.
std::string cut_axis(const RunFileContents& c, const char* axis, double low, double high) {
  if (c.problem_kind != ProblemKind::max_cut) return {};
  return fmt::format(
      "set {0}2range [{1:.10g}:{2:.10g}]\nset {0}2tics textcolor rgb '{3}'\nset format {0}2 '%.6g'\n"
      "set {0}2label 'cut' textcolor rgb '{3}'\nset border {4}\n",
      axis, (c.total_weight - low) / 2, (c.total_weight - high) / 2, kInk, axis[0] == 'y' ? 11 : 7);
}

/// Greatest common step of integer-valued energies; 0 where they are not integers.
double common_step(const std::vector<double>& energies, double lowest) {
  std::int64_t step = 0;
  for (const double e : energies) {
    const double d = e - lowest;
    if (std::abs(d - std::round(d)) > 1e-6 || d > 1e15) return 0;
    step = std::gcd(step, static_cast<std::int64_t>(std::llround(d)));
  }
  return static_cast<double>(step);
}

}  // namespace

Figure energy_figure(const RunFileContents& c) {
  Figure figure;
  if (c.energy.empty()) {
    figure.missing =
        "No trajectories were logged in this run, so there are no energies over round trips. "
        "<code>solve --log-trajectories K</code> logs the first K.";
    return figure;
  }
  const std::size_t rows = c.log_rounds.size();
  std::string data = "$best << EOD\n";
  const auto lines = thinned(c.energy.size(), kLines);
  for (const std::size_t r : lines) {
    // A curve of steps: only where it falls, and its end.
    double last = std::numeric_limits<double>::quiet_NaN();
    std::size_t end = 0;
    for (std::size_t t = 0; t < rows; ++t) {
      const double e = c.energy_so_far[r][t];
      if (std::isnan(e)) break;
      end = t;
      if (e != last) data += fmt::format("{} {:.10g}\n", c.log_rounds[t], e);
      last = e;
    }
    if (!std::isnan(last)) data += fmt::format("{} {:.10g}\n", c.log_rounds[end], last);
    data += "\n";
  }
  data += "EOD\n$band << EOD\n";
  const bool band = c.energy.size() >= 5;
  double top = -std::numeric_limits<double>::infinity();
  double bottom = std::numeric_limits<double>::infinity();
  for (const std::size_t t : thinned(rows, kPoints)) {
    std::vector<double> now;
    for (const auto& trajectory : c.energy) {
      if (!std::isnan(trajectory[t])) now.push_back(trajectory[t]);
    }
    if (now.empty()) break;
    std::sort(now.begin(), now.end());
    const double mean = std::accumulate(now.begin(), now.end(), 0.0) / static_cast<double>(now.size());
    data += fmt::format("{} {:.8g} {:.8g} {:.8g}\n", c.log_rounds[t], sorted_quantile(now, 0.1),
                        sorted_quantile(now, 0.9), mean);
    // The first instants fall from random spins by more than all the rest: they may leave at the top.
    if (c.log_rounds[t] * 25 >= c.log_rounds.back()) top = std::max(top, now.back());
    bottom = std::min(bottom, now.front());
  }
  data += "EOD\n";
  if (c.best_known_energy) bottom = std::min(bottom, *c.best_known_energy);
  if (!c.energy_best.empty())
    bottom = std::min(bottom, *std::min_element(c.energy_best.begin(), c.energy_best.end()));
  const double room = top > bottom ? 0.04 * (top - bottom) : 1;
  std::string script = data;
  script += fmt::format(
      "set xlabel 'round trip' textcolor rgb '{0}'\nset ylabel 'energy' textcolor rgb '{0}'\n", kInk);
  script += fmt::format("set xrange [0:{}]\nset yrange [{:.10g}:{:.10g}]\n",
                        std::max<std::int64_t>(1, c.log_rounds.back()), bottom - room, top + room);
  script += cut_axis(c, "y", bottom - room, top + room);
  script += "set key top right\nplot ";
  if (band) {
    script += fmt::format(
        "$band using 1:2:3 with filledcurves fillcolor rgb '{}' fillstyle transparent solid 0.22 noborder "
        "title 'energy now, 10–90% of runs', ",
        kFirst);
  }
  script += fmt::format(
      "$best using 1:2 with steps linecolor rgb '{0}' linewidth 0.7 title 'lowest so far, each run', "
      "$band using 1:4 with lines linecolor rgb '{1}' linewidth 2.2 title 'energy now, mean'",
      kSecond, kFirst);
  if (c.best_known_energy) {
    script +=
        fmt::format(", {:.17g} with lines linecolor rgb '{}' linewidth 1.4 dashtype 2 title 'best known'",
                    *c.best_known_energy, kInk);
  }
  return draw_figure(script + "\n", "energies", "Energies of the logged runs over round trips",
                     fmt::format("Energy of the spins as the signs of the amplitudes give them, round trip "
                                 "by round trip. Thin steps: "
                                 "the lowest energy "
                                 "each run has seen so far ({} of {} logged runs drawn). {}",
                                 lines.size(), c.energy.size(),
                                 band ? "Band and thick line: where the runs are at that moment."
                                      : "Thick line: the mean at that moment."));
}

Figure amplitude_figure(const RunFileContents& c) {
  Figure figure;
  if (c.amplitude.empty()) {
    figure.missing =
        "No amplitudes were logged in this run. <code>solve --log-trajectories K</code> logs the first K.";
    return figure;
  }
  // The most telling run: the one that got lowest, among those in memory.
  std::size_t best = 0;
  double lowest = std::numeric_limits<double>::infinity();
  for (std::size_t r = 0; r < c.amplitude.size(); ++r) {
    for (const double e : c.energy_so_far[r]) {
      if (e < lowest) {
        lowest = e;
        best = r;
      }
    }
  }
  const auto& x = c.amplitude[best];
  std::size_t rows = 0;
  while (rows < x.size() && std::isfinite(x[rows][0])) ++rows;
  if (rows == 0) {
    figure.missing = "The logged run has no finite amplitudes.";
    return figure;
  }
  const std::size_t pulses = x[0].size();
  const auto shown = thinned(pulses, kLines);
  std::string script;
  for (const bool positive : {true, false}) {
    script += positive ? "$plus << EOD\n" : "$minus << EOD\n";
    for (const std::size_t i : shown) {
      if (std::signbit(x[rows - 1][i]) == positive) continue;
      for (const std::size_t t : thinned(rows, kPoints))
        script += fmt::format("{} {:.5g}\n", c.log_rounds[t], x[t][i]);
      script += "\n";
    }
    // A class without a pulse still needs a line for its key.
    script += "NaN NaN\nEOD\n";
  }
  script += fmt::format(
      "set xlabel 'round trip' textcolor rgb '{0}'\nset ylabel 'amplitude x' textcolor rgb '{0}'\n", kInk);
  script +=
      fmt::format("set xrange [0:{}]\nset xzeroaxis linecolor rgb '{}' linewidth 0.8\nset key top left\n",
                  std::max<std::int64_t>(1, c.log_rounds[rows - 1]), kInk);
  script += fmt::format(
      "plot $plus using 1:2 with lines linecolor rgb '{}' linewidth 0.7 title 'ends at +1', "
      "$minus using 1:2 with lines linecolor rgb '{}' linewidth 0.7 title 'ends at −1'\n",
      kFirst, kSecond);
  return draw_figure(
      script, "amplitudes", "Amplitudes of the pulses of one run over round trips",
      fmt::format("In-phase amplitudes of the pulses in logged run {}, the one that reached the lowest "
                  "energy ({}) of "
                  "those at hand. "
                  "A pulse's sign at the end is its spin. {} of {} pulses drawn.",
                  best, lowest < 0 ? fmt::format("−{:.8g}", -lowest) : fmt::format("{:.8g}", lowest),
                  shown.size(), pulses));
}

Figure histogram_figure(const RunFileContents& c) {
  Figure figure;
  std::vector<double> final_energy, best_energy;
  for (const double e : c.energy_final) {
    if (std::isfinite(e)) final_energy.push_back(e);
  }
  for (const double e : c.energy_best) {
    if (std::isfinite(e)) best_energy.push_back(e);
  }
  if (final_energy.empty() || best_energy.empty()) {
    figure.missing = c.finished ? "No run ended with a finite energy."
                                : "The run was cut off before its final energies were written.";
    return figure;
  }
  std::vector<double> all = final_energy;
  all.insert(all.end(), best_energy.begin(), best_energy.end());
  const auto [low, high] = std::minmax_element(all.begin(), all.end());
  const double lowest = *low;
  const double range = *high - lowest;
  double width =
      common_step(all, lowest);  // integer problems: whole steps, so that no bin is empty by parity
  if (width > 0) {
    width *= std::max(1.0, std::ceil(range / width / 48));
  } else {
    width = range > 0 ? range / 32 : 1;
  }
  std::map<std::int64_t, std::pair<int, int>> bins;
  for (const double e : final_energy) ++bins[std::llround((e - lowest) / width)].first;
  for (const double e : best_energy) ++bins[std::llround((e - lowest) / width)].second;
  std::string script = "$bins << EOD\n";
  double tallest = 0;
  for (const auto& [bin, counts] : bins) {
    script += fmt::format("{:.10g} {} {}\n", lowest + static_cast<double>(bin) * width, counts.first,
                          counts.second);
    tallest = std::max({tallest, static_cast<double>(counts.first), static_cast<double>(counts.second)});
  }
  script += "EOD\n";
  double left = lowest - width;
  double right = lowest + range + width;
  if (c.best_known_energy) left = std::min(left, *c.best_known_energy - width);
  if (c.best_known_energy) right = std::max(right, *c.best_known_energy + width);
  script += fmt::format(
      "set xlabel 'energy' textcolor rgb '{0}'\nset ylabel 'runs' textcolor rgb '{0}'\nset xrange "
      "[{1:.10g}:{2:.10g}]\n"
      "set yrange [0:{3:.10g}]\nset key top right\n",
      kInk, left, right, tallest * 1.15);
  script += cut_axis(c, "x", left, right);
  if (c.best_known_energy) {
    script += fmt::format("$known << EOD\n{0:.17g} 0\n{0:.17g} {1:.10g}\nEOD\n", *c.best_known_energy,
                          tallest * 1.15);
  }
  // Side by side within a bin: best-ever left, final right.
  script += fmt::format(
      "plot $bins using ($1-{0:.10g}):3:({1:.10g}) with boxes fillcolor rgb '{2}' fillstyle solid 0.85 "
      "noborder title 'lowest ever', "
      "$bins using ($1+{0:.10g}):2:({1:.10g}) with boxes fillcolor rgb '{3}' fillstyle solid 0.85 noborder "
      "title 'at the end'",
      0.21 * width, 0.38 * width, kSecond, kFirst);
  if (c.best_known_energy) {
    script += fmt::format(
        ", $known using 1:2 with lines linecolor rgb '{}' linewidth 1.4 dashtype 2 title 'best known'", kInk);
  }
  return draw_figure(script + "\n", "histogram", "Histogram of the energies of all runs",
                     fmt::format("Energies of all {} runs: the lowest each one saw, and where it ended.",
                                 c.energy_final.size()));
}

}  // namespace opoloop
