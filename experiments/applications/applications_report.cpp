#include "experiments/applications/applications_report.h"

#include <algorithm>
#include <cmath>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "driver/statistics.h"
#include "experiments/applications/application_pictures.h"
#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"

namespace opoloop {
namespace {

/// Merits as good as each other: rounding of printed sums.
bool as_good(double a, double b, bool more_is_better) {
  const double slack = 1e-9 * std::max(std::abs(a), std::abs(b));
  return more_is_better ? a >= b - slack : a <= b + slack;
}

std::string share(double part, double of) {
  return of > 0 ? fmt::format("{:.1f}%", 100 * part / of) : "–";
}

std::string with_interval(double part, double of) {
  if (!(of > 0)) return "–";
  const Interval i = wilson_interval(static_cast<std::int64_t>(part), static_cast<std::int64_t>(of));
  return fmt::format("{:.1f}% [{:.1f}, {:.1f}]", 100 * part / of, 100 * i.low, 100 * i.high);
}

std::string sentence(const ApplicationSummary& s) {
  const MeritNames names = merit_names(s.application);
  return fmt::format(
      "{} on {}: {} of the runs keep every constraint, {} reach the reference; {:.0f} of {:.0f} QUBOs "
      "solved. "
      "{}: as good as {} in {} of {} instances, better than {} in {}, worse in {}.",
      s.application, s.device, share(s.feasible, s.runs), share(s.successes, s.runs), s.solved, s.qubos,
      names.merit, names.reference, s.merit_at_least, s.points, names.baseline, s.merit_beats, s.merit_below);
}

double gap(const ApplicationRow& row) {
  const double scale = std::abs(row.reference_value);
  return scale > 0 ? (row.best_value - row.reference_value) / scale : row.best_value - row.reference_value;
}

void add_row(HtmlTable& table, const ApplicationRow& r) {
  const std::string proven =
      r.proven == r.qubos
          ? ""
          : fmt::format(" ({} of {} proven)", readable_number(r.proven), readable_number(r.qubos));
  table.row(html_escape(r.instance))
      .cell(html_escape(r.seed))
      .text(fmt::format("<code>{}</code>", html_escape(r.device)))
      .number(readable_number(r.spins))
      .number(readable_number(r.couplings))
      .number(fmt::format("{} / {}", readable_number(r.penalty, 3), readable_number(r.penalty_bound, 3)))
      .number(share(r.feasible, r.runs))
      .number(with_interval(r.successes, r.runs))
      .number(fmt::format("{} of {}", readable_number(r.solved), readable_number(r.qubos)))
      .number(readable_number(100 * gap(r), 3))
      .text(html_escape(r.reference) + proven)
      .number(readable_number(r.merit, 4))
      .number(readable_number(r.merit_reference, 4))
      .number(readable_number(r.merit_baseline, 4));
}

}  // namespace

std::vector<ApplicationSummary> summarise(const std::vector<ApplicationRow>& rows) {
  std::vector<ApplicationSummary> all;
  for (const std::string& name : application_names()) {
    for (const ApplicationRow& row : rows) {
      if (row.application != name || std::isnan(row.runs)) continue;
      auto at = std::find_if(all.begin(), all.end(), [&](const ApplicationSummary& s) {
        return s.application == name && s.device == row.device;
      });
      if (at == all.end()) {
        all.emplace_back();
        at = all.end() - 1;
        at->application = name;
        at->device = row.device;
      }
      const bool more = merit_names(name).more_is_better;
      ++at->points;
      at->qubos += row.qubos;
      at->solved += row.solved;
      at->proven += row.proven;
      at->runs += row.runs;
      at->feasible += row.feasible;
      at->successes += row.successes;
      if (std::isnan(row.merit)) {
        ++at->merit_below;  // no feasible answer at all
        continue;
      }
      at->merit_at_least += as_good(row.merit, row.merit_reference, more) ? 1 : 0;
      at->merit_beats += as_good(row.merit_baseline, row.merit, more) ? 0 : 1;
      at->merit_below += as_good(row.merit, row.merit_baseline, more) ? 0 : 1;
    }
  }
  return all;
}

void print_applications(const std::vector<ApplicationRow>& rows, const std::string& missing,
                        std::ostream& out) {
  for (const ApplicationSummary& s : summarise(rows)) out << sentence(s) << '\n';
  if (!missing.empty()) out << missing << '\n';
  out << fmt::format("\n{:<17}{:<34}{:>6}{:>6}{:>8}{:>9}{:>9}{:>10}{:>10}{:>10}\n", "application",
                     "instance, seed", "spins", "P", "bound", "feasible", "success", "merit", "reference",
                     "simple");
  for (const ApplicationRow& r : rows) {
    if (std::isnan(r.runs)) continue;
    out << fmt::format("{:<17}{:<34}{:>6}{:>6.3g}{:>8.3g}{:>9}{:>9}{:>10.4g}{:>10.4g}{:>10.4g}\n",
                       r.application, fmt::format("{}, {}", r.instance, r.seed), r.spins, r.penalty,
                       r.penalty_bound, share(r.feasible, r.runs), share(r.successes, r.runs), r.merit,
                       r.merit_reference, r.merit_baseline);
  }
}

void print_applications_json(const std::vector<ApplicationRow>& rows, const std::string& missing,
                             bool complete, std::ostream& out) {
  nlohmann::ordered_json json;
  json["experiment"] = "applications";
  json["complete"] = complete;
  json["missing"] = nullptr;
  if (!missing.empty()) json["missing"] = missing;
  json["applications"] = nlohmann::ordered_json::array();
  for (const ApplicationSummary& s : summarise(rows)) {
    const MeritNames names = merit_names(s.application);
    json["applications"].push_back({{"application", s.application},
                                    {"device", s.device},
                                    {"points", s.points},
                                    {"qubos", s.qubos},
                                    {"qubos_solved", s.solved},
                                    {"references_proven", s.proven},
                                    {"runs", s.runs},
                                    {"feasible", s.feasible},
                                    {"successes", s.successes},
                                    {"merit", names.merit},
                                    {"as_good_as_reference", s.merit_at_least},
                                    {"better_than_simple", s.merit_beats},
                                    {"worse_than_simple", s.merit_below}});
  }
  out << json.dump() << '\n';
}

std::string applications_html(const std::vector<ApplicationRow>& rows, const std::string& missing,
                              const std::filesystem::path& data, const std::string& command_line) {
  std::string body =
      "<p class='over'>opoloop experiment</p>\n<h1>Problems of other fields on the same machine</h1>\n";
  body += fmt::format("<p class='sub'>{} points · <code>{}</code></p>\n",
                      readable_number(static_cast<double>(rows.size())), html_escape(command_line));
  if (!missing.empty()) body += fmt::format("<div class='note-box'>{}</div>\n", html_escape(missing));
  body += "<div class='tiles'>\n";
  const std::vector<ApplicationSummary> all = summarise(rows);
  for (const ApplicationSummary& s : all) {
    body += fmt::format(
        "<div class='tile'><div class='name'>{}</div><div class='value'>{:.0f} of {:.0f}</div><div "
        "class='note'>QUBOs solved on <code>{}</code>; {} of the runs feasible</div></div>\n",
        html_escape(s.application), s.solved, s.qubos, html_escape(s.device), share(s.feasible, s.runs));
  }
  body += "</div>\n";
  for (const ApplicationSummary& s : all) body += fmt::format("<p>{}</p>\n", html_escape(sentence(s)));
  body +=
      "<p class='sub'>The penalty P of each QUBO is chosen by rule: above the bound every ground state keeps "
      "every "
      "constraint. A run succeeds where its best state is feasible and as good as the reference. Gap: of the "
      "best feasible states over the reference, in percent of the latter. Intervals: Wilson, 95%.</p>\n";
  const std::vector<ApplicationPicture> pictures = application_pictures(rows, data);
  for (const std::string& name : application_names()) {
    if (std::none_of(rows.begin(), rows.end(), [&](const auto& r) { return r.application == name; }))
      continue;
    const MeritNames names = merit_names(name);
    body += fmt::format("<h2>{}</h2>\n", name);
    for (const ApplicationPicture& picture : pictures) {
      if (picture.application != name) continue;
      body += fmt::format("<figure>\n{}\n<figcaption>{}</figcaption></figure>\n", picture.svg,
                          html_escape(picture.caption));
    }
    HtmlTable table({"Instance", "Seed", "Device", "Spins", "Couplings", "P / bound", "Feasible", "Success",
                     "Solved", "Gap, %", "Reference", names.merit, fmt::format("by {}", names.reference),
                     fmt::format("by {}", names.baseline)});
    for (const ApplicationRow& row : rows) {
      if (row.application == name && !std::isnan(row.runs)) add_row(table, row);
    }
    body += table.html();
  }
  return html_page("Problems of other fields on the same machine", body,
                   "Every number here is computed from the experiment file; docs/applications/ says how.");
}

}  // namespace opoloop
