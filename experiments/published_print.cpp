#include <fmt/format.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>

#include "experiments/figure.h"
#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"
#include "experiments/published_table.h"

// The table as text, JSON and HTML, and its pictures.

namespace opoloop {

namespace {

const char* section_title(const std::string& part) {
  static const std::map<std::string, const char*> titles = {
      {kMoebius, "Möbius ladder, 16 spins"},
      {kGset, "G-set: products to solution"},
      {kK2000, "K2000 on the NTT 2016 machine"},
      {kSaturation, "Quantum noise: success over the saturation parameter g²"},
      {kScaling, "SK: products to solution over N"}};
  const auto at = titles.find(part);
  return at == titles.end() ? "" : at->second;
}

std::string estimate(const Estimate& e, const std::string& unit, bool lower_bound = false) {
  if (!e.known()) return "-";
  std::string value = (lower_bound ? "> " : "") + short_quantity(e.value, unit);
  if (e.as_printed || (e.low == e.value && e.high == e.value)) return value;
  return fmt::format("{} [{}, {}]", value, short_quantity(e.low, unit), short_quantity(e.high, unit));
}

std::string ratio_text(const PublishedRow& row) {
  if (!row.ours.known() || !row.theirs.known()) return "-";
  return fmt::format("{}{:.2g}", row.lower_bound ? "> " : "", row.ratio());
}

/// Notes are the same for many rows: each is said once.
class Notes {
 public:
  int number_of(const std::string& note) {
    if (note.empty()) return 0;
    for (std::size_t i = 0; i < notes_.size(); ++i) {
      if (notes_[i] == note) return static_cast<int>(i) + 1;
    }
    notes_.push_back(note);
    return static_cast<int>(notes_.size());
  }
  const std::vector<std::string>& all() const { return notes_; }

 private:
  std::vector<std::string> notes_;
};

/// Columns are counted in characters, not bytes: µ, γ, √ are two or three.
std::string padded(const std::string& text, std::size_t width) {
  std::size_t shown = 0;
  for (const char c : text) shown += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return text + std::string(shown < width ? width - shown : 1, ' ');
}

nlohmann::ordered_json json_of(const Estimate& e) {
  // JSON has no infinity: an open end is null.
  const auto number = [](double v) -> nlohmann::ordered_json {
    if (!std::isfinite(v)) return nullptr;
    return v;
  };
  if (!e.known()) return nullptr;
  return {{"value", number(e.value)}, {"low", number(e.low)}, {"high", number(e.high)}};
}

/// Notes and sources follow each section as a numbered list, said once however many rows share them.
std::string notes_html(const Notes& notes) {
  if (notes.all().empty()) return "";
  std::string html = "<ol class='sub'>\n";
  for (const std::string& note : notes.all()) html += "<li>" + html_escape(note) + "</li>\n";
  return html + "</ol>\n";
}

std::string table_html(const std::vector<PublishedRow>& rows) {
  if (rows.empty()) return "<p class='none'>Nothing was measured yet.</p>\n";
  std::string html;
  for (std::size_t k = 0; k < rows.size();) {
    const std::string part = rows[k].part;
    HtmlTable table({"Result", "Ours", "Theirs", "Ratio", "Comparison", "Made of (notes)"});
    Notes notes;
    for (; k < rows.size() && rows[k].part == part; ++k) {
      const PublishedRow& row = rows[k];
      std::string marks;
      for (const std::string& note : {row.note, row.source.empty() ? "" : "Theirs: " + row.source}) {
        if (const int number = notes.number_of(note); number > 0) {
          marks += fmt::format("{}{}", marks.empty() ? "" : ", ", number);
        }
      }
      table.row(html_escape(row.what), "scope='row' style='white-space:normal;min-width:12em'")
          .number(html_escape(estimate(row.ours, row.unit, row.lower_bound)))
          .number(html_escape(estimate(row.theirs, row.unit)))
          .number(html_escape(ratio_text(row)))
          .cell(agreement_text(row.agreement()))
          .cell(fmt::format("{} ({})", html_escape(row.problem.empty() ? row.inputs : row.problem), marks),
                "class='text' style='min-width:0'");
    }
    html += fmt::format("<h2>{}</h2>\n{}{}", section_title(part), table.html(), notes_html(notes));
  }
  return html;
}

std::string axes() {
  return fmt::format(
      "set border 3 lc rgb '{0}'\nset tics textcolor rgb '{0}' nomirror\nset grid lc rgb '{1}'\nset key "
      "textcolor "
      "rgb '{0}' outside right top\n",
      kInk, kFaint);
}

constexpr const char* kColours[] = {kFirst, kSecond, kInk};

std::string saturation_html(const std::vector<SaturationCurve>& curves) {
  if (curves.empty()) return "";
  std::string data, plots;
  std::size_t at = 0;
  for (const SaturationCurve& curve : curves) {
    data += fmt::format("$d{} << EOD\n", at);
    for (std::size_t i = 0; i < curve.g2.size(); ++i) {
      data += fmt::format("{:g} {:g} {:g} {:g}\n", curve.g2[i], curve.p[i], curve.interval[i].low,
                          curve.interval[i].high);
    }
    data += "EOD\n";
    plots += fmt::format("{}$d{} using 1:2:3:4 with yerrorlines lc rgb '{}' dt {} pt 7 ps 0.5 title '{}'",
                         at == 0 ? "" : ", ", at, kColours[at % 3], at / 3 + 1, curve.series);
    ++at;
  }
  const std::string script =
      axes() +
      fmt::format(
          "set logscale x\nset format x '%g'\nset yrange [0:1]\nset xlabel 'saturation parameter g²' "
          "textcolor rgb '{0}'\nset ylabel 'success probability' textcolor rgb '{0}'\n",
          kInk) +
      data + "plot " + plots + "\n";
  return "<h2>Success over the saturation parameter</h2>\n" +
         html_of(draw_figure(
             script, "saturation", "success probability over g²",
             "SK, J = ±1: the share of runs that ever reach the ground energy, pooled over "
             "instances; bars "
             "are 95% Wilson intervals. 1/g² is the photon number of a pulse at twice its threshold."));
}

std::string scaling_html(const std::vector<ScalingCurve>& curves) {
  if (curves.empty()) return "";
  std::string data, plots;
  std::size_t at = 0;
  for (const ScalingCurve& curve : curves) {
    if (curve.one_length) continue;
    data += fmt::format("$s{} << EOD\n", at);
    for (std::size_t i = 0; i < curve.spins.size(); ++i) {
      const Estimate& m = curve.median[i];
      data += fmt::format("{:g} {:g} {:g} {:g}\n", std::sqrt(curve.spins[i]), m.value, m.low,
                          std::isfinite(m.high) ? m.high : m.value);
    }
    data += "EOD\n";
    const char* colour = kColours[at % 3];
    plots += fmt::format("{}$s{} using 1:2:3:4 with yerrorbars lc rgb '{}' pt 7 ps 0.6 title '{}'",
                         at == 0 ? "" : ", ", at, colour, curve.series);
    if (curve.gamma.known()) {
      plots += fmt::format(", exp({:g} + {:g}*x) with lines lc rgb '{}' title 'γ = {:.3f}'", curve.intercept,
                           curve.gamma.value, colour, curve.gamma.value);
    }
    ++at;
  }
  const std::string script =
      axes() +
      fmt::format(
          "set logscale y\nset xlabel '√N' textcolor rgb '{0}'\nset ylabel 'products to solution, 99%' "
          "textcolor rgb '{0}'\n",
          kInk) +
      data + "plot " + plots + "\n";
  return "<h2>Products to solution over the size</h2>\n" +
         html_of(draw_figure(
             script, "scaling", "median products to solution over the square root of N",
             "SK, J = ±1: median over instances at the run length that is best for each N; bars are 95% "
             "intervals "
             "from resampling instances, lines the fit exp(a + γ√N)."));
}

}  // namespace

void print_published_table(const std::vector<PublishedRow>& rows, std::ostream& out) {
  Notes notes;
  std::string part;
  for (const PublishedRow& row : rows) {
    if (row.part != part) {
      part = row.part;
      out << '\n' << section_title(part) << '\n';
      out << "  " << padded("", 66) << padded("ours [95%]", 31) << padded("theirs", 24) << padded("ratio", 9)
          << "comparison\n";
    }
    const int note = notes.number_of(row.note);
    const std::string comparison =
        agreement_text(row.agreement()) + (note > 0 ? fmt::format(" ({})", note) : "");
    out << "  " << padded(row.what, 66)
        << padded(row.problem.empty() ? estimate(row.ours, row.unit, row.lower_bound) : row.problem, 31)
        << padded(estimate(row.theirs, row.unit), 24) << padded(ratio_text(row), 9) << comparison << '\n';
    if (!row.inputs.empty()) out << "      " << row.inputs << '\n';
  }
  out << '\n';
  for (std::size_t i = 0; i < notes.all().size(); ++i) {
    out << fmt::format("  ({}) {}\n", i + 1, notes.all()[i]);
  }
}

void print_published_json(const std::vector<PublishedRow>& rows, const PublishedOptions& options,
                          bool complete, std::ostream& out) {
  nlohmann::ordered_json json;
  json["experiment"] = "published";
  json["seed"] = options.seed;
  json["complete"] = complete;
  json["rows"] = nlohmann::ordered_json::array();
  for (const PublishedRow& row : rows) {
    nlohmann::ordered_json line;
    line["section"] = row.part;
    line["result"] = row.what;
    line["unit"] = row.unit;
    line["ours"] = json_of(row.ours);
    line["lower_bound"] = row.lower_bound;
    line["theirs"] = json_of(row.theirs);
    line["ratio"] = nullptr;
    if (row.ours.known() && row.theirs.known() && std::isfinite(row.ratio())) line["ratio"] = row.ratio();
    line["comparison"] = agreement_text(row.agreement());
    line["inputs"] = row.inputs;
    line["note"] = row.note;
    line["source"] = row.source;
    line["problem"] = nullptr;
    if (!row.problem.empty()) line["problem"] = row.problem;
    json["rows"].push_back(std::move(line));
  }
  out << json.dump() << '\n';
}

std::string published_html(const std::vector<PublishedPoint>& points, std::uint64_t seed,
                           const std::string& command_line) {
  const auto rows = published_table(points, seed);
  std::string body = "<p class='over'>opoloop experiment</p>\n<h1>Published results, reproduced</h1>\n";
  body += fmt::format("<p class='sub'>{} measured points · seed {} · <code>{}</code></p>\n",
                      readable_number(static_cast<double>(points.size())), seed, html_escape(command_line));
  body +=
      "<p>Intervals are 95%. “Agrees” means that the intervals of ours and theirs overlap; a printed number "
      "stands for everything that rounds to it. Every row is computed from the points in the experiment "
      "file.</p>\n";
  body += table_html(rows);
  body += saturation_html(saturation_curves(points));
  body += scaling_html(scaling_curves(points, seed));
  return html_page("Published results, reproduced", body,
                   "Every number here is computed from the experiment file; docs/experiments.md says how.");
}

}  // namespace opoloop
