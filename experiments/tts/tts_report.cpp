#include "experiments/tts/tts_report.h"

#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "experiments/page.h"
#include "experiments/plot.h"
#include "experiments/tts/tts_words.h"

namespace opoloop {
namespace {

std::string cell_html(const TtsCell& cell, TtsUnit unit, bool leads, bool told_apart) {
  if (!cell.time.known()) return "<td class='num'>–</td>";
  std::string value = html_escape(std::isinf(cell.time.value) ? "> " + amount_text(cell.time.bound, unit)
                                                              : amount_text(cell.time.value, unit));
  if (leads) value = fmt::format("<strong>{}</strong>{}", value, told_apart ? "" : " ≈");
  std::string below;
  if (std::isfinite(cell.time.value)) {
    below = fmt::format("[{}, {}] T={:.0f}{}", amount_text(cell.time.low, unit),
                        amount_text(cell.time.high, unit), cell.length, edge_mark(cell.time.end));
  }
  if (cell.time.unsolved > 0)
    below += fmt::format("{}{} of {} unsolved", below.empty() ? "" : ", ", cell.time.unsolved,
                         cell.time.instances);
  return fmt::format("<td class='num'>{}<br><small>{}</small></td>", value, html_escape(below));
}

std::string table_html(const TtsAnswer& answer, const TtsTable& table) {
  std::string html = "<div class='table'><table><thead><tr><th scope='col'>Class</th>";
  for (std::size_t d = 0; d < answer.devices.size(); ++d)
    html += fmt::format("<th scope='col'>{}</th>", html_escape(answer.devices[d]));
  html += "</tr></thead><tbody>\n";
  for (std::size_t c = 0; c < answer.classes.size(); ++c) {
    html += fmt::format("<tr><th scope='row'>{}<br><small>{} instances</small></th>",
                        html_escape(answer.classes[c].name), answer.classes[c].instances.size());
    for (std::size_t d = 0; d < answer.devices.size(); ++d) {
      const bool leads = !table.leads.empty() && table.leads[c].first == d;
      html += cell_html(table.cells[c][d], table.unit, leads, leads && table.leads[c].told_apart());
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string title_of(const TtsTable& table) {
  return fmt::format("Time {}, {}", goal_text(table.share), unit_text(table.unit));
}

std::string scaling_html(const TtsAnswer& answer, const TtsTable& table) {
  if (table.scaling.empty()) return "";
  std::string html = fmt::format(
      "<h3>Scaling, {} in {}</h3>\n<div class='table'><table><thead><tr><th scope='col'>Device</th><th "
      "scope='col'>Family</th><th scope='col'>Sizes fitted</th>",
      goal_text(table.share), unit_text(table.unit));
  for (const ScalingLaw law : kScalingLaws)
    html += fmt::format("<th scope='col'>{}: γ [95%], weight, share</th>", law_text(law));
  html += "<th scope='col'>Which law</th></tr></thead><tbody>\n";
  for (const TtsScaling& scaling : table.scaling) {
    html += fmt::format("<tr><th scope='row'>{}</th><td>{}</td>", html_escape(answer.devices[scaling.device]),
                        html_escape(scaling.family));
    if (!scaling.fit) {
      html += fmt::format(
          "<td class='text' colspan='5'>no fit: less than three sizes are half solved with "
          "the best length inside the grid (left out: {:g})</td></tr>\n",
          fmt::join(scaling.left_out, ", "));
      continue;
    }
    html += fmt::format("<td class='num'>{:g}</td>", fmt::join(scaling.fit->spins, ", "));
    for (const LawFit& law : scaling.fit->laws)
      html += fmt::format("<td class='num'>{:.3g} [{:.3g}, {:.3g}]<br><small>{:.2f}, {:.2f}</small></td>",
                          law.exponent, law.low, law.high, law.weight, law.share);
    html += fmt::format("<td>{}</td></tr>\n", scaling.fit->told_apart
                                                  ? law_text(scaling.fit->laws[scaling.fit->best].law)
                                                  : "not told apart");
  }
  return html + "</tbody></table></div>\n";
}

std::string settings_html(const TtsAnswer& answer) {
  std::string html =
      "<h2>What was measured</h2>\n<div class='table'><table><thead><tr><th scope='col'>Device</th><th "
      "scope='col'>URI</th></tr></thead><tbody>\n";
  for (std::size_t d = 0; d < answer.devices.size(); ++d)
    html += fmt::format("<tr><th scope='row'>{}</th><td class='wide'>{}</td></tr>\n",
                        html_escape(answer.devices[d]), html_escape(answer.uris[d]));
  html +=
      "</tbody></table></div>\n<div class='table'><table><thead><tr><th scope='col'>Class</th><th "
      "scope='col'>Spins</th><th scope='col'>Steps of a run, T</th><th "
      "scope='col'>Instances</th></tr></thead>"
      "<tbody>\n";
  for (const TtsClass& group : answer.classes)
    html += fmt::format(
        "<tr><th scope='row'>{}</th><td class='num'>{:g}</td><td class='num'>{:g}</td><td "
        "class='text'>{}</td></tr>\n",
        html_escape(group.name), group.spins, fmt::join(group.lengths, " "),
        html_escape(fmt::format("{}", fmt::join(group.instances, ", "))));
  return html + "</tbody></table></div>\n";
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

/// Text of a CSV field; RFC 4180.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

const char* unit_word(TtsUnit unit) {
  switch (unit) {
    case TtsUnit::seconds:
      return "s";
    case TtsUnit::products:
      return "products";
    case TtsUnit::steps:
      return "steps";
    case TtsUnit::machine:
      return "machine_s";
  }
  return "";
}

const char* end_word(GridEnd end) {
  return end == GridEnd::inside ? "inside" : end == GridEnd::shortest ? "shortest" : "longest";
}

std::string times_csv(const TtsAnswer& answer) {
  std::string csv =
      "share,unit,class,family,spins,instances,device,unsolved,length,length_in_grid,tts_median,tts_low,"
      "tts_high,longer_than\n";
  for (const TtsTable& table : answer.tables) {
    for (std::size_t c = 0; c < answer.classes.size(); ++c) {
      const TtsClass& group = answer.classes[c];
      for (std::size_t d = 0; d < answer.devices.size(); ++d) {
        const TtsCell& cell = table.cells[c][d];
        if (!cell.time.known()) continue;
        csv += fmt::format("{:g},{},{},{},{:g},{},{},{},{:g},{},{:g},{:g},{:g},{}\n", table.share,
                           unit_word(table.unit), field(group.name), field(group.family), group.spins,
                           cell.time.instances, field(answer.devices[d]), cell.time.unsolved, cell.length,
                           end_word(cell.time.end), cell.time.value, cell.time.low, cell.time.high,
                           std::isinf(cell.time.value) ? fmt::format("{:g}", cell.time.bound) : "");
      }
    }
  }
  return csv;
}

std::string scaling_csv(const TtsAnswer& answer) {
  std::string csv =
      "share,unit,family,device,sizes,law,gamma,low,high,intercept,rms_residual,weight,share_best\n";
  for (const TtsTable& table : answer.tables) {
    for (const TtsScaling& scaling : table.scaling) {
      if (!scaling.fit) continue;
      for (const LawFit& law : scaling.fit->laws)
        csv +=
            fmt::format("{:g},{},{},{},{:g},{},{:g},{:g},{:g},{:g},{:g},{:g},{:g}\n", table.share,
                        unit_word(table.unit), field(scaling.family), field(answer.devices[scaling.device]),
                        fmt::join(scaling.fit->spins, " "), law_text(law.law), law.exponent, law.low,
                        law.high, law.intercept, law.residual, law.weight, law.share);
    }
  }
  return csv;
}

std::string profiles_csv(const TtsAnswer& answer) {
  std::string csv = "share,unit,device,tau,rho\n";
  for (const TtsTable& table : answer.tables) {
    for (std::size_t d = 0; d < table.profiles.size(); ++d) {
      for (const double ratio : table.profiles[d].ratios)
        csv += fmt::format("{:g},{},{},{:g},{:g}\n", table.share, unit_word(table.unit),
                           field(answer.devices[d]), ratio, table.profiles[d].at(ratio));
    }
  }
  return csv;
}

std::string success_csv(const TtsAnswer& answer) {
  std::string csv = "class,device,length,p,low,high\n";
  for (const SuccessCurve& curve : answer.curves) {
    for (std::size_t i = 0; i < curve.lengths.size(); ++i)
      csv += fmt::format("{},{},{:g},{:g},{:g},{:g}\n", field(answer.classes[curve.instance_class].name),
                         field(answer.devices[curve.device]), curve.lengths[i], curve.p[i],
                         curve.interval[i].low, curve.interval[i].high);
  }
  return csv;
}

/// JSON has no infinity: null.
nlohmann::ordered_json number(double v) {
  if (!std::isfinite(v)) return nullptr;
  return v;
}

nlohmann::ordered_json json_of(const TtsAnswer& answer, const TtsTable& table) {
  nlohmann::ordered_json json;
  json["share"] = table.share;
  json["unit"] = unit_word(table.unit);
  json["classes"] = nlohmann::ordered_json::array();
  for (std::size_t c = 0; c < answer.classes.size(); ++c) {
    nlohmann::ordered_json line;
    line["class"] = answer.classes[c].name;
    line["spins"] = answer.classes[c].spins;
    line["instances"] = answer.classes[c].instances.size();
    if (!table.leads.empty()) {
      line["fastest"] = nullptr;
      if (table.leads[c].first) line["fastest"] = answer.devices[*table.leads[c].first];
      line["told_apart"] = table.leads[c].told_apart();
    }
    for (std::size_t d = 0; d < answer.devices.size(); ++d) {
      const TtsCell& cell = table.cells[c][d];
      if (!cell.time.known()) continue;
      line["devices"][answer.devices[d]] = {
          {"tts", number(cell.time.value)},
          {"low", number(cell.time.low)},
          {"high", number(cell.time.high)},
          {"longer_than",
           std::isinf(cell.time.value) ? number(cell.time.bound) : nlohmann::ordered_json(nullptr)},
          {"length", cell.length},
          {"length_in_grid", end_word(cell.time.end)},
          {"unsolved", cell.time.unsolved}};
    }
    json["classes"].push_back(std::move(line));
  }
  for (const TtsScaling& scaling : table.scaling) {
    if (!scaling.fit) continue;
    nlohmann::ordered_json line;
    line["family"] = scaling.family;
    line["device"] = answer.devices[scaling.device];
    line["sizes"] = scaling.fit->spins;
    line["told_apart"] = scaling.fit->told_apart;
    for (const LawFit& law : scaling.fit->laws)
      line[law_text(law.law)] = {{"gamma", law.exponent},
                                 {"low", number(law.low)},
                                 {"high", number(law.high)},
                                 {"weight", law.weight},
                                 {"share", law.share}};
    json["scaling"].push_back(std::move(line));
  }
  return json;
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
  body +=
      "<p class='sub'>Median over instances of the time until the best energy is reached with 99%, at the "
      "run "
      "length T that is best for the class on that device. An unsolved instance counts as infinitely long; "
      "“&gt;”: less than half the class is solved, it takes longer than this. Brackets: 95%, instances and "
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
    if (&table != seconds) body += fmt::format("<h2>{}</h2>\n", title_of(table)) + table_html(answer, table);
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

std::vector<std::pair<std::string, std::string>> tts_csv(const TtsAnswer& answer) {
  return {{"times", times_csv(answer)},
          {"scaling", scaling_csv(answer)},
          {"profiles", profiles_csv(answer)},
          {"success", success_csv(answer)}};
}

void print_tts_json(const TtsAnswer& answer, const TtsPageNotes& notes, std::ostream& out) {
  nlohmann::ordered_json json;
  json["experiment"] = "tts";
  json["complete"] = notes.complete;
  json["points"] = answer.rows;
  json["instances"] = answer.instances;
  json["answer"] = answer.sentences;
  json["warnings"] = answer.warnings;
  json["missing"] = nullptr;
  if (!notes.missing.empty()) json["missing"] = notes.missing;
  json["failed"] = notes.failed;
  json["tables"] = nlohmann::ordered_json::array();
  for (const TtsTable& table : answer.tables) json["tables"].push_back(json_of(answer, table));
  out << json.dump() << '\n';
}

}  // namespace opoloop
