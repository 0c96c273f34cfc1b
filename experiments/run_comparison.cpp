#include "experiments/run_comparison.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/version.h"
#include "driver/calibration/compare.h"
#include "experiments/csv.h"
#include "experiments/figure.h"
#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"

namespace opoloop {
namespace {

void require_same_problem(const RunFileContents& a, const RunFileContents& b) {
  const bool hashed = !a.problem_sha256.empty() && !b.problem_sha256.empty();
  const bool same = hashed ? a.problem_sha256 == b.problem_sha256
                           : a.problem_name == b.problem_name && a.n == b.n && a.edges == b.edges;
  if (!same) {
    throw InputError(fmt::format("{} and {} are of different problems: {} ({} spins) and {} ({} spins)",
                                 a.path, b.path, a.problem_name, a.n, b.problem_name, b.n));
  }
}

/// What solve_statistics() reads of a run.
Result result_of(const RunFileContents& c) {
  if (!c.finished || c.energy_best.empty())
    throw InputError(c.path + ": has no results: the run was killed, or is still going on");
  Result result;
  for (std::size_t i = 0; i < c.energy_best.size(); ++i) {
    Sample sample;
    sample.energy_best = c.energy_best[i];
    sample.rounds = c.rounds[i];
    sample.diverged = c.diverged[i];
    result.steps = std::max(result.steps, sample.rounds);
    result.samples.push_back(std::move(sample));
  }
  const auto wall = c.statistic.find("wall_s");
  result.timing.wall_s =
      wall == c.statistic.end() || wall->second.values.empty() ? std::nan("") : wall->second.values[0];
  return result;
}

/// The least energy of the runs that count. NaN: all diverged.
double lowest(const Result& result) {
  return solve_statistics(result, std::nullopt, 0).target_energy.value_or(std::nan(""));
}

/// The energy that a job was to reach; none where it was its own best.
std::optional<double> given_target(const RunFileContents& c) {
  const auto own = c.statistic.find("target_is_best_found");
  const auto target = c.statistic.find("target_energy");
  if (own == c.statistic.end() || target == c.statistic.end()) return std::nullopt;
  if (own->second.values.empty() || own->second.values[0] != 0 || target->second.values.empty())
    return std::nullopt;
  return target->second.values[0];
}

ComparedRun judged(const RunFileContents& c, const Result& result, double target) {
  ComparedRun run;
  run.path = c.path;
  run.device = c.device_uri;
  run.best_energy = lowest(result);
  for (const Sample& sample : result.samples) {
    if (!sample.diverged && !std::isnan(sample.energy_best)) run.energies.push_back(sample.energy_best);
  }
  // The couplings are not at hand: energies of a problem are compared within rounding of their own size.
  const SolveStatistics statistics = solve_statistics(result, target, std::abs(target));
  run.runs = statistics.trials;
  run.successes = statistics.successes_best;
  run.p = statistics.p_best;
  run.p_interval = statistics.p_best_interval;
  run.round_trips = statistics.round_trips;
  run.wall_s = statistics.wall_s;
  return run;
}

TimeRatio ratio_of(const std::string& name, const TimeToSolution& a, const TimeToSolution& b) {
  return {name, b.value / a.value, {b.low / a.high, b.high / a.low}};
}

std::vector<ParameterDifference> differing(const RunFileContents& a, const RunFileContents& b) {
  std::vector<ParameterDifference> differences;
  std::map<std::string, std::pair<std::string, std::string>> both;
  for (const auto& [name, value] : a.device_parameters) both[name].first = value.value;
  for (const auto& [name, value] : b.device_parameters) both[name].second = value.value;
  for (const auto& [name, values] : both) {
    if (values.first != values.second) differences.push_back({name, values.first, values.second});
  }
  return differences;
}

std::string percent(double p) {
  return fmt::format("{:.3g}%", 100 * p);
}

std::string sentence(const RunComparison& c) {
  std::string text;
  if (c.success_p < 0.05) {
    const bool b = c.success_z > 0;
    text = fmt::format("{} reaches the target more often: {} of its runs against {} (p = {:.2g}).",
                       b ? "B" : "A", percent(b ? c.b.p : c.a.p), percent(b ? c.a.p : c.b.p), c.success_p);
  } else {
    text = fmt::format("Success does not differ beyond chance: {} and {} (p = {:.2g}).", percent(c.a.p),
                       percent(c.b.p), c.success_p);
  }
  for (const TimeRatio& r : c.ratios) {
    if (c.a.successes == 0 || c.b.successes == 0) {
      text += " Times to solution cannot be compared: a run without success gives a lower bound only.";
      break;
    }
    const bool known = r.interval.low > 1 || r.interval.high < 1;
    text += fmt::format(" B takes {:.3g} times A's {} ({:.2g} to {:.2g}{}).", r.value, r.name, r.interval.low,
                        r.interval.high, known ? "" : ": either may be faster");
  }
  return text;
}

std::string time_text(const TimeToSolution& t) {
  return fmt::format("{}{:.4g} ({:.4g} to {:.4g})", t.lower_bound ? "more than " : "", t.value, t.low,
                     t.high);
}

/// Name, A, B: what the text, the page and the CSV show.
std::vector<std::vector<std::string>> rows_of(const RunComparison& c) {
  const auto p = [](const ComparedRun& r) {
    return fmt::format("{} ({} to {})", percent(r.p), percent(r.p_interval.low), percent(r.p_interval.high));
  };
  return {{"file", c.a.path, c.b.path},
          {"device", c.a.device, c.b.device},
          {"runs", fmt::format("{}", c.a.runs), fmt::format("{}", c.b.runs)},
          {"best energy", fmt::format("{:.10g}", c.a.best_energy), fmt::format("{:.10g}", c.b.best_energy)},
          {"runs that reach the target", fmt::format("{}", c.a.successes), fmt::format("{}", c.b.successes)},
          {"success", p(c.a), p(c.b)},
          {"time to solution, steps", time_text(c.a.round_trips), time_text(c.b.round_trips)},
          {"time to solution, wall s", time_text(c.a.wall_s), time_text(c.b.wall_s)}};
}

/// Empirical distribution of the best energies, as steps.
std::string distribution(std::vector<double> energies) {
  std::sort(energies.begin(), energies.end());
  std::string data;
  for (std::size_t i = 0; i < energies.size(); ++i) {
    const auto count = static_cast<double>(energies.size());
    if (i == 0) data += fmt::format("{:.10g} 0\n", energies[i]);
    if (i + 1 == energies.size() || energies[i + 1] != energies[i])
      data += fmt::format("{:.10g} {:.6g}\n", energies[i], static_cast<double>(i + 1) / count);
  }
  return data;
}

Figure energies_figure(const RunComparison& c) {
  const std::string script =
      fmt::format("$a << EOD\n{}EOD\n$b << EOD\n{}EOD\n", distribution(c.a.energies),
                  distribution(c.b.energies)) +
      axis_labels("best energy of a run", "part of the runs at or below") +
      fmt::format(
          "set yrange [0:1.02]\nset key left top\nset arrow from {0:.10g}, graph 0 to {0:.10g}, graph 1 "
          "nohead "
          "dashtype 2 linecolor rgb '{1}'\nplot $a using 1:2 with steps linewidth 2 title 'A' linecolor rgb "
          "'{2}', $b using 1:2 with steps linewidth 2 title 'B' linecolor rgb '{3}'\n",
          c.target, kInk, kFirst, kSecond);
  return draw_figure(script, "energies", "Distributions of the best energies of A and B",
                     fmt::format("Best energy of every run; dashed: the target. Kolmogorov–Smirnov distance "
                                 "{:.3f}, p = {:.2g}.",
                                 c.energy_distance, c.energy_p));
}

std::string html_table(const std::vector<std::vector<std::string>>& rows, const std::string& first) {
  HtmlTable table({first, "A", "B"});
  for (const auto& cells : rows)
    table.row(html_escape(cells[0])).number(html_escape(cells[1])).number(html_escape(cells[2]));
  return table.html();
}

}  // namespace

RunComparison compare_runs(const RunFileContents& a, const RunFileContents& b) {
  require_same_problem(a, b);
  RunComparison c;
  c.problem = a.problem_name;
  const Result of_a = result_of(a), of_b = result_of(b);
  c.target = std::fmin(lowest(of_a), lowest(of_b));  // the one that is a number
  c.target_source = "the best energy of these two files; no best known one is in them";
  const auto& known = a.best_known_energy ? a.best_known_energy : b.best_known_energy;
  const auto target_a = given_target(a), target_b = given_target(b);
  if (known) {
    c.target = *known;
    c.target_source = "the best known energy";
  }
  if (target_a && target_a == target_b && target_a != known) {
    c.target = *target_a;
    c.target_source = "the target of both jobs";
  } else {
    if (target_a && *target_a != c.target) c.target_source += fmt::format("; A had {:.10g}", *target_a);
    if (target_b && *target_b != c.target) c.target_source += fmt::format("; B had {:.10g}", *target_b);
  }
  c.a = judged(a, of_a, c.target);
  c.b = judged(b, of_b, c.target);
  c.success_z = calibration::two_proportion_z(c.b.successes, c.b.runs, c.a.successes, c.a.runs);
  c.success_p = calibration::p_of_z(c.success_z);
  const auto ks = calibration::kolmogorov_smirnov(c.a.energies, c.b.energies);
  c.energy_distance = ks.distance;
  c.energy_p = ks.p;
  c.ratios = {ratio_of("steps", c.a.round_trips, c.b.round_trips),
              ratio_of("wall time", c.a.wall_s, c.b.wall_s)};
  c.parameters = differing(a, b);
  c.answer = sentence(c);
  return c;
}

std::string run_comparison_text(const RunComparison& c) {
  std::string text =
      fmt::format("{}\n{}\ntarget {:.10g}: {}\n\n", c.problem, c.answer, c.target, c.target_source);
  for (const auto& cells : rows_of(c))
    text += fmt::format("{:<28}{:<34}  {}\n", cells[0], cells[1], cells[2]);
  if (!c.parameters.empty()) text += "\nparameters that differ\n";
  for (const ParameterDifference& d : c.parameters)
    text += fmt::format("{:<28}{:<34}  {}\n", d.name, d.a.empty() ? "–" : d.a, d.b.empty() ? "–" : d.b);
  return text;
}

std::string run_comparison_csv(const RunComparison& c) {
  std::string csv = csv_line({"quantity", "A", "B"});
  for (const auto& cells : rows_of(c)) csv += csv_line(cells);
  for (const ParameterDifference& d : c.parameters) csv += csv_line({"parameter " + d.name, d.a, d.b});
  return csv;
}

std::string run_comparison_html(const RunComparison& c, const std::string& command_line) {
  std::string body = fmt::format(
      "<p class='over'>Two runs compared</p>\n<h1>{}</h1>\n<p>{}</p>\n<p class='sub'>Both are judged by one "
      "target, {}: {}. Times are until one run succeeds with 99% probability; brackets are 95% intervals. "
      "Steps are each device's own: round trips of one are not sweeps of another.</p>\n",
      html_escape(c.problem), html_escape(c.answer), readable_number(c.target, 10), c.target_source);
  body += html_table(rows_of(c), "Quantity") + html_of(energies_figure(c));
  body += "<h2>Parameters that differ</h2>\n";
  std::vector<std::vector<std::string>> rows;
  for (const ParameterDifference& d : c.parameters)
    rows.push_back({d.name, d.a.empty() ? "–" : d.a, d.b.empty() ? "–" : d.b});
  body += rows.empty() ? "<p>None.</p>\n" : html_table(rows, "Parameter");
  return html_page("Comparison: " + c.problem, body,
                   fmt::format("opoloop {}; <code>{}</code>", kVersion, html_escape(command_line)));
}

}  // namespace opoloop
