#include "experiments/qama_inspect_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/version.h"
#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"

namespace opoloop {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownProblems = 40;  // rows of a terminal's table

std::string number(double value, int digits = 4) {
  return std::isfinite(value) ? fmt::format("{:.{}g}", value, digits) : "-";
}

std::string percent(double share) {
  return fmt::format("{:.3g}%", 100 * share);
}

/// Of couplings: "all" and "none" only where it is all or none.
std::string share_text(double share) {
  if (share == 0 || share == 1) return percent(share);
  return fmt::format("{}{}", share > 0.9995 ? "<" : "", percent(share));
}

std::string grouped(std::int64_t value) {
  std::string text = fmt::format("{}", value);
  for (std::size_t k = text.size(); k > 3; k -= 3) text.insert(k - 3, 1, ',');
  return text;
}

/// "1 head", "8 heads".
std::string counted(std::int64_t count, const char* what) {
  return fmt::format("{} {}{}", grouped(count), what, count == 1 ? "" : "s");
}

/// Left-aligned columns, as wide as their longest cell in characters of the terminal (no wide ones are used).
class Columns {
 public:
  explicit Columns(std::vector<std::string> head) { add(std::move(head)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void print(std::ostream& out) const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
      widths.resize(std::max(widths.size(), row.size()), 0);
      for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width(row[c]));
    }
    for (const auto& row : rows_) {
      std::string text = "  ";
      for (std::size_t c = 0; c < row.size(); ++c) {
        text += row[c] + std::string(widths[c] - width(row[c]) + 2, ' ');
      }
      text.erase(text.find_last_not_of(' ') + 1);
      out << text << '\n';
    }
  }
  std::string html() const {
    HtmlTable table;
    for (const std::string& cell : rows_.front()) table.title(html_escape(cell));
    for (std::size_t r = 1; r < rows_.size(); ++r) {
      table.row();
      for (const std::string& cell : rows_[r]) table.number(html_escape(cell));
    }
    return table.html();
  }

 private:
  /// Characters, not bytes, of UTF-8.
  static std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  }
  std::vector<std::vector<std::string>> rows_;
};

const QamaCandidate* candidate(const QamaInspection& problem, const std::string& name) {
  for (const QamaCandidate& c : problem.candidates) {
    if (c.name == name) return &c;
  }
  return nullptr;
}

std::string gap_of(const QamaInspection& problem, const std::string& name) {
  const QamaCandidate* found = candidate(problem, name);
  return found == nullptr ? "-" : percent(found->gap);
}

Columns curve_table(const QamaInspection& problem) {
  const bool small = !problem.curve.empty() && problem.curve.front().shift.has_value();
  std::vector<std::string> head = {"bits", "couplings surviving", "couplings lost", "largest error"};
  if (small) head.insert(head.end(), {"ground state", "loss of its energy"});
  Columns table(head);
  for (const QuantisationPoint& point : problem.curve) {
    const Quantisation& q = point.rounding;
    std::vector<std::string> row = {
        fmt::format("{}", q.bits), share_text(q.surviving_share()), grouped(q.vanished_couplings),
        fmt::format("{} ({} of the largest value)", number(q.largest_error, 3), percent(q.relative_error))};
    if (point.shift) {
      row.emplace_back(point.shift->moved ? "moved" : "kept");
      row.push_back(number(point.shift->worst_loss, 3));
    }
    table.add(row);
  }
  return table;
}

Columns energy_table(const QamaInspection& problem) {
  Columns table({"solution", "energy", "above the best", "couplings seen", "spins", "tokens selected"});
  std::vector<QamaCandidate> sorted = problem.candidates;
  std::sort(sorted.begin(), sorted.end(), [](const QamaCandidate& a, const QamaCandidate& b) {
    return a.energy != b.energy ? a.energy < b.energy : a.name < b.name;
  });
  for (const QamaCandidate& c : sorted) {
    table.add({c.meaning, number(c.energy, 8), percent(c.gap),
               c.bits > 0 ? share_text(c.surviving_share) : "-", c.bits > 0 ? grouped(c.spins) : "-",
               percent(c.selected)});
  }
  return table;
}

Columns batch_table(const std::vector<QamaInspection>& problems, const QamaInspectSettings& settings,
                    std::size_t most) {
  const int bits = settings.machine_bits.empty() ? 8 : settings.machine_bits.front();
  Columns table({"problem", "spins", "rms |J|", "largest |h|/|J|", fmt::format("surviving {} bits", bits),
                 "best energy", "device", fmt::format("{} bits", bits), "split", "sign of field", "greedy"});
  for (const QamaInspection& p : problems) {
    if (most-- == 0) break;
    const QamaCandidate* rounded = candidate(p, fmt::format("rounded-{}", bits));
    table.add({fmt::format("{}", p.index), grouped(p.spins), number(p.coupling_rms, 3),
               number(p.field_max / p.coupling_max, 3),
               rounded == nullptr ? "-" : share_text(rounded->surviving_share), number(p.best, 8),
               gap_of(p, "device"), gap_of(p, fmt::format("rounded-{}", bits)),
               gap_of(p, fmt::format("split-{}", bits)), gap_of(p, "sign-of-field"), gap_of(p, "greedy")});
  }
  return table;
}

std::string heads_text(const QamaInspection& p) {
  if (p.heads == 1) return "one head: one block, nothing to scale by block";
  const auto [low, high] = std::minmax_element(p.head_coupling_max.begin(), p.head_coupling_max.end());
  return fmt::format(
      "largest |J| inside a head {} to {}, between heads {}: one energy adds them up, so one scale serves "
      "all",
      number(*low, 3), number(*high, 3), number(p.head_penalty / 2, 3));
}

void print_sizes(const QamaInspection& p, std::ostream& out) {
  const auto row = [&](const char* label, const std::string& text) {
    out << fmt::format("  {:<18}{}\n", label, text);
  };
  row("spins", fmt::format("{} ({} × {}{}{})", grouped(p.spins), counted(p.heads, "head"),
                           counted(p.live, "token"), p.bits > 1 ? " × " + counted(p.bits, "bit") : "",
                           p.live < p.tokens ? fmt::format(", {} masked", p.tokens - p.live) : ""));
  row("couplings J", fmt::format("{}, rms {}, largest {}", grouped(p.couplings), number(p.coupling_rms),
                                 number(p.coupling_max)));
  row("fields h", fmt::format("rms {}, largest {}: {} times the largest coupling", number(p.field_rms),
                              number(p.field_max), number(p.field_max / p.coupling_max, 3)));
  row("linear to pair",
      fmt::format("largest C_l h {} against largest c_q J {}: {} times", number(p.linear_max),
                  number(p.interaction_max), number(p.linear_max / p.interaction_max, 3)));
  row("heads", heads_text(p));
}

/// Bars of the histogram, as a line of block characters: enough to see a shape.
std::string sparkline(const std::vector<std::int64_t>& counts) {
  static const char* const kBlocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const std::int64_t most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  std::string line;
  for (const std::int64_t count : counts) {
    // A bin that is not empty shows.
    const double level =
        most == 0 ? 0 : std::ceil(8.0 * static_cast<double>(count) / static_cast<double>(most));
    line += kBlocks[static_cast<std::size_t>(level)];
  }
  return line;
}

Json json_of(const QamaInspection& p) {
  const auto finite = [](double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  Json json;
  json["problem"] = p.index;
  json["name"] = p.name;
  json["heads"] = p.heads;
  json["tokens"] = p.tokens;
  json["live_tokens"] = p.live;
  json["bits"] = p.bits;
  json["spins"] = p.spins;
  json["couplings"] = p.couplings;
  json["inner_couplings"] = p.inner_couplings;
  json["inner_surviving"] = p.inner_surviving;
  json["coupling_rms"] = p.coupling_rms;
  json["coupling_max"] = p.coupling_max;
  json["field_rms"] = p.field_rms;
  json["field_max"] = p.field_max;
  json["field_to_coupling"] = finite(p.field_max / p.coupling_max);
  json["linear_max"] = p.linear_max;
  json["interaction_max"] = p.interaction_max;
  json["linear_to_interaction"] = finite(p.linear_max / p.interaction_max);
  json["head_penalty"] = p.head_penalty;
  json["head_coupling_max"] = p.head_coupling_max;
  json["histogram"] = {{"edges", p.histogram_edges}, {"counts", p.histogram}};
  json["quantisation"] = Json::array();
  for (const QuantisationPoint& point : p.curve) {
    const Quantisation& q = point.rounding;
    Json row = {{"bits", q.bits},
                {"scale", q.scale},
                {"exact", q.exact},
                {"surviving_share", q.surviving_share()},
                {"vanished_couplings", q.vanished_couplings},
                {"vanished", q.vanished},
                {"largest_error", q.largest_error},
                {"relative_error", q.relative_error},
                {"ground_state", nullptr}};
    if (point.shift) {
      row["ground_state"] = {{"moved", point.shift->moved},
                             {"energy", point.shift->energy},
                             {"worst_loss", point.shift->worst_loss}};
    }
    json["quantisation"].push_back(row);
  }
  json["best_energy"] = p.best;
  json["ancillas"] = p.ancillas;
  json["solutions"] = Json::array();
  for (const QamaCandidate& c : p.candidates) {
    json["solutions"].push_back({{"name", c.name},
                                 {"meaning", c.meaning},
                                 {"machine_bits", c.bits == 0 ? Json(nullptr) : Json(c.bits)},
                                 {"spins", c.spins},
                                 {"surviving_share", c.surviving_share},
                                 {"energy", c.energy},
                                 {"gap", finite(c.gap)},
                                 {"selected", c.selected}});
  }
  json["selection"] = p.selection;
  return json;
}

Figure histogram_figure(const QamaInspection& p) {
  if (p.histogram.empty()) return {"", "No picture: the problem has no couplings.", ""};
  std::string script = "$h << EOD\n";
  for (std::size_t k = 0; k < p.histogram.size(); ++k) {
    script += fmt::format("{} {}\n", (p.histogram_edges[k] + p.histogram_edges[k + 1]) / 2, p.histogram[k]);
  }
  const double half = p.step_of_rounding / 2;
  script += "EOD\n" + axis_labels("coupling J of the Ising form", "couplings") +
            fmt::format(
                "set style fill solid 0.8 noborder\nset boxwidth 0.95 relative\nset yrange [0:*]\n"
                "set xrange [{}:{}]\n",
                p.histogram_edges.front(), p.histogram_edges.back());
  if (half > 0 && half < p.coupling_max) {
    for (const double edge : {-half, half}) {
      script += fmt::format(
          "set arrow from {0},graph 0 to {0},graph 1 nohead front linecolor rgb '{1}' dashtype 2\n", edge,
          kSecond);
    }
  }
  script += fmt::format("plot $h using 1:2 with boxes linecolor rgb '{}' notitle\n", kFirst);
  std::string caption = "Couplings of the problem.";
  if (half >= p.coupling_max) {
    caption += fmt::format(" All lie within half a rounding step, ±{}: none survives.", number(half, 3));
  } else if (half > 0) {
    caption += fmt::format(" Between the dashed lines, ±{}, a coupling rounds to zero.", number(half, 3));
  }
  return draw_figure(script, "couplings", "Histogram of couplings", caption);
}

Figure curve_figure(const QamaInspection& p) {
  std::string script = "$c << EOD\n";
  for (const QuantisationPoint& point : p.curve) {
    script += fmt::format("{} {}\n", point.rounding.bits, 100 * point.rounding.surviving_share());
  }
  script += "EOD\n$g << EOD\n";
  for (const QamaCandidate& c : p.candidates) {
    if (c.name.starts_with("rounded-") && c.name.find("descent") == std::string::npos) {
      script += fmt::format("{} {}\n", c.bits, 100 * c.gap);
    }
  }
  script += "EOD\n" + axis_labels("bits", "% of couplings surviving") +
            fmt::format(
                "set y2label 'energy above the best, %' textcolor rgb '{0}'\nset y2tics textcolor rgb "
                "'{0}'\nset border 11\nset yrange [0:105]\nset y2range [0:*]\nset xrange [3.5:16.5]\nset "
                "xtics 4,2\nset key "
                "center right\nplot $c using 1:2 with linespoints linecolor rgb '{1}' linewidth 2 "
                "pointtype 7 pointsize 0.6 title 'couplings surviving', $g using 1:2 axes x1y2 with "
                "points linecolor rgb '{2}' pointtype 7 pointsize 0.9 title 'energy of the rounded "
                "problem’s solution'\n",
                kInk, kFirst, kSecond);
  return draw_figure(script, "bits", "Couplings that survive rounding against bits",
                     "Share of couplings that are not zero after rounding to so many bits, and what the best "
                     "state of the rounded problem is worth on the true one.");
}

Figure energy_figure(const QamaInspection& p) {
  std::vector<QamaCandidate> sorted = p.candidates;
  std::sort(sorted.begin(), sorted.end(), [](const QamaCandidate& a, const QamaCandidate& b) {
    return a.energy != b.energy ? a.energy > b.energy : a.name > b.name;
  });
  std::string script = "$e << EOD\n";
  double low = 0, high = 0;
  for (std::size_t k = 0; k < sorted.size(); ++k) {
    script += fmt::format("{} {} \"{}\"\n", sorted[k].energy, k, sorted[k].name);
    low = std::min(low, sorted[k].energy);
    high = std::max(high, sorted[k].energy);
  }
  script += "EOD\n" + axis_labels("energy", "") +
            fmt::format(
                "set yrange [-0.6:{}]\nset xrange [{}:{}]\nset style fill solid 0.8 noborder\n"
                "set lmargin 24\nset boxwidth 0.7\n"
                "plot $e using (0.5*$1):2:(0.5*abs($1)):(0.36):ytic(3) with boxxyerror linecolor rgb "
                "'{}' notitle\n",
                static_cast<double>(sorted.size()) - 0.4, low * 1.02, high * 1.02 + 1e-12, kFirst);
  return draw_figure(script, "energies", "Energy of every solution",
                     "Energy of each solution on the true problem; lower is better, 0 is nothing selected "
                     "(without a sparsity term).");
}

/// Heads × tokens as squares: HTML's own SVG, no plot program needed.
Figure selection_figure(const QamaInspection& p) {
  constexpr double kWidth = 960;
  const auto heads = static_cast<std::size_t>(p.heads);
  const auto tokens = static_cast<std::size_t>(p.tokens);
  const double cell = kWidth / static_cast<double>(std::max<std::size_t>(tokens, 24));
  const double height = std::clamp(cell, 14.0, 40.0);
  Figure figure;
  figure.svg = fmt::format("<svg viewBox='0 0 {} {}' role='img' aria-label='Selected tokens'>\n", kWidth,
                           height * static_cast<double>(heads));
  for (std::size_t t = 0; t < heads; ++t) {
    for (std::size_t i = 0; i < tokens; ++i) {
      const double a = p.selection[t * tokens + i];
      figure.svg +=
          fmt::format("<rect x='{:.2f}' y='{:.2f}' width='{:.2f}' height='{:.2f}' fill='var({})'{}/>",
                      cell * static_cast<double>(i), height * static_cast<double>(t), cell * 0.92,
                      height * 0.92, a > 0 ? "--first" : "--faint",
                      a > 0 && a < 1 ? fmt::format(" opacity='{:.3f}'", 0.2 + 0.8 * a) : "");
    }
    figure.svg += '\n';
  }
  figure.svg += "</svg>";
  figure.caption = "Selection of the best solution: a row a head, a column a token, blue is selected.";
  return figure;
}

}  // namespace

std::string qama_headline(const QamaInspection& p, const QamaInspectSettings& settings) {
  if (settings.machine_bits.empty() || p.inner_couplings == 0) return {};
  const int bits = settings.machine_bits.front();
  const QamaCandidate* rounded = candidate(p, fmt::format("rounded-{}", bits));
  if (rounded == nullptr) return {};
  // Couplings between heads are all the same penalty: what counts is what is left inside heads.
  const bool many = p.heads > 1;
  std::string text = fmt::format("{} of {} couplings{} survive {} bits", grouped(p.inner_surviving),
                                 grouped(p.inner_couplings), many ? " inside heads" : "", bits);
  if (p.inner_surviving == 0) {
    text += fmt::format(": the signs of the linear terms {}alone decide",
                        many ? "and the penalty between heads " : "");
  } else {
    const double share = static_cast<double>(p.inner_surviving) / static_cast<double>(p.inner_couplings);
    text += fmt::format(" ({}{})", share_text(share),
                        share < 0.01 ? ": the linear terms all but decide alone" : "");
  }
  return text +
         fmt::format("; the rounded problem's solution lies {} above the best found", percent(rounded->gap));
}

void print_qama_inspection(const QamaBatch& batch, const std::vector<QamaInspection>& problems,
                           const QamaInspectSettings& settings, std::ostream& out) {
  const QamaShape& s = batch.shape();
  out << fmt::format("{}: {}, {}, {}, head width {}, form {}, {}\n", batch.file().name,
                     counted(s.batch, "problem"), counted(s.heads, "head"), counted(s.tokens, "token"),
                     s.width, name_of(batch.spec().form),
                     batch.file().layer ? "a layer and its input" : "ready Q, K, V");
  if (problems.empty()) {
    out << "nothing to inspect: no problem has spins\n";
    return;
  }
  if (problems.size() > 1) {
    out << "\nEvery problem: couplings that survive, and how far solutions lie above the best found\n";
    batch_table(problems, settings, kShownProblems).print(out);
    if (problems.size() > kShownProblems) {
      out << fmt::format("  … and {} more (--json has all)\n", problems.size() - kShownProblems);
    }
    double survive = 0, worst = 0;
    std::size_t none = 0;
    const std::string name =
        settings.machine_bits.empty() ? "" : fmt::format("rounded-{}", settings.machine_bits.front());
    for (const QamaInspection& p : problems) {
      const QamaCandidate* rounded = candidate(p, name);
      if (rounded == nullptr) continue;
      survive += rounded->surviving_share / static_cast<double>(problems.size());
      worst = std::max(worst, rounded->gap);
      none += p.inner_surviving == 0 && p.inner_couplings > 0 ? 1 : 0;
    }
    if (!name.empty()) {
      out << fmt::format(
          "\n{} of couplings survive {} bits on average; in {} of {} problems none does, and the signs of "
          "the "
          "linear terms alone decide; the rounded problems' solutions lie up to {} above the best found\n",
          percent(survive), settings.machine_bits.front(), none, problems.size(), percent(worst));
    }
    return;
  }
  const QamaInspection& p = problems.front();
  const std::string headline = qama_headline(p, settings);
  out << '\n' << p.name << (headline.empty() ? "" : ": ") << headline << "\n\n";
  print_sizes(p, out);
  if (!p.histogram.empty()) {
    out << fmt::format("  {:<18}{} |{}| {}\n", "histogram of J", number(-p.coupling_max, 3),
                       sparkline(p.histogram), number(p.coupling_max, 3));
  }
  out << "\nWhat rounding to b bits destroys\n";
  curve_table(p).print(out);
  out << "\nEnergies on the true problem; rounded problems were solved on the same device, same settings\n";
  energy_table(p).print(out);
}

void print_qama_inspection_json(const QamaBatch& batch, const std::vector<QamaInspection>& problems,
                                const QamaInspectSettings& settings, std::ostream& out) {
  Json json;
  json["input"] = batch.file().source;
  json["sha256"] = batch.file().sha256;
  json["form"] = name_of(batch.spec().form);
  json["batch"] = batch.shape().batch;
  json["scale"] = batch.scale();
  json["device"] = settings.device;
  json["problems"] = Json::array();
  for (const QamaInspection& p : problems) {
    Json one = json_of(p);
    one["headline"] = qama_headline(p, settings);
    json["problems"].push_back(std::move(one));
  }
  out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

std::string qama_inspection_html(const QamaBatch& batch, const std::vector<QamaInspection>& problems,
                                 const QamaInspectSettings& settings) {
  const QamaShape& s = batch.shape();
  std::string body = fmt::format(
      "<p class='over'>opoloop qama inspect</p>\n<h1>{}</h1>\n<p class='sub'>{} · {} · {} · head width {} · "
      "form "
      "{}</p>\n",
      html_escape(batch.file().name), counted(s.batch, "problem"), counted(s.heads, "head"),
      counted(s.tokens, "token"), s.width, name_of(batch.spec().form));
  if (problems.empty()) {
    body += "<p>No problem has spins: all tokens are masked.</p>\n";
    return html_page("opoloop qama inspect", body, fmt::format("Written by opoloop {}.", kVersion));
  }
  const QamaInspection& p = problems.front();
  body +=
      fmt::format("<h2>{}</h2>\n<p>{}.</p>\n", html_escape(p.name), html_escape(qama_headline(p, settings)));
  body += html_of(histogram_figure(p)) + html_of(curve_figure(p)) + html_of(energy_figure(p)) +
          html_of(selection_figure(p));
  body += "<h2>Energies on the true problem</h2>\n" + energy_table(p).html();
  body += "<h2>What rounding destroys</h2>\n" + curve_table(p).html();
  body += fmt::format("<p class='sub'>Scaling by block: {}.</p>\n", html_escape(heads_text(p)));
  if (problems.size() > 1) {
    body += "<h2>Every problem</h2>\n" + batch_table(problems, settings, problems.size()).html();
  }
  return html_page("opoloop qama inspect", body, fmt::format("Written by opoloop {}.", kVersion));
}

}  // namespace opoloop
