#include "experiments/report.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>

#include <fmt/format.h>

#include "core/error.h"
#include "core/version.h"
#include "experiments/plot.h"
#include "experiments/report_figures.h"

namespace opoloop {

namespace {

constexpr const char* kStyle = R"(
:root{--page:#f7f7f5;--card:#fff;--ink:#1d2126;--soft:#5c6570;--faint:#e4e4e0;--first:#2466b8;--second:#c9601a;--good:#1d7a46;--warn:#9a5b00;--warnbg:#fff5e0;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--page:#14171a;--card:#1c2024;--ink:#e6e8ea;--soft:#9aa4ae;--faint:#31373d;--first:#6ea8f0;--second:#f0944d;--good:#5cc48a;--warn:#f0b757;--warnbg:#33291a}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:1020px;margin:0 auto;padding:36px 24px 64px}
h1{font-size:1.9rem;line-height:1.2;margin:.1em 0 .2em;overflow-wrap:anywhere;letter-spacing:-.01em}
h2{font-size:1.2rem;margin:2.4em 0 .6em}
p{margin:.5em 0;max-width:72ch}
.over{color:var(--soft);font-size:.85rem;letter-spacing:.04em;text-transform:uppercase}
.sub{color:var(--soft)}
.state{display:inline-block;border:1px solid currentColor;border-radius:99px;padding:0 .7em;font-size:.85rem;color:var(--good)}
.state.open{color:var(--warn)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:14px;margin:1.6em 0}
.tile,figure,.table{background:var(--card);border:1px solid var(--faint);border-radius:10px}
.tile{padding:14px 18px}
.tile .name{color:var(--soft);font-size:.85rem}
.tile .value{font-size:1.55rem;line-height:1.3;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.tile .note{color:var(--soft);font-size:.85rem}
figure{margin:1em 0;padding:18px 18px 14px}
figure svg{display:block;width:100%;height:auto}
figure svg text,figure svg tspan{font-family:inherit}
figcaption{color:var(--soft);font-size:.9rem;margin-top:10px;max-width:90ch}
.none{color:var(--soft);margin:0}
.note-box{background:var(--warnbg);border-left:4px solid var(--warn);border-radius:6px;padding:10px 16px;margin:1em 0}
.note-box ul{margin:.3em 0;padding-left:1.2em}
.table{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.93rem}
th,td{text-align:left;vertical-align:top;padding:8px 16px;border-top:1px solid var(--faint)}
thead th{border-top:0;color:var(--soft);font-weight:500;font-size:.85rem}
tbody th{font-weight:500;white-space:nowrap}
td.num{font-variant-numeric:tabular-nums;white-space:nowrap}
td.text{color:var(--soft);min-width:18em}
td.wide{overflow-wrap:anywhere;font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.85rem}
.keep{white-space:nowrap}
code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.9em}
footer{color:var(--soft);font-size:.85rem;margin-top:3em}
@media(max-width:640px){main{padding:20px 14px}tbody th{white-space:normal}figure{padding:10px}}
@media print{:root{--page:#fff}.tile,figure,.table{break-inside:avoid}}
)";

/// Digits grouped by thin spaces from five digits on; up to `digits` significant otherwise.
std::string number(double v, int digits = 6) {
  if (std::isnan(v)) return "–";
  if (std::isinf(v)) return v > 0 ? "∞" : "−∞";
  std::string text;
  if (std::abs(v) < 1e15 && std::abs(v - std::round(v)) < 1e-9 * std::max(1.0, std::abs(v)) &&
      (std::abs(v) >= 1 || v == 0)) {
    text = fmt::format("{:.0f}", std::abs(v));
    if (text.size() >= 5) {
      for (std::size_t at = text.size() - 3; at > 0 && at < text.size(); at = at > 3 ? at - 3 : 0)
        text.insert(at, "\u202f");
    }
  } else {
    text = fmt::format("{:.{}g}", std::abs(v), digits);
  }
  return v < 0 ? fmt::format("−{}", text) : text;
}

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
  if (units == "round trips" || units == "products") return number(v >= 1000 ? std::round(v) : v, 4);
  return number(v, 4);
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

std::string row(const std::string& name, const std::string& value, const std::string& interval,
                const std::string& text) {
  return fmt::format(
      "<tr><th scope='row'>{}</th><td class='num'>{}</td><td class='num'>{}</td><td "
      "class='text'>{}</td></tr>\n",
      name, value, interval, text);
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
      kind, number(static_cast<double>(c.n)), number(static_cast<double>(c.edges)), html_escape(c.device_uri),
      html_escape(created));
  html += c.complete   ? "<span class='state'>complete</span></p>\n"
          : c.finished ? "<span class='state open'>interrupted</span></p>\n"
                       : "<span class='state open'>cut off</span></p>\n";
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
  for (const auto& trajectory : c.energy_so_far) {
    for (const double e : trajectory) best = std::min(best, std::isnan(e) ? best : e);
  }
  if (std::isfinite(best)) {
    std::string note;
    const bool cut = c.problem_kind == ProblemKind::max_cut;
    if (c.best_known_energy) {
      const double gap = best - *c.best_known_energy;
      const double known = cut ? cut_of(c, *c.best_known_energy) : *c.best_known_energy;
      const double apart = cut ? gap / 2 : gap;
      const bool same = std::abs(gap) <= 1e-9 * std::max(1.0, std::abs(best));
      note = same      ? "equals the best known"
             : gap < 0 ? fmt::format("better than the best known, {}", number(known, 10))
                       : fmt::format("best known {}, {} short", number(known, 10), number(apart));
    } else {
      note = "no best known value to compare with";
    }
    if (cut) html += tile("Best cut", number(cut_of(c, best), 10), note);
    html += tile("Best energy", number(best, 10), cut ? "the lower, the larger the cut" : note);
  }
  if (const auto* p = find(c, "p_success_best"); p != nullptr && p->values.size() == 3) {
    const auto* trials = find(c, "trials");
    html += tile("Success of one run", percent(p->values[0]),
                 fmt::format("{}95%: {}",
                             trials != nullptr ? fmt::format("of {} runs; ", number(trials->values[0])) : "",
                             range(percent(p->values[1]), percent(p->values[2]))));
  }
  if (const auto* t = find(c, "tts_wall_s"))
    html += tile("Time to solution, this computer", tts_value(*t),
                 "99% sure, throughput; 95%: " + tts_interval(*t));
  if (const auto* t = find(c, "tts_machine_s"))
    html += tile("Time to solution, optical machine", tts_value(*t), "99% sure; 95%: " + tts_interval(*t));
  return html + "</div>\n";
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
  return html;
}

std::string success_table(const RunFileContents& c) {
  if (!c.finished) return "<p class='none'>None: the statistics are written when a job ends.</p>\n";
  std::string html =
      "<div class='table'><table><thead><tr><th scope='col'>Quantity</th><th scope='col'>Value</th><th "
      "scope='col'>95% interval</th>"
      "<th scope='col'>What it means</th></tr></thead><tbody>\n";
  const auto* self = find(c, "target_is_best_found");
  const bool own = self != nullptr && self->values[0] != 0;
  if (const auto* t = find(c, "target_energy")) {
    std::string value = number(t->values[0], 10);
    if (c.problem_kind == ProblemKind::max_cut)
      value += fmt::format("<br>(cut {})", number(cut_of(c, t->values[0]), 10));
    html += row("Target energy", value, "",
                own ? "No target was known, so the best of this very job is the target: success means “as "
                      "good as the best found here”, and "
                      "the true optimum may be lower."
                    : "A run succeeds when it reaches this energy.");
  }
  const auto success = [&](const char* name, const char* count, const char* title, const char* text) {
    const auto* p = find(c, name);
    const auto* k = find(c, count);
    const auto* n = find(c, "trials");
    if (p == nullptr || p->values.size() != 3 || k == nullptr || n == nullptr) return;
    html += row(title, percent(p->values[0]), range(percent(p->values[1]), percent(p->values[2])),
                fmt::format("{} {} of {} runs. Interval by Wilson's method.", text, number(k->values[0]),
                            number(n->values[0])));
  };
  success("p_success_best", "successes_best", "Success, ever",
          "Runs that passed through the target at any round trip:");
  success("p_success_final", "successes_final", "Success, at the end",
          "Runs whose last state is the target:");
  const auto tts = [&](const char* name, const char* title, const char* text) {
    const auto* t = find(c, name);
    if (t == nullptr) return;
    html += row(
        title, tts_value(*t), tts_interval(*t),
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
    html +=
        row("… wall time (latency)", seconds(t->values[0]), "",
            "Seconds until one whole batch has succeeded with probability 99%: what a single user waits.");
  }
  tts("tts_machine_s", "… machine time",
      "The same on the optical machine of the chosen preset: loading, round trips and read-out of every "
      "run.");
  const auto plain = [&](const char* name, const char* title, const char* text) {
    const auto* s = find(c, name);
    if (s == nullptr) return;
    html += row(title,
                s->units == "us" ? fmt::format("{}\u00a0µs", number(s->values[0], 4))
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
  return html + "</tbody></table></div>\n";
}

std::string parameter_table(const RunFileContents& c) {
  if (c.device_parameters.empty()) return "<p class='none'>None recorded.</p>\n";
  std::string html =
      "<div class='table'><table><thead><tr><th scope='col'>Parameter</th><th scope='col'>Value</th><th "
      "scope='col'>Unit</th></tr></thead><tbody>\n";
  for (const auto& [name, parameter] : c.device_parameters) {
    html += fmt::format("<tr><th scope='row'>{}</th><td class='wide'>{}</td><td>{}</td></tr>\n",
                        html_escape(name), html_escape(parameter.value), html_escape(parameter.unit));
  }
  return html + "</tbody></table></div>\n";
}

std::string provenance_table(const RunFileContents& c) {
  std::string html = "<div class='table'><table><tbody>\n";
  html +=
      fmt::format("<tr><th scope='row'>run file</th><td class='wide'>{}</td></tr>\n", html_escape(c.path));
  for (const auto& [name, value] : c.attributes) {
    html += fmt::format("<tr><th scope='row'>{}</th><td class='wide'>{}</td></tr>\n", html_escape(name),
                        html_escape(value));
  }
  return html + "</tbody></table></div>\n";
}

std::string figure_html(const Figure& figure) {
  if (figure.svg.empty()) return fmt::format("<figure><p class='none'>{}</p></figure>\n", figure.missing);
  return fmt::format("<figure>\n{}\n<figcaption>{}</figcaption></figure>\n", figure.svg, figure.caption);
}

}  // namespace

std::string report_html(const RunFileContents& c) {
  std::string html =
      "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>\n<meta name='viewport' "
      "content='width=device-width,initial-scale=1'>\n";
  html += fmt::format("<title>{} – opoloop run report</title>\n<style>{}</style></head>\n<body><main>\n",
                      html_escape(c.problem_name), kStyle);
  html += head(c);
  html += tiles(c);
  html += notes(c);
  html += "<h2>Energies over round trips</h2>\n" + figure_html(energy_figure(c));
  html += "<h2>Amplitudes of one run</h2>\n" + figure_html(amplitude_figure(c));
  html += "<h2>Energies of all runs</h2>\n" + figure_html(histogram_figure(c));
  html += "<h2>Success and time to solution</h2>\n" + success_table(c);
  html += "<h2>Parameters</h2>\n" + parameter_table(c);
  html += "<h2>Where this comes from</h2>\n" + provenance_table(c);
  html += fmt::format(
      "<footer>Written by opoloop {}. Every number here is in the run file; docs/run-file.md says "
      "where.</footer>\n",
      kVersion);
  return html + "</main></body></html>\n";
}

void write_report(const RunFileContents& contents, const std::string& html_path) {
  const std::string html = report_html(contents);
  const std::string part = html_path + ".part";
  errno = 0;
  {
    std::ofstream out(part, std::ios::binary);
    out << html;
    out.close();
    if (!out) {
      const std::string reason = std::strerror(errno != 0 ? errno : EIO);
      ::unlink(part.c_str());
      throw Error(fmt::format("{}: cannot write the report: {}", html_path, reason));
    }
  }
  if (std::rename(part.c_str(), html_path.c_str()) != 0) {
    const std::string reason = std::strerror(errno);
    ::unlink(part.c_str());
    throw Error(fmt::format("{}: cannot write the report: {}", html_path, reason));
  }
}

}  // namespace opoloop
