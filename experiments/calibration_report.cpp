#include "experiments/calibration_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/version.h"
#include "experiments/figure.h"
#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"

namespace opoloop {
namespace {

using calibration::BlockResiduals;
using calibration::DeviceComparison;
using calibration::Estimate;
using calibration::JobComparison;
using calibration::RecordKind;

std::string number(double v) {
  return readable_number(v, 5);
}

std::string tile(const std::string& name, const std::string& value, const std::string& note) {
  return fmt::format(
      "<div class='tile'><div class='name'>{}</div><div class='value'>{}</div><div class='note'>{}</div>"
      "</div>\n",
      name, value, note);
}

std::string interval_of(double low, double high) {
  return number(low) + " to " + number(high);
}

std::string estimates_table(const std::vector<Estimate>& estimates) {
  HtmlTable table({"Parameter", "Value", "95% interval", "from the Jacobian", "from the bootstrap", "Unit",
                   "What it is"});
  for (const Estimate& e : estimates) {
    table.row(html_escape(e.name));
    if (e.only_lower_bound) {
      table.number(fmt::format("beyond {}", number(e.low))).number("–").number("–").number("–");
    } else {
      table.number(number(e.value))
          .number(interval_of(e.low, e.high))
          .number(interval_of(e.jacobian_low, e.jacobian_high))
          .number(interval_of(e.bootstrap_low, e.bootstrap_high));
    }
    table.number(html_escape(e.unit)).number(html_escape(e.what));
  }
  return table.html();
}

std::string notes_of(const std::vector<std::string>& notes) {
  if (notes.empty()) return "";
  std::string html = "<h2>To be looked at</h2>\n<ul>\n";
  for (const std::string& note : notes) html += "<li>" + html_escape(note) + "</li>\n";
  return html + "</ul>\n";
}

/// Residuals of all records, one after the other.
Figure residual_figure(const std::vector<BlockResiduals>& blocks) {
  std::string data, script;
  double at = 0, worst = 3;
  for (const BlockResiduals& b : blocks) {
    script += fmt::format("set label '{}' at {},graph 0.97 rotate by 90 right font ',9' textcolor rgb '{}'\n",
                          b.name, at + 1, kInk);
    if (at > 0)
      script +=
          fmt::format("set arrow from {0},graph 0 to {0},graph 1 nohead linecolor rgb '{1}'\n", at, kFaint);
    for (std::size_t i = 0; i < b.measured.size(); ++i) {
      const double z = (b.measured[i] - b.predicted[i]) / std::max(b.error[i], 1e-300);
      data += fmt::format("{} {:.4g}\n", ++at, std::clamp(z, -20.0, 20.0));
      worst = std::max(worst, std::min(std::abs(z), 20.0));
    }
    at += 2;
  }
  script = fmt::format("$z << EOD\n{}EOD\n", data) + script +
           axis_labels("statistic", "residual (standard errors)") +
           fmt::format("unset xtics\nset xrange [0:{}]\nset yrange [{}:{}]\n", at, -worst - 1, worst + 2) +
           fmt::format(
               "plot 2 notitle linecolor rgb '{0}' dashtype 2, -2 notitle linecolor rgb '{0}' dashtype 2, "
               "$z using 1:2 with points pointtype 7 pointsize 0.5 linecolor rgb '{1}' notitle\n",
               kFaint, kFirst);
  return draw_figure(
      script, "residuals", "Residuals of every statistic in standard errors",
      "Measured minus predicted, in standard errors of the measured mean. Neighbours within a record "
      "are correlated: they leave zero together.");
}

/// One record against its prediction.
Figure block_figure(const BlockResiduals& b, std::size_t number_of_block) {
  const bool rows_too =
      std::any_of(b.labels.begin(), b.labels.end(), [](const auto& l) { return l.starts_with("row"); });
  std::string measured, predicted;
  double lowest = 0;
  for (std::size_t i = 0; i < b.measured.size(); ++i) {
    // Lags of an oscillating record are all the same number: its build-up is what there is to see.
    if ((b.kind == RecordKind::above || b.kind == RecordKind::drift) && rows_too &&
        !b.labels[i].starts_with("row"))
      continue;
    if (b.kind == RecordKind::pairs && !b.labels[i].starts_with("pair")) continue;
    measured += fmt::format("{} {:.8g} {:.3g}\n", b.axis[i], b.measured[i], 2 * b.error[i]);
    predicted += fmt::format("{} {:.8g}\n", b.axis[i], b.predicted[i]);
    lowest = std::min(lowest, b.measured[i]);
  }
  const bool by_row = b.kind == RecordKind::ring_down ||
                      ((b.kind == RecordKind::above || b.kind == RecordKind::drift) && rows_too);
  std::string script = fmt::format("$m << EOD\n{}EOD\n$p << EOD\n{}EOD\n", measured, predicted);
  script += axis_labels(by_row ? "round trip" : "lag (round trips)", b.kind == RecordKind::ring_down
                                                                         ? "mean amplitude (record)"
                                                                         : "product of samples (record²)");
  script += fmt::format(
      "plot $p using 1:2 with lines title 'fitted loop' linecolor rgb '{}', $m using 1:2:3 with yerrorbars "
      "pointtype 7 pointsize 0.5 title 'measured' linecolor rgb '{}'\n",
      kSecond, kFirst);
  return draw_figure(script, fmt::format("record{}", number_of_block),
                     "Record " + b.name + " and the fitted loop",
                     fmt::format("Record <b>{}</b> ({}); bars are two standard errors.", html_escape(b.name),
                                 name_of(b.kind)));
}

Figure gain_figure(const std::vector<Estimate>& map) {
  std::string data;
  for (std::size_t i = 0; i < map.size(); ++i)
    data +=
        fmt::format("{} {:.6g} {:.6g} {:.6g}\n", i, 100 * map[i].value, 100 * map[i].low, 100 * map[i].high);
  const std::string script = fmt::format("$g << EOD\n{}EOD\n", data) +
                             axis_labels("pulse", "pump relative to the mean (%)") +
                             fmt::format(
                                 "plot 0 notitle linecolor rgb '{}', $g using 1:2:3:4 with yerrorbars "
                                 "pointtype 7 pointsize 0.5 notitle linecolor rgb '{}'\n",
                                 kFaint, kFirst);
  return draw_figure(script, "gainmap", "Gain map",
                     "How much more or less pump each pulse gets than the mean pulse, with 95% intervals.");
}

Figure drift_figure(const calibration::DriftSpectrum& d) {
  std::string data;
  for (std::size_t i = 0; i < d.frequency.size(); ++i) {
    data += fmt::format("{:.6g} {:.6g} {:.6g} {:.6g}\n", d.frequency[i], std::max(d.measured[i], 1e-300),
                        std::max(d.fitted[i], 1e-300), std::max(d.own_noise[i], 1e-300));
  }
  const std::string script = fmt::format("$d << EOD\n{}EOD\n", data) +
                             axis_labels("frequency (per round trip)", "spectrum (record² · round trip)") +
                             fmt::format(
                                 "set logscale xy\nplot $d using 1:4 with lines title 'noise of each half "
                                 "alone' linecolor rgb '{}', $d using 1:3 "
                                 "with lines title 'fit' linecolor rgb '{}', $d using 1:2 with points "
                                 "pointtype 7 pointsize 0.5 title 'common to "
                                 "both halves' linecolor rgb '{}'\n",
                                 kFaint, kSecond, kFirst);
  std::string caption =
      "Cross-spectrum of the mean amplitude of every other pulse with that of the rest: what is common is "
      "the pump.";
  if (d.exponent_error > 0)
    caption += fmt::format(
        " Where it stands out it falls as f<sup>−{:.2f} ± {:.2f}</sup>; the fit has f<sup>−1</sup> and a "
        "white part.",
        d.exponent, 2 * d.exponent_error);
  return draw_figure(script, "drift", "Spectrum of the pump's drift", caption);
}

std::string histogram_figures(const DeviceComparison& c) {
  std::string html;
  const std::size_t shown = std::min<std::size_t>(c.jobs.size(), 6);
  for (std::size_t k = 0; k < shown; ++k) {
    const JobComparison& job = c.jobs[k];
    double low = job.energies_a.front(), high = low;
    for (const auto* energies : {&job.energies_a, &job.energies_b}) {
      for (const double e : *energies) {
        low = std::min(low, e);
        high = std::max(high, e);
      }
    }
    constexpr int kBins = 24;
    const double width = high > low ? (high - low) / kBins : 1;
    std::vector<double> a(kBins, 0), b(kBins, 0);
    const auto fill = [&](const std::vector<double>& energies, std::vector<double>& bins) {
      for (const double e : energies)
        bins[static_cast<std::size_t>(std::clamp(static_cast<int>((e - low) / width), 0, kBins - 1))] +=
            1.0 / static_cast<double>(energies.size());
    };
    fill(job.energies_a, a);
    fill(job.energies_b, b);
    std::string data;
    for (std::size_t i = 0; i < kBins; ++i)
      data += fmt::format("{:.6g} {:.5g} {:.5g}\n", low + (static_cast<double>(i) + 0.5) * width, a[i], b[i]);
    const std::string script = fmt::format("$h << EOD\n{}EOD\n", data) +
                               axis_labels("energy of the final state", "part of the runs") +
                               fmt::format(
                                   "set yrange [0:*]\nplot $h using 1:2 with steps linewidth 2 title 'A' "
                                   "linecolor rgb '{}', $h using 1:3 "
                                   "with steps linewidth 2 title 'B' linecolor rgb '{}'\n",
                                   kFirst, kSecond);
    html += html_of(draw_figure(script, fmt::format("energies{}", k), "Energy histogram of " + job.problem,
                                fmt::format("{}: Kolmogorov–Smirnov distance {:.3f}, p = {:.2g}.",
                                            html_escape(job.problem), job.energy_distance, job.energy_p)));
  }
  if (shown < c.jobs.size())
    html += fmt::format("<p>{} more problems are in the table.</p>\n", c.jobs.size() - shown);
  return html;
}

std::string comparison_body(const DeviceComparison& c) {
  std::string body = "<div class='tiles'>\n";
  body += tile("Verdict", c.agree() ? "no difference" : "they differ", "three tests, each at a third of 5%");
  body += tile("Success of A", fmt::format("{:.1f}%", 100 * c.success_a),
               fmt::format("95%: {:.1f}% to {:.1f}%", 100 * c.success_a_interval.low,
                           100 * c.success_a_interval.high));
  body += tile("Success of B", fmt::format("{:.1f}%", 100 * c.success_b),
               fmt::format("95%: {:.1f}% to {:.1f}%", 100 * c.success_b_interval.low,
                           100 * c.success_b_interval.high));
  body += tile("Success, instance by instance", fmt::format("p = {:.2g}", c.success_p),
               "two-proportion tests, together");
  body += tile("Energies", fmt::format("p = {:.2g}", c.energy_p),
               "smallest Kolmogorov–Smirnov p, times the number of problems");
  body += tile("Bias of spins", fmt::format("p = {:.2g}", c.bias_p),
               "most different spin, times the number of spins");
  body += "</div>\n";
  body += fmt::format("<p>A is <code>{}</code>, B is <code>{}</code>. Same jobs, different seeds.</p>\n",
                      html_escape(c.a), html_escape(c.b));
  HtmlTable table({"Problem", "Success A", "Success B", "z", "Mean energy A", "Mean energy B", "KS distance",
                   "p", "Largest bias z"});
  for (const JobComparison& job : c.jobs) {
    table.row(html_escape(job.problem))
        .number(fmt::format("{} of {}", job.successes_a, job.runs_a))
        .number(fmt::format("{} of {}", job.successes_b, job.runs_b))
        .number(fmt::format("{:+.2f}", job.success_z))
        .number(number(job.mean_energy_a))
        .number(number(job.mean_energy_b))
        .number(fmt::format("{:.3f}", job.energy_distance))
        .number(fmt::format("{:.2g}", job.energy_p))
        .number(fmt::format("{:+.2f} (spin {})", job.largest_bias_z, job.most_biased_spin));
  }
  return body + table.html() + histogram_figures(c);
}

std::string footer(const std::string& command_line) {
  return fmt::format("opoloop {}; <code>{}</code>", kVersion, html_escape(command_line));
}

}  // namespace

std::string calibration_html(const calibration::Calibration& r, const DeviceComparison* comparison,
                             const std::string& command_line) {
  std::string body = fmt::format("<p class='over'>Calibration</p>\n<h1>{}</h1>\n<p class='sub'>{}</p>\n",
                                 html_escape(r.source), html_escape(r.description));
  body += "<h2>Parameters</h2>\n" + estimates_table(r.estimates);
  if (!r.dead_pulses.empty())
    body += fmt::format("<p>Pulses without light: {}.</p>\n", fmt::join(r.dead_pulses, ", "));
  body += notes_of(r.notes);
  body += "<h2>Residuals</h2>\n" + html_of(residual_figure(r.blocks));
  HtmlTable records({"Record", "Kind", "Statistics", "Mean squared residual"});
  for (const BlockResiduals& b : r.blocks)
    records.row(html_escape(b.name))
        .number(name_of(b.kind))
        .number(fmt::format("{}", b.measured.size()))
        .number(fmt::format("{:.2f}", b.chi_squared()));
  body += records.html();
  if (!r.gain_map.empty()) body += "<h2>Gain map</h2>\n" + html_of(gain_figure(r.gain_map));
  if (r.drift) body += "<h2>Drift</h2>\n" + html_of(drift_figure(*r.drift));
  body += "<h2>Records and fit</h2>\n";
  for (std::size_t b = 0; b < r.blocks.size(); ++b) {
    if (r.blocks[b].measured.size() > 1) body += html_of(block_figure(r.blocks[b], b));
  }
  if (comparison != nullptr)
    body += "<h2>Machine (A) and twin (B) on unseen jobs</h2>\n" + comparison_body(*comparison);
  return html_page("Calibration of " + r.source, body, footer(command_line));
}

std::string sample_calibration_html(const calibration::SampleCalibration& r, const std::string& device,
                                    const std::string& command_line) {
  std::string body =
      fmt::format("<p class='over'>Calibration from samples</p>\n<h1>{}</h1>\n", html_escape(device));
  body += "<h2>Parameters</h2>\n" + estimates_table(r.estimates) + notes_of(r.notes);
  HtmlTable settings({"Setting", "Round trips", "Runs", "Satisfied pairs", "Fitted", "Ground states"});
  for (std::size_t i = 0; i < r.settings.size(); ++i) {
    const calibration::EnergySetting& s = r.settings[i];
    settings.row(fmt::format("pump {:.4g}, coupling {:.4g}", s.pump, s.coupling))
        .number(fmt::format("{}", s.rounds))
        .number(fmt::format("{}", s.satisfied.size()))
        .number(fmt::format("{:.4f}", s.fraction()))
        .number(fmt::format("{:.4f}", r.predicted[i]))
        .number(fmt::format("{:.3f}", s.success()));
  }
  body += fmt::format("<h2>Settings</h2>\n{}", settings.html());
  return html_page("Calibration of " + device + " from samples", body, footer(command_line));
}

std::string comparison_html(const DeviceComparison& c, const std::string& command_line) {
  return html_page(
      "Comparison of devices",
      "<p class='over'>Comparison</p>\n<h1>Two devices, the same jobs</h1>\n" + comparison_body(c),
      footer(command_line));
}

}  // namespace opoloop
