#include "experiments/report.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "core/version.h"
#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"
#include "experiments/report_figures.h"

namespace opoloop {

namespace {

std::string seconds(double s) {
  if (std::isinf(s)) return "∞";
  struct Unit {
    double size;
    const char* name;
  };
  for (const Unit u : {Unit{86400, "days"}, Unit{3600, "h"}, Unit{60, "min"}, Unit{1, "s"}, Unit{1e-3, "ms"},
                       Unit{1e-6, "µs"}}) {
    if (s >= u.size * (u.size > 60 ? 2 : 1)) return fmt::format("{:.3g}\u00a0{}", s / u.size, u.name);
  }
  return s > 0 ? fmt::format("{:.3g}\u00a0ns", s * 1e9) : "0 s";
}

std::string quantity(double v, const std::string& units) {
  if (units == "s") return seconds(v);
  if (units == "round trips" || units == "products") return readable_number(v >= 1000 ? std::round(v) : v, 4);
  return readable_number(v, 4);
}

/// An interval that no line break takes apart.
std::string range(const std::string& low, const std::string& high) {
  return fmt::format("<span class='keep'>{} – {}</span>", low, high);
}

std::string quantity_with_unit(double v, const std::string& units) {
  if (units == "s" || units == "1") return quantity(v, units);
  return fmt::format("{} {}", quantity(v, units), html_escape(units));
}

std::string percent(double p) {
  return fmt::format("{:.3g}%", 100 * p);
}

const RunFileContents::Statistic* find(const RunFileContents& c, const char* name) {
  const auto at = c.statistic.find(name);
  return at == c.statistic.end() || at->second.values.empty() ? nullptr : &at->second;
}

double cut_of(const RunFileContents& c, double energy) {
  return (c.total_weight - energy) / 2;
}

std::string tile(const std::string& name, const std::string& value, const std::string& note) {
  return fmt::format(
      "<div class='tile'><div class='name'>{}</div><div class='value'>{}</div><div "
      "class='note'>{}</div></div>\n",
      name, value, note);
}

std::string tts_value(const RunFileContents::Statistic& s) {
  return fmt::format("{}{}", s.lower_bound ? "≥\u00a0" : "", quantity(s.values[0], s.units));
}

std::string tts_interval(const RunFileContents::Statistic& s) {
  if (s.values.size() != 3) return "";
  return range(quantity(s.values[1], s.units), quantity(s.values[2], s.units));
}

std::string head(const RunFileContents& c) {
  const char* kind = c.problem_kind == ProblemKind::max_cut ? "max-cut"
                     : c.problem_kind == ProblemKind::qubo  ? "QUBO"
                                                            : "Ising";
  std::string created;
  for (const auto& [name, value] : c.attributes) {
    if (name == "created_utc") created = value;
  }
  std::replace(created.begin(), created.end(), 'T', ' ');
  if (!created.empty() && created.back() == 'Z') created.replace(created.size() - 1, 1, " UTC");
  std::string html = "<p class='over'>opoloop run report</p>\n";
  html +=
      fmt::format("<h1>{}</h1>\n", html_escape(c.problem_name.empty() ? "unnamed problem" : c.problem_name));
  html += fmt::format(
      "<p class='sub'>{} problem, {} spins, {} couplings · device <code>{}</code> · <span "
      "class='keep'>{}</span> · ",
      kind, readable_number(static_cast<double>(c.n)), readable_number(static_cast<double>(c.edges)),
      html_escape(c.device_uri), html_escape(created));
  html += c.complete   ? "<span class='state'>complete</span></p>\n"
          : c.finished ? "<span class='state open'>interrupted</span></p>\n"
                       : "<span class='state open'>cut off</span></p>\n";
  if (c.complete && c.stopped_by == "time limit") {
    html +=
        "<div class='note-box' role='note'>The job ended with its time limit: not every run, or not all of "
        "each, was done.</div>\n";
  }
  if (!c.complete) {
    html += c.finished ? "<div class='note-box' role='note'>The job was stopped before its end: the numbers "
                         "cover what had been done.</div>\n"
                       : "<div class='note-box' role='note'>The program was still running or was killed when "
                         "this was read: results "
                         "are written at the end, so only what had been logged is shown.</div>\n";
  }
  return html;
}

std::string tiles(const RunFileContents& c) {
  std::string html = "<div class='tiles'>\n";
  double best = std::numeric_limits<double>::infinity();
  for (const double e : c.energy_best) best = std::min(best, std::isnan(e) ? best : e);
  if (c.energy_best.empty()) {  // cut off: what was logged is all there is
    for (const auto& trajectory : c.energy_so_far) {
      for (const double e : trajectory) best = std::min(best, std::isnan(e) ? best : e);
    }
  }
  if (std::isfinite(best)) {
    std::string note;
    const bool cut = c.problem_kind == ProblemKind::max_cut;
    if (c.best_known_energy) {
      const double gap = best - *c.best_known_energy;
      const double known = cut ? cut_of(c, *c.best_known_energy) : *c.best_known_energy;
      const double apart = cut ? gap / 2 : gap;
      const bool same = std::abs(gap) <= 1e-9 * std::max(1.0, std::abs(best));
      note = same ? "equals the best known"
             : gap < 0
                 ? fmt::format("better than the best known, {}", readable_number(known, 10))
                 : fmt::format("best known {}, {} short", readable_number(known, 10), readable_number(apart));
    } else {
      note = "no best known value to compare with";
    }
    if (cut) html += tile("Best cut", readable_number(cut_of(c, best), 10), note);
    html += tile("Best energy", readable_number(best, 10), cut ? "the lower, the larger the cut" : note);
  }
  if (const auto* p = find(c, "p_success_best"); p != nullptr && p->values.size() == 3) {
    const auto* trials = find(c, "trials");
    html += tile(
        "Success of one run", percent(p->values[0]),
        fmt::format("{}95%: {}",
                    trials != nullptr ? fmt::format("of {} runs; ", readable_number(trials->values[0])) : "",
                    range(percent(p->values[1]), percent(p->values[2]))));
  }
  if (const auto* t = find(c, "tts_wall_s"))
    html += tile("Time to solution, this computer", tts_value(*t),
                 "99% sure, throughput; 95%: " + tts_interval(*t));
  if (const auto* t = find(c, "tts_machine_s"))
    html += tile("Time to solution, optical machine", tts_value(*t), "99% sure; 95%: " + tts_interval(*t));
  return html + "</div>\n";
}

/// What the converters of the machine could not hold, in words; nothing where they held everything.
std::vector<std::string> clipping_lines(const RunFileContents& c) {
  ClippingCounts sum;
  double values = 0;
  for (std::size_t r = 0; r < c.clipping.size(); ++r) {
    sum.adc_saturations += c.clipping[r].adc_saturations;
    sum.dac_saturations += c.clipping[r].dac_saturations;
    sum.fixed_point_overflows += c.clipping[r].fixed_point_overflows;
    values += static_cast<double>(c.rounds[r]) * static_cast<double>(c.n);
  }
  std::vector<std::string> lines;
  const auto line = [&](std::int64_t count, const char* what) {
    if (count == 0) return;
    lines.push_back(fmt::format("{} {} ({} of all)", readable_number(static_cast<double>(count)), what,
                                percent(static_cast<double>(count) / std::max(1.0, values))));
  };
  line(sum.adc_saturations, "measured values beyond adc_full_scale");
  line(sum.dac_saturations, "injections beyond dac_full_scale");
  line(sum.fixed_point_overflows, "injections beyond the fixed-point format");
  return lines;
}

std::string notes(const RunFileContents& c) {
  std::string html;
  const auto list = [&](const char* title, const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    html += fmt::format("<div class='note-box' role='note'><strong>{}</strong><ul>", title);
    for (const std::string& line : lines) html += "<li>" + html_escape(line) + "</li>";
    html += "</ul></div>\n";
  };
  list("Warnings", c.warnings);
  list("Changed to fit the device", c.adaptations);
  list("Values out of range", clipping_lines(c));
  return html;
}

std::string success_table(const RunFileContents& c) {
  if (!c.finished) return "<p class='none'>None: the statistics are written when a job ends.</p>\n";
  HtmlTable table({"Quantity", "Value", "95% interval", "What it means"});
  const auto row = [&](const std::string& name, const std::string& value, const std::string& interval,
                       const std::string& text) {
    table.row(name).number(value).number(interval).text(text);
  };
  const auto* self = find(c, "target_is_best_found");
  const bool own = self != nullptr && self->values[0] != 0;
  if (const auto* t = find(c, "target_energy")) {
    std::string value = readable_number(t->values[0], 10);
    if (c.problem_kind == ProblemKind::max_cut)
      value += fmt::format("<br>(cut {})", readable_number(cut_of(c, t->values[0]), 10));
    row("Target energy", value, "",
        own ? "No target was known, so the best of this very job is the target: success means “as "
              "good as the best found here”, and the true optimum may be lower."
            : "A run succeeds when it reaches this energy.");
  }
  const auto success = [&](const char* name, const char* count, const char* title, const char* text) {
    const auto* p = find(c, name);
    const auto* k = find(c, count);
    const auto* n = find(c, "trials");
    if (p == nullptr || p->values.size() != 3 || k == nullptr || n == nullptr) return;
    row(title, percent(p->values[0]), range(percent(p->values[1]), percent(p->values[2])),
        fmt::format("{} {} of {} runs. Interval by Wilson's method.", text, readable_number(k->values[0]),
                    readable_number(n->values[0])));
  };
  success("p_success_best", "successes_best", "Success, ever",
          "Runs that passed through the target at any round trip:");
  success("p_success_final", "successes_final", "Success, at the end",
          "Runs whose last state is the target:");
  const auto tts = [&](const char* name, const char* title, const char* text) {
    const auto* t = find(c, name);
    if (t == nullptr) return;
    row(title, tts_value(*t), tts_interval(*t),
        std::string(text) +
            (t->lower_bound ? " No run succeeded: this is the least it can be, with 97.5% confidence." : ""));
  };
  tts("tts_round_trips", "Time to solution: round trips",
      "Round trips of repeated runs, one after another, until one has succeeded with probability 99%: run "
      "length × max(1, ln 0.01 / ln(1 − P)).");
  tts("tts_matrix_products", "… matrix products",
      "The same counted in products of the coupling matrix with a vector: comparable between methods.");
  tts("tts_wall_s", "… wall time (throughput)",
      "The same in seconds of this computer, where a run costs the batch's time divided by the runs in it: "
      "what a busy service pays.");
  if (const auto* t = find(c, "latency_wall_s")) {
    row("… wall time (latency)", seconds(t->values[0]), "",
        "Seconds until one whole batch has succeeded with probability 99%: what a single user waits.");
  }
  tts("tts_machine_s", "… machine time",
      "The same on the optical machine of the chosen preset: loading, round trips and read-out of every "
      "run.");
  const auto plain = [&](const char* name, const char* title, const char* text) {
    const auto* s = find(c, name);
    if (s == nullptr) return;
    row(title,
        s->units == "us" ? fmt::format("{}\u00a0µs", readable_number(s->values[0], 4))
                         : quantity_with_unit(s->values[0], s->units),
        "", text);
  };
  plain("machine_time_s", "Machine time of one run", "On the optical machine of the preset.");
  plain("round_trip_time_s", "Round-trip time", "Of the optical machine of the preset.");
  plain("wall_s", "Wall time", "All runs together on this computer, without set-up.");
  plain("setup_s", "Set-up", "Packing couplings and building tables.");
  plain("queue_s", "Queue", "Waiting for the remote machine.");
  plain("network_s", "Network", "Sending the problem and receiving the answer.");
  plain("anneal_s", "Solving", "The remote machine's own time.");
  plain("read_out_s", "Read-out", "Reading the answer out of the machine.");
  plain("us_per_round_trip", "Per round trip and run",
        "Wall time of one round trip of one run: how fast the simulation is.");
  plain("gflops", "Arithmetic rate", "Two operations a stored coupling a product.");
  return table.html();
}

std::string parameter_table(const RunFileContents& c) {
  if (c.device_parameters.empty()) return "<p class='none'>None recorded.</p>\n";
  HtmlTable table({"Parameter", "Value", "Unit"});
  for (const auto& [name, parameter] : c.device_parameters) {
    table.row(html_escape(name)).wide(html_escape(parameter.value)).cell(html_escape(parameter.unit));
  }
  return table.html();
}

std::string provenance_table(const RunFileContents& c) {
  HtmlTable table;
  table.row("run file").wide(html_escape(c.path));
  for (const auto& [name, value] : c.attributes) table.row(html_escape(name)).wide(html_escape(value));
  return table.html();
}

}  // namespace

std::string report_html(const RunFileContents& c) {
  std::string html;
  html += head(c);
  html += tiles(c);
  html += notes(c);
  html += "<h2>Energies over round trips</h2>\n" + html_of(energy_figure(c));
  html += "<h2>Amplitudes of one run</h2>\n" + html_of(amplitude_figure(c));
  html += "<h2>Energies of all runs</h2>\n" + html_of(histogram_figure(c));
  html += "<h2>Success and time to solution</h2>\n" + success_table(c);
  html += "<h2>Parameters</h2>\n" + parameter_table(c);
  html += "<h2>Where this comes from</h2>\n" + provenance_table(c);
  return html_page(
      c.problem_name + " – opoloop run report", html,
      fmt::format("Written by opoloop {}. Every number here is in the run file; docs/run-file.md says where.",
                  kVersion));
}

void write_report(const RunFileContents& contents, const std::string& html_path) {
  write_page(report_html(contents), html_path);
}

}  // namespace opoloop
