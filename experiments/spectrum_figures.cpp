#include <cmath>
#include <map>

#include <fmt/format.h>

#include "experiments/plot.h"
#include "experiments/spectrum_report.h"

namespace opoloop {
namespace {

std::string lines(const std::string& data, const char* colour, double width, const std::string& title) {
  return fmt::format("{} using 1:2 with lines linecolor rgb '{}' linewidth {} {}", data, colour, width,
                     title.empty() ? "notitle" : "title '" + title + "'");
}

/// E_k − E_0 for every level that was computed, the gap's on top of them.
Figure gap_figure(const QuantumGap& quantum) {
  const auto joined = static_cast<std::size_t>(quantum.final_degeneracy);
  std::size_t count = 0;
  for (const GapPoint& point : quantum.curve) count = std::max(count, point.levels.size());
  std::string script;
  std::string plots;
  for (std::size_t k = 1; k < count; ++k) {
    script += fmt::format("$l{} << EOD\n", k);
    for (const GapPoint& point : quantum.curve) {
      if (point.converged && k < point.levels.size()) {
        script += fmt::format("{} {}\n", point.s, point.levels[k] - point.levels[0]);
      }
    }
    script += "EOD\n";
    const std::string data = fmt::format("$l{}", k);
    plots += k == joined  ? lines(data, kFirst, 2.2, "Δ(s)") + ", "
             : k < joined ? lines(data, kSecond, 1, k == 1 ? "levels that join the ground state" : "") + ", "
                          : lines(data, kInk, 1, "next level") + ", ";
  }
  script += "$m << EOD\n";
  for (const GapPoint& point : quantum.minima) script += fmt::format("{} {}\n", point.s, point.gap);
  script +=
      "EOD\n" + axis_labels("s", "E_k − E_0 (transverse field at s = 0)") +
      "set xrange [0:1]\nset yrange [0:*]\nset key top right\nplot " + plots +
      fmt::format("$m using 1:2 with points linecolor rgb '{}' pointtype 7 pointsize 0.9 title 'minima'\n",
                  kFirst);
  std::string caption =
      fmt::format("Levels of H(s) above its ground state, {}.",
                  quantum.even_sector ? "among the states even under reversal of all spins" : "all states");
  if (!quantum.minima.empty()) {
    const GapPoint& smallest = quantum.minima[quantum.smallest];
    caption += fmt::format(" Smallest gap {:.6g} at s = {:.5g}.", smallest.gap, smallest.s);
  }
  return draw_figure(script, "gap", "Quantum annealing gap against s", caption);
}

Figure relaxation_figure(const std::vector<ChainRow>& chains) {
  std::string script;
  std::string plots;
  std::map<FlipRule, const char*> colours = {{FlipRule::metropolis, kFirst}, {FlipRule::glauber, kSecond}};
  for (const auto& [rule, colour] : colours) {
    std::string all, even, hitting;
    for (const ChainRow& row : chains) {
      if (row.gap.rule != rule || !row.gap.converged || row.gap.beta <= 0) continue;
      const auto add = [&](std::string& to, double time) {
        if (std::isfinite(time) && time > 0) to += fmt::format("{} {}\n", row.gap.beta, time);
      };
      add(all, row.gap.all.relaxation);
      if (row.gap.even) add(even, row.gap.even->relaxation);
      if (row.hitting && row.hitting->converged) add(hitting, row.hitting->from_uniform);
    }
    const auto plot = [&](const char* kind, const std::string& data, const std::string& style,
                          const std::string& title) {
      if (data.empty()) return;
      const std::string name = fmt::format("${}{}", kind, rule == FlipRule::metropolis ? "m" : "g");
      script += fmt::format("{} << EOD\n{}EOD\n", name, data);
      plots += fmt::format(
          "{}{} using 1:2 with linespoints linecolor rgb '{}' pointtype 7 pointsize 0.5 {} title "
          "'{} {}'",
          plots.empty() ? "" : ", ", name, colour, style, name_of(rule), title);
    };
    plot("all", all, "linewidth 1.6", "t_rel = 1/gap");
    plot("even", even, "linewidth 1 dashtype 2", "flip-even t_rel");
    plot("hit", hitting, "linewidth 1 dashtype 3", "hitting time");
  }
  if (plots.empty()) return {"", "No picture: no finite relaxation time.", ""};
  script += axis_labels("inverse temperature β", "steps (proposed flips)") +
            "set logscale xy\nset format y '1e%T'\nset key outside right\nplot " + plots + "\n";
  return draw_figure(
      script, "relaxation", "Relaxation time against inverse temperature",
      "Relaxation time of the single-spin-flip chain, 1/gap, and the exact mean time to a ground state from "
      "a uniformly drawn state. Where h = 0 the slowest mode at low temperature is reversal of all spins, "
      "which reaching a ground state does not need: the flip-even gap leaves it out.");
}

Figure mode_figure(const MachineSpectrum& machine) {
  std::string script;
  std::string plots;
  std::size_t count = 0;
  for (const JacobianPoint& point : machine.run) count = std::max(count, point.values.size());
  for (std::size_t k = 0; k < count; ++k) {
    script += fmt::format("$j{} << EOD\n", k);
    for (const JacobianPoint& point : machine.run) {
      if (k < point.values.size()) script += fmt::format("{} {}\n", point.pump, point.values[k]);
    }
    script += "EOD\n";
    plots += (k > 0 ? ", " : "") + lines(fmt::format("$j{}", k), k == 0 ? kFirst : kSecond, k == 0 ? 2.2 : 1,
                                         k == 0   ? "leading"
                                         : k == 1 ? "next"
                                                  : "");
  }
  script += axis_labels("pump p", "eigenvalue (1/signal lifetime)") +
            fmt::format(
                "set xzeroaxis linecolor rgb '{0}'\nset key bottom right\n"
                "set arrow from {1},graph 0 to {1},graph 1 nohead linecolor rgb '{0}' dashtype 2\n"
                "set label 'p = 1 − ξ λ_max' at {1},graph 0.94 offset 0.6,0 textcolor rgb '{0}'\nplot ",
                kInk, machine.threshold) +
            plots + "\n";
  return draw_figure(
      script, "modes", "Leading eigenvalues of the mean-field Jacobian along a run",
      "Largest eigenvalues of diag(−(1−p) − 3x²) + ξJ while the pump rises (mean field, linear law). A "
      "positive one is a direction in which the amplitudes still grow: the first crosses zero at threshold, "
      "and turns negative again when the pulses have settled.");
}

}  // namespace

std::vector<Figure> spectrum_figures(const ProblemSpectrum& spectrum) {
  std::vector<Figure> figures;
  if (spectrum.quantum && !spectrum.quantum->curve.empty()) figures.push_back(gap_figure(*spectrum.quantum));
  if (!spectrum.chains.empty()) figures.push_back(relaxation_figure(spectrum.chains));
  if (spectrum.machine && !spectrum.machine->run.empty()) figures.push_back(mode_figure(*spectrum.machine));
  return figures;
}

}  // namespace opoloop
