#include "experiments/gap_tts_report.h"

#include <algorithm>
#include <cmath>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"

namespace opoloop {
namespace {

std::string short_estimate(const RankEstimate& e) {
  return e.known() ? fmt::format("{:.2f} [{:.2f}, {:.2f}]", e.value, e.low, e.high) : "-";
}

const char* unit_note() {
  return "rho > 0: the smaller the gap, the longer the time. 95% bootstrap intervals, within family and size";
}

nlohmann::ordered_json json_of(const RankEstimate& e) {
  if (!e.known()) return nullptr;
  return {{"value", e.value}, {"low", e.low}, {"high", e.high}};
}

nlohmann::ordered_json json_of(const RankTable& table, const GapTtsAnswer& answer) {
  nlohmann::ordered_json json;
  json["instances"] = table.items;
  for (std::size_t p = 0; p < answer.predictors.size(); ++p) {
    nlohmann::ordered_json line;
    line["mean_rho_of_machines"] = json_of(table.mean_rho[p]);
    for (std::size_t o = 0; o < answer.outcomes.size(); ++o) {
      line[answer.outcomes[o]] = {{"rho", json_of(table.rho[p][o])},
                                  {"slope", json_of(table.slope[p][o])},
                                  {"slope_instances", table.slope_items[p][o]}};
    }
    json[answer.predictors[p]] = std::move(line);
  }
  return json;
}

std::string table_html(const RankTable& table, const GapTtsAnswer& answer, bool slopes) {
  HtmlTable grid({"Predictor"});
  for (const std::string& name : answer.outcomes) grid.title(name);
  if (!slopes) grid.title("mean of machines");
  for (std::size_t p = 0; p < answer.predictors.size(); ++p) {
    grid.row(answer.predictors[p]);
    for (std::size_t o = 0; o < answer.outcomes.size(); ++o) {
      grid.number(short_estimate(slopes ? table.slope[p][o] : table.rho[p][o]));
    }
    if (!slopes) grid.number(short_estimate(table.mean_rho[p]));
  }
  return grid.html();
}

std::string settings_html(const GapTtsAnswer& answer, std::size_t rows) {
  HtmlTable table({"Setting", "Device", "Round trips or sweeps of a run", "Never solved (P = 0)",
                   "One run is enough (P ≥ 0.99)"});
  const auto& settings = gap_tts_settings();
  for (std::size_t s = 0; s < settings.size(); ++s) {
    std::string device = settings[s].uri;
    for (const auto& [name, value] : settings[s].parameters) device += fmt::format(" {}={}", name, value);
    table.row(settings[s].name)
        .text(fmt::format("{}<br><code>{}</code>", html_escape(settings[s].what), html_escape(device)))
        .number(fmt::format("{}", settings[s].rounds))
        .number(fmt::format("{} of {}", answer.never[s], rows))
        .number(fmt::format("{} of {}", answer.always[s], rows));
  }
  table.row("chain")
      .text("the Metropolis chain of the bound itself, a random spin a step, at one temperature")
      .number("until solved")
      .number("–")
      .number("–");
  return fmt::format("<h2>Settings</h2>\n{}", table.html());
}

}  // namespace

void print_gap_tts(const GapTtsAnswer& answer, const std::string& missing, std::ostream& out) {
  for (const std::string& sentence : answer.sentences) out << sentence << '\n';
  if (!missing.empty()) out << missing << '\n';
  out << fmt::format("\n{} instances, {} of them without a predictor and left out of the tables\n",
                     answer.rows, answer.left_out);
  out << "Spearman's rho, " << unit_note() << '\n';
  out << fmt::format("  {:<16}", "");
  for (const std::string& name : answer.outcomes) out << fmt::format("{:<20}", name);
  out << '\n';
  for (std::size_t p = 0; p < answer.predictors.size(); ++p) {
    out << fmt::format("  {:<16}", answer.predictors[p]);
    for (std::size_t o = 0; o < answer.outcomes.size(); ++o) {
      out << fmt::format("{:<20}", short_estimate(answer.pooled.rho[p][o]));
    }
    out << '\n';
  }
  out << "Never solved (ties at the top):";
  for (std::size_t s = 0; s < gap_tts_settings().size(); ++s) {
    out << fmt::format(" {} {}{}", answer.outcomes[s], answer.never[s],
                       s + 1 < gap_tts_settings().size() ? "," : "\n");
  }
}

void print_gap_tts_json(const GapTtsAnswer& answer, const std::string& missing, const GapTtsOptions& options,
                        bool complete, std::ostream& out) {
  nlohmann::ordered_json json;
  json["experiment"] = "gap-tts";
  json["seed"] = options.seed;
  json["complete"] = complete;
  json["instances"] = answer.rows;
  json["left_out"] = answer.left_out;
  json["missing"] = nullptr;
  if (!missing.empty()) json["missing"] = missing;
  json["answer"] = answer.sentences;
  const ChainCheck& c = answer.chain;
  json["chain"] = {{"instances", c.instances},
                   {"runs", c.runs},
                   {"beyond_bound", c.beyond},
                   {"violated", c.violated},
                   {"bound_over_measured",
                    {{"median", c.median_ratio}, {"least", c.least_ratio}, {"largest", c.largest_ratio}}},
                   {"rms_z", c.rms_z},
                   {"largest_z", c.largest_z}};
  for (std::size_t s = 0; s < gap_tts_settings().size(); ++s) {
    json["settings"][answer.outcomes[s]] = {{"never", answer.never[s]}, {"always", answer.always[s]}};
  }
  json["pooled"] = json_of(answer.pooled, answer);
  for (const auto& [name, table] : answer.families) json["families"][name] = json_of(table, answer);
  out << json.dump() << '\n';
}

std::string gap_tts_html(const GapTtsAnswer& answer, const std::vector<GapTtsRow>& rows,
                         const std::string& missing, const GapTtsOptions& options,
                         const std::string& command_line) {
  std::string body =
      "<p class='over'>opoloop experiment</p>\n<h1>Does the gap predict the time to solution?</h1>\n";
  body +=
      fmt::format("<p class='sub'>{} instances · seed {} · <code>{}</code></p>\n",
                  readable_number(static_cast<double>(rows.size())), options.seed, html_escape(command_line));
  if (!missing.empty()) body += fmt::format("<div class='note-box'>{}</div>\n", html_escape(missing));
  for (const std::string& sentence : answer.sentences) {
    body += fmt::format("<p>{}</p>\n", html_escape(sentence));
  }
  const std::size_t asked = kGaps * answer.outcomes.size() * (1 + answer.families.size());
  body += fmt::format(
      "<p class='sub'>The answer is about Spearman's ρ between an inverse gap and the time to solution, "
      "computed within each family and size and averaged over the {} machine settings. Its intervals are "
      "{:.1f}% ones: 95% shared among the six questions it asks (Bonferroni). The tables below are not "
      "corrected: of their {} intervals for gaps alone, one in twenty misses by chance. {} of {} instances "
      "lack "
      "a predictor and are in no table. An instance that no run solved counts as the longest time of its "
      "kind; "
      "slopes leave it out.</p>\n",
      std::count_if(gap_tts_settings().begin(), gap_tts_settings().end(),
                    [](const auto& s) { return s.machine; }),
      100 * answer.level_wide, asked, answer.left_out, answer.rows);
  body += "<h2>Spearman’s ρ</h2>\n" + table_html(answer.pooled, answer, false);
  body += "<h2>Slope of ln TTS over ln of the predictor</h2>\n" + table_html(answer.pooled, answer, true);
  body += gap_tts_figures(answer, rows);
  body += settings_html(answer, rows.size());
  for (const auto& [name, table] : answer.families) {
    body += fmt::format("<h2>ρ in family {} ({} instances)</h2>\n", html_escape(name), table.items);
    body += table_html(table, answer, false);
  }
  return html_page("Does the gap predict the time to solution?", body,
                   "Every number here is computed from the experiment file; docs/experiments.md says how.");
}

}  // namespace opoloop
