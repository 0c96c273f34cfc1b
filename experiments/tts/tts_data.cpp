#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "experiments/csv.h"
#include "experiments/tts/tts_report.h"

// The answer for programs: comma-separated values and JSON.

namespace opoloop {
namespace {

/// Text of a CSV field; RFC 4180.
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
                           unit_word(table.unit), csv_field(group.name), csv_field(group.family), group.spins,
                           cell.time.instances, csv_field(answer.devices[d]), cell.time.unsolved, cell.length,
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
        csv += fmt::format("{:g},{},{},{},{:g},{},{:g},{:g},{:g},{:g},{:g},{:g},{:g}\n", table.share,
                           unit_word(table.unit), csv_field(scaling.family),
                           csv_field(answer.devices[scaling.device]), fmt::join(scaling.fit->spins, " "),
                           law_text(law.law), law.exponent, law.low, law.high, law.intercept, law.residual,
                           law.weight, law.share);
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
                           csv_field(answer.devices[d]), ratio, table.profiles[d].at(ratio));
    }
  }
  return csv;
}

std::string success_csv(const TtsAnswer& answer) {
  std::string csv = "class,device,length,p,low,high\n";
  for (const SuccessCurve& curve : answer.curves) {
    for (std::size_t i = 0; i < curve.lengths.size(); ++i)
      csv += fmt::format("{},{},{:g},{:g},{:g},{:g}\n", csv_field(answer.classes[curve.instance_class].name),
                         csv_field(answer.devices[curve.device]), curve.lengths[i], curve.p[i],
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
