#include "experiments/tts/tts_report.h"

#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"
#include "experiments/tts/tts_words.h"

namespace opoloop {
namespace {

std::string value_html(const TtsCell& cell, TtsUnit unit) {
  return html_escape(std::isinf(cell.time.value) ? "> " + amount_text(cell.time.bound, unit)
                                                 : amount_text(cell.time.value, unit));
}

/// A line a class, a column a device: medians alone.
std::string table_html(const TtsAnswer& answer, const TtsTable& table) {
  HtmlTable grid({"Class"});
  for (const std::string& device : answer.devices) grid.title(html_escape(device));
  for (std::size_t c = 0; c < answer.classes.size(); ++c) {
    grid.row(fmt::format("{} <small>({})</small>", html_escape(answer.classes[c].name),
                         answer.classes[c].instances.size()));
    for (std::size_t d = 0; d < answer.devices.size(); ++d) {
      const TtsCell& cell = table.cells[c][d];
      std::string text = cell.time.known() ? value_html(cell, table.unit) : "–";
      if (!table.leads.empty() && table.leads[c].first == d)
        text = fmt::format("<strong>{}</strong>{}", text, table.leads[c].told_apart() ? "" : " ≈");
      grid.cell(fmt::format("{}{}", text, edge_mark(cell.time.end)), "class='num' style='padding:8px 6px'");
    }
  }
  return grid.html();
}

/// A line a class and device, with everything.
std::string details_html(const TtsAnswer& answer, const TtsTable& table) {
  HtmlTable grid({"Class", "Device", "Median", "95%", "Best T", "Unsolved"});
  for (std::size_t c = 0; c < answer.classes.size(); ++c) {
    for (std::size_t d = 0; d < answer.devices.size(); ++d) {
      const TtsCell& cell = table.cells[c][d];
      if (!cell.time.known()) continue;
      const bool solved = std::isfinite(cell.time.value);
      grid.row(html_escape(answer.classes[c].name))
          .cell(html_escape(answer.devices[d]))
          .number(value_html(cell, table.unit))
          .number(solved ? fmt::format("{} … {}", amount_text(cell.time.low, table.unit),
                                       amount_text(cell.time.high, table.unit))
                         : "–")
          .number(fmt::format("{}{}", solved ? fmt::format("{:.0f}", cell.length) : "–",
                              edge_mark(cell.time.end)))
          .number(fmt::format("{} of {}", cell.time.unsolved, cell.time.instances));
    }
  }
  return fmt::format("<details><summary>With intervals and run lengths</summary>{}</details>\n", grid.html());
}

std::string title_of(const TtsTable& table) {
  return fmt::format("Time {}, {}", goal_text(table.share), unit_text(table.unit));
}

std::string scaling_html(const TtsAnswer& answer, const TtsTable& table) {
  if (table.scaling.empty()) return "";
  HtmlTable grid({"Device", "Family", "Sizes fitted"});
  for (const ScalingLaw law : kScalingLaws)
    grid.title(fmt::format("{}: γ [95%], weight, share", law_text(law)));
  grid.title("Which law");
  for (const TtsScaling& scaling : table.scaling) {
    grid.row(html_escape(answer.devices[scaling.device])).cell(html_escape(scaling.family));
    if (!scaling.fit) {
      grid.cell(fmt::format("no fit: less than three sizes are half solved with the best length inside the "
                            "grid (left out: {:g})",
                            fmt::join(scaling.left_out, ", ")),
                "class='text' colspan='5'");
      continue;
    }
    grid.number(fmt::format("{:g}", fmt::join(scaling.fit->spins, ", ")));
    for (const LawFit& law : scaling.fit->laws)
      grid.number(fmt::format("{:.3g} [{:.3g}, {:.3g}]<br><small>{:.2f}, {:.2f}</small>", law.exponent,
                              law.low, law.high, law.weight, law.share));
    grid.cell(scaling.fit->told_apart ? law_text(scaling.fit->laws[scaling.fit->best].law)
                                      : "not told apart");
  }
  return fmt::format("<h3>Scaling, {} in {}</h3>\n{}", goal_text(table.share), unit_text(table.unit),
                     grid.html());
}

std::string settings_html(const TtsAnswer& answer) {
  HtmlTable devices({"Device", "URI"});
  for (std::size_t d = 0; d < answer.devices.size(); ++d)
    devices.row(html_escape(answer.devices[d])).wide(html_escape(answer.uris[d]));
  HtmlTable classes({"Class", "Spins", "Steps of a run, T", "Instances"});
  for (const TtsClass& group : answer.classes)
    classes.row(html_escape(group.name))
        .number(fmt::format("{:g}", group.spins))
        .number(fmt::format("{:g}", fmt::join(group.lengths, " ")))
        .text(html_escape(fmt::format("{}", fmt::join(group.instances, ", "))));
  return fmt::format("<h2>What was measured</h2>\n{}{}", devices.html(), classes.html());
}

std::string notes_html(const TtsAnswer& answer, const TtsPageNotes& notes) {
  std::vector<std::string> all = answer.warnings;
  if (!notes.complete) all.insert(all.begin(), "Not complete: this is what is measured so far.");
  if (!notes.missing.empty()) all.push_back(notes.missing);
  for (const std::string& failed : notes.failed) all.push_back("Not measured: " + failed);
  if (all.empty()) return "";
  std::string html = "<div class='note-box'><ul>\n";
  for (const std::string& note : all) html += "<li>" + html_escape(note) + "</li>\n";
  return html + "</ul></div>\n";
}

}  // namespace

std::string tts_html(const TtsAnswer& answer, const TtsPageNotes& notes) {
  std::string body =
      "<p class='over'>opoloop experiment tts</p>\n<h1>Which device is fastest for which size, and how does "
      "it "
      "scale?</h1>\n";
  body += fmt::format("<p class='sub'>{} instances · {} devices · {} points · <code>{}</code></p>\n",
                      answer.instances, answer.devices.size(),
                      readable_number(static_cast<double>(answer.rows)), html_escape(notes.command_line));
  const TtsTable* seconds = table_of(answer, 1, TtsUnit::seconds);
  if (seconds == nullptr)
    return html_page("Time to solution", body + "<p class='none'>Nothing was measured yet.</p>\n", "");
  for (const std::string& sentence : answer.sentences)
    body += fmt::format("<p>{}</p>\n", html_escape(sentence));
  body += fmt::format("<h2>{}</h2>\n", title_of(*seconds)) + table_html(answer, *seconds);
  body += details_html(answer, *seconds);
  body +=
      "<p class='sub'>Median over instances of the time until the best energy is reached with 99%, at the "
      "run "
      "length T that is best for the class on that device. An unsolved instance counts as infinitely long; "
      "“&gt;”: less than half the class is solved, it takes longer than this. Intervals: 95%, instances and "
      "runs resampled and T chosen anew each time. Bold: fastest; ≈: not told apart from the next. * and **: "
      "the best T is the shortest, the longest of the grid.</p>\n";
  body += notes_html(answer, notes);
  body += tts_scaling_figure(answer, *seconds, "scalingS");
  const TtsTable* products = table_of(answer, 1, TtsUnit::products);
  if (products != nullptr) body += tts_scaling_figure(answer, *products, "scalingP");
  body += tts_profile_figure(answer, *seconds, "profileS");
  if (products != nullptr) body += tts_profile_figure(answer, *products, "profileP");
  body += "<h2>Success over the length of runs</h2>\n" + tts_success_figures(answer);
  for (const TtsTable& table : answer.tables) {
    if (&table != seconds)
      body += fmt::format("<h2>{}</h2>\n", title_of(table)) + table_html(answer, table) +
              details_html(answer, table);
    if (table.unit == TtsUnit::seconds && table.share != 1)
      body += tts_profile_figure(answer, table, "profileT");
  }
  body +=
      "<h2>Scaling</h2>\n<p class='sub'>Least squares of the logarithm of the median. Weight: Akaike’s, from "
      "the "
      "residuals of the three laws; share: of the resamples in which the law fits best. A law is told apart "
      "where both are at least 0.95.</p>\n";
  for (const TtsTable& table : answer.tables) body += scaling_html(answer, table);
  body += settings_html(answer);
  return html_page(
      "Time to solution", body,
      "Every number here is computed from the points of the experiment file; docs/tts.md says how.");
}

}  // namespace opoloop
