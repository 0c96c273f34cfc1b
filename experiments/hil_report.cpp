#include "experiments/hil_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/version.h"
#include "experiments/figure.h"
#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"

namespace opoloop {
namespace {

using hil::LatencyHistogram;

std::string duration(double ns) {
  return ns < 1e6   ? fmt::format("{:.4g} µs", ns / 1e3)
         : ns < 1e9 ? fmt::format("{:.4g} ms", ns / 1e6)
                    : fmt::format("{:.4g} s", ns / 1e9);
}

std::string count(std::int64_t value) {
  return readable_number(static_cast<double>(value), 15);
}

std::string percent(double p) {
  return fmt::format("{:.3g}%", 100 * p);
}

/// Counts in bins of an eighth of an octave, as a density that a logarithmic axis shows fairly.
std::string histogram_data(const LatencyHistogram& histogram) {
  constexpr double kPerOctave = 8;
  std::string data;
  double edge = 0;
  std::int64_t inside = 0;
  const auto flush = [&] {
    if (inside == 0) return;
    const double low = std::exp2(edge / kPerOctave);
    const double high = std::exp2((edge + 1) / kPerOctave);
    data += fmt::format("{:.6g} {} {:.6g} {:.6g}\n", std::sqrt(low * high) / 1000, inside, low / 1000,
                        high / 1000);
    inside = 0;
  };
  for (const auto& bin : histogram.bins()) {
    const double middle =
        std::max(1.0, 0.5 * (static_cast<double>(bin.low_ns) + static_cast<double>(bin.high_ns)));
    const double at = std::floor(std::log2(middle) * kPerOctave);
    if (at != edge) flush();
    edge = at;
    inside += bin.count;
  }
  flush();
  return data;
}

Figure histogram_figure(const LatencyHistogram& histogram, const std::string& name, const std::string& label,
                        const std::string& axis, const std::string& caption, double deadline_us) {
  if (histogram.count() == 0) return {"", "No picture: nothing to count.", ""};
  std::string script = fmt::format("$h << EOD\n{}EOD\n", histogram_data(histogram));
  script += axis_labels(axis, "rounds") +
            "set logscale x\nset logscale y\nset yrange [0.5:*]\nset style fill solid 0.6 noborder\n";
  if (deadline_us > 0) {
    script += fmt::format(
        "set arrow from {0},graph 0 to {0},graph 1 nohead linecolor rgb '{1}' dashtype 2\n"
        "set label ' round-trip time' at {0},graph 0.95 textcolor rgb '{1}'\n",
        deadline_us, kSecond);
  }
  // Boxes from the axis up to the count.
  script += fmt::format("plot $h using 1:2:3:4:(0.5):2 with boxxyerror notitle linecolor rgb '{}'\n", kFirst);
  return draw_figure(script, name, label, caption);
}

std::string tile(const std::string& name, const std::string& value, const std::string& note) {
  return fmt::format(
      "<div class='tile'><div class='name'>{}</div><div class='value'>{}</div><div class='note'>{}</div>"
      "</div>\n",
      name, value, note);
}

std::string success_table(const HilOutcome& o) {
  if (o.success.empty()) return "<p class='none'>No run was finished.</p>\n";
  HtmlTable table({"Loop", "Successes", "Probability", "95% interval"});
  for (const HilSuccess& s : o.success) {
    const Interval interval = s.interval();
    table.row(html_escape(s.conditions))
        .number(fmt::format("{} of {}", s.successes, s.runs))
        .number(percent(s.probability()))
        .number(fmt::format("{} to {}", percent(interval.low), percent(interval.high)));
  }
  return fmt::format("<p>A run succeeds when it reaches {}.</p>\n{}", html_escape(o.target), table.html());
}

}  // namespace

std::vector<std::pair<std::string, std::string>> hil_rows(const hil::HilSummary& summary) {
  const hil::PlantReport& r = summary.report;
  const bool free = summary.settings.clock == hil::ClockMode::free_run;
  std::vector<std::pair<std::string, std::string>> rows;
  const auto add = [&](const std::string& name, const std::string& value) { rows.emplace_back(name, value); };
  add("carrier", summary.carrier);
  add("clock", free ? "free-run" : "lock-step");
  add("feedback delay", fmt::format("{} round trips", summary.parameters.imperfections.feedback_delay));
  add("rounds", count(r.rounds.rounds));
  const LatencyHistogram& t = r.rounds.turnaround;
  if (t.count() > 0) {
    const auto at = [&](double q) { return duration(static_cast<double>(t.percentile_ns(q))); };
    add("turnaround p50, p90, p99", fmt::format("{}, {}, {}", at(0.5), at(0.9), at(0.99)));
    add("turnaround p99.9, max", fmt::format("{}, {}", at(0.999), duration(static_cast<double>(t.max_ns()))));
  }
  if (r.rounds.plant.count() > 0) add("plant time per round", duration(r.rounds.plant.mean_ns()) + " (mean)");
  if (free) {
    add("deadline misses", fmt::format("{} ({} of all), longest burst {}", count(r.rounds.misses),
                                       percent(static_cast<double>(r.rounds.misses) /
                                               std::max<double>(1, static_cast<double>(r.rounds.rounds))),
                                       count(r.rounds.longest_burst)));
    if (r.rounds.late_by.count() > 0) {
      const auto late = [&](double q) {
        return duration(static_cast<double>(r.rounds.late_by.percentile_ns(q)));
      };
      add("late by p50, p99, max", fmt::format("{}, {}, {}", late(0.5), late(0.99),
                                               duration(static_cast<double>(r.rounds.late_by.max_ns()))));
    }
    add("answers that never came", count(r.never_came()));
  }
  if (r.real_time_factor) add("real-time factor", fmt::format("{:.4g}", *r.real_time_factor));
  add("datagrams sent, received", fmt::format("{}, {}", count(r.link.sent), count(r.link.received)));
  add("messages repeated", count(r.link.repeats));
  add("messages incomplete", count(r.link.lost));
  add("duplicates, reordered", fmt::format("{}, {}", count(r.link.duplicates), count(r.link.reordered)));
  add("bad checksum, malformed", fmt::format("{}, {}", count(r.link.crc_bad), count(r.link.malformed)));
  add("other version, other session",
      fmt::format("{}, {}", count(r.link.other_version), count(r.link.other_session)));
  if (r.faults) {
    add("injected: lost, doubled, reordered, damaged",
        fmt::format("{}, {}, {}, {} of {}", count(r.faults->lost), count(r.faults->duplicated),
                    count(r.faults->reordered), count(r.faults->corrupted), count(r.faults->passed)));
  }
  add("saturated measurements (samples)", count(r.rounds.saturations.measurement));
  add("saturated answers (frames)", count(r.rounds.saturations.feedback));
  add("plant runs as", r.scheduling);
  return rows;
}

std::string hil_html(const HilOutcome& o, const std::string& command_line) {
  const hil::PlantReport& r = o.summary.report;
  const LatencyHistogram& t = r.rounds.turnaround;
  const bool free = o.summary.settings.clock == hil::ClockMode::free_run;
  const auto at = [&](double q) { return duration(static_cast<double>(t.percentile_ns(q))); };
  std::string body = fmt::format(
      "<p class='over'>Hardware in the loop</p>\n<h1>{}</h1>\n<p class='sub'>{} pulses, {} over {}, {} of {} "
      "runs finished</p>\n<div class='tiles'>\n",
      html_escape(o.problem.name), o.problem.ising.size(), free ? "free-run" : "lock-step",
      html_escape(o.summary.carrier), r.results.size(), o.summary.settings.runs);
  body += tile("Turnaround, median", t.count() > 0 ? at(0.5) : "–",
               t.count() > 0
                   ? fmt::format("p99.9 {}, longest {}", at(0.999), duration(static_cast<double>(t.max_ns())))
                   : "no answer came");
  if (free)
    body += tile(
        "Deadline misses", count(r.rounds.misses),
        fmt::format("of {} rounds, longest burst {}", count(r.rounds.rounds), count(r.rounds.longest_burst)));
  if (r.real_time_factor)
    body += tile("Real-time factor", fmt::format("{:.3g}", *r.real_time_factor),
                 "machine's round-trip time over wall time per round");
  if (o.same_as_law)
    body += tile("Law in process", *o.same_as_law ? "same result" : "another result",
                 "energies and spins of every run, compared with the reference law without a wire");
  body += "</div>\n<h2>Turnaround</h2>\n";
  body += html_of(histogram_figure(
      t, "turnaround", "Histogram of turnaround times", "turnaround (µs)",
      "From the moment a measurement is handed to the carrier to the moment its answer is checked and read: "
      "both ways, two checksums each, and the law itself.",
      o.summary.settings.round_trip_s * 1e6));
  if (free && r.rounds.late_by.count() > 0) {
    body += "<h2>Late answers</h2>\n";
    body += html_of(histogram_figure(r.rounds.late_by, "late", "Histogram of how late answers were",
                                     "late by (µs)",
                                     "Answers that came after the injection they were for, by how much.", 0));
  }
  body += "<h2>Success</h2>\n" + success_table(o);
  HtmlTable counts;
  for (const auto& [name, value] : hil_rows(o.summary)) {
    counts.row(html_escape(name)).number(html_escape(value));
  }
  body += fmt::format("<h2>Counts</h2>\n{}", counts.html());
  return html_page("Hardware in the loop: " + o.problem.name, body,
                   fmt::format("opoloop {}; <code>{}</code>", kVersion, html_escape(command_line)));
}

}  // namespace opoloop
