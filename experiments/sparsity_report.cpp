#include "experiments/sparsity_report.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <ostream>
#include <utility>

#include <fmt/format.h>
#include <boost/math/distributions/students_t.hpp>
#include <nlohmann/json.hpp>

#include "experiments/figure.h"
#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"
#include "hamiltonian/qama/qama_spec.h"

namespace opoloop {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
/// A head that selects less is idle.
constexpr double kIdle = 0.05;

std::string text_of(const SparsityMean& m) {
  return std::isnan(m.value) ? "-" : fmt::format("{:.3g} [{:.3g}, {:.3g}]", m.value, m.low, m.high);
}

using Key = std::pair<double, double>;  // layer, image

using ByLayer = std::map<double, std::vector<double>>;

/// Images of one layer share its weights: what varies independently are layers. With a single one, images.
SparsityMean mean_over_layers(const ByLayer& values) {
  if (values.size() == 1) return mean_of(values.begin()->second);
  std::vector<double> means;
  for (const auto& [layer, of_images] : values) means.push_back(mean_of(of_images).value);
  return mean_of(means);
}

/// Rows of one setting by layer and image.
std::map<Key, const SparsityRow*> at_setting(const std::vector<SparsityRow>& rows,
                                             const std::string& coefficient, double value) {
  std::map<Key, const SparsityRow*> found;
  for (const SparsityRow& row : rows) {
    if (row.coefficient == coefficient && row.value == value) found[{row.layer, row.image}] = &row;
  }
  return found;
}

/// Difference of the selected share between two values of c_m, image by image.
SparsityMean paired_difference(const std::vector<SparsityRow>& rows, double from, double to) {
  const auto before = at_setting(rows, "c_m", from), after = at_setting(rows, "c_m", to);
  ByLayer differences;
  for (const auto& [key, row] : after) {
    const auto at = before.find(key);
    if (at != before.end()) differences[row->layer].push_back(row->fraction - at->second->fraction);
  }
  return mean_over_layers(differences);
}

const SparsityLine* line_at(const SparsityAnswer& answer, const std::string& coefficient, double value) {
  for (const SparsityLine& line : answer.lines) {
    if (line.coefficient == coefficient && line.value == value) return &line;
  }
  return nullptr;
}

/// The least, the published or a middle, and the largest value.
std::vector<double> shown(const std::vector<double>& values, double published) {
  if (values.size() <= 3) return values;
  const bool has = std::find(values.begin(), values.end(), published) != values.end();
  return {values.front(), has ? published : values[values.size() / 2], values.back()};
}

void say_answer(SparsityAnswer& answer, const std::vector<SparsityRow>& rows,
                const SparsityOptions& options) {
  const double published = QamaSpec::published(QamaForm::v2).c_m;
  const SparsityLine* without = line_at(answer, "c_m", 0);
  const SparsityLine* with = line_at(answer, "c_m", published);
  if (without != nullptr && with != nullptr && options.plan.heads > 1) {
    const SparsityMean change = paired_difference(rows, 0, published);
    const bool fewer = change.high < 0;
    const bool sparse = with->fraction.high < 0.5;
    const bool within = with->at_work.high < 0.5;
    const char* verdict =
        fewer && sparse && within ? "Yes"
        : fewer && sparse
            ? "Between the heads, not within them: the penalty leaves heads idle, those at work are "
              "not sparse (below one half)"
        : fewer  ? "Partly: the penalty thins the selection, but it is not sparse (below one half)"
        : sparse ? "No: the selection is sparse, but not because of the penalty"
                 : "No";
    answer.sentences.push_back(fmt::format(
        "Does sparsity emerge from the optimisation here? {}. With the published head penalty (c_m = {}) a "
        "head "
        "selects {} of the tokens, without it {}; difference image by image {}.",
        verdict, published, text_of(with->fraction), text_of(without->fraction), text_of(change)));
    answer.sentences.push_back(fmt::format(
        "Of {} heads {} are idle (select less than 5%) at c_m = {}, {} at c_m = 0; those at work select "
        "{} and {}.",
        options.plan.heads, text_of(with->idle), published, text_of(without->idle), text_of(with->at_work),
        text_of(without->at_work)));
    std::string ratios;
    for (const double value : shown(options.plan.c_m, published)) {
      const SparsityLine* line = line_at(answer, "c_m", value);
      if (line == nullptr) continue;
      ratios +=
          fmt::format("{}{} at c_m = {}", ratios.empty() ? "" : ", ", text_of(line->overlap_ratio), value);
    }
    answer.sentences.push_back(fmt::format(
        "Two heads select the same token, relative to independent heads of the same shares: {}. Below 1 "
        "the heads divide the tokens among themselves.",
        ratios));
  } else {
    answer.sentences.emplace_back(
        "Does sparsity emerge from the optimisation here? Not answered: c_m = 0 and the published c_m with "
        "at least "
        "two heads are needed.");
  }
  const SparsityLine* strong =
      options.plan.mu.empty() ? nullptr : line_at(answer, "mu", options.plan.mu.back());
  if (strong != nullptr) {
    answer.sentences.push_back(
        fmt::format("With a target: at mu = {} a head selects {}; asked for are {} of the tokens.",
                    strong->value, text_of(strong->fraction), options.plan.target));
  }
}

std::string curve_html(const SparsityAnswer& answer, const std::string& coefficient) {
  std::string all, data, plots;
  std::size_t heads = 0;
  std::vector<std::string> by_head;
  double least = kNone;
  for (const SparsityLine& line : answer.lines) {
    if (line.coefficient == coefficient && line.value > 0)
      least = std::isnan(least) ? line.value : std::min(least, line.value);
  }
  if (std::isnan(least)) return "";
  for (const SparsityLine& line : answer.lines) {
    if (line.coefficient != coefficient) continue;
    // 0 has no place on a logarithmic axis: half the least positive value stands for it.
    const double x = line.value > 0 ? line.value : least / 2;
    all +=
        fmt::format("{:g} {:g} {:g} {:g}\n", x, line.fraction.value, line.fraction.low, line.fraction.high);
    heads = line.heads.size();
    by_head.resize(heads);
    for (std::size_t t = 0; t < heads; ++t) {
      by_head[t] +=
          fmt::format("{:g} {:g} {:g} {:g}\n", x, line.heads[t].value, line.heads[t].low, line.heads[t].high);
    }
  }
  for (std::size_t t = 0; t < heads; ++t) {
    data += fmt::format("$h{} << EOD\n{}EOD\n", t, by_head[t]);
    plots += fmt::format("$h{} using 1:2:3:4 with yerrorlines lc rgb '{}' lw 0.8 pt 7 ps 0.3 {}, ", t,
                         kSecond, t == 0 ? "title 'a head'" : "notitle");
  }
  data += fmt::format("$a << EOD\n{}EOD\n", all);
  plots += fmt::format(
      "$a using 1:2:3:4 with yerrorlines lc rgb '{}' lw 2.2 pt 7 ps 0.6 title 'mean of heads'", kFirst);
  return html_of(draw_figure(
      data +
          axis_labels(fmt::format("{} (the leftmost point is 0)", coefficient), "selected share of tokens") +
          fmt::format("set logscale x\nset yrange [0:1]\nset key outside right\nplot {}\n", plots),
      "curve" + std::string(coefficient == "c_m"   ? "m"
                            : coefficient == "c_l" ? "l"
                                                   : "u"),
      "selected share against " + coefficient,
      fmt::format("Selected share of tokens against {}, the other coefficients as published: each head and "
                  "their mean; "
                  "bars are 95% intervals, of the mean over layers, of a head (first layer) over images.",
                  coefficient)));
}

/// How often each head selects each token of layer 0, one row of maps a value.
std::string maps_html(const std::vector<SparsityRow>& rows, const std::string& coefficient,
                      const std::vector<double>& values) {
  constexpr int cell = 12, gap = 16, left = 110;
  std::string cells;
  int y = 4, width = 0;
  for (const double value : values) {
    std::vector<double> share;
    double count = 0, heads = 0, tokens = 0;
    for (const SparsityRow& row : rows) {
      if (row.coefficient != coefficient || row.value != value || row.layer != 0) continue;
      share.resize(row.selection.size(), 0);
      for (std::size_t k = 0; k < row.selection.size(); ++k) share[k] += row.selection[k] == '1' ? 1 : 0;
      count += 1;
      heads = row.heads;
      tokens = row.tokens;
    }
    if (share.empty()) continue;
    const int side = static_cast<int>(std::ceil(std::sqrt(tokens)));
    cells += fmt::format("<text x='0' y='{}' fill='var(--ink)' font-size='14'>{} = {:g}</text>\n",
                         y + side * cell / 2 + 5, coefficient, value);
    for (int t = 0; t < static_cast<int>(heads); ++t) {
      const int x = left + t * (side * cell + gap);
      cells += fmt::format("<rect x='{}' y='{}' width='{}' height='{}' fill='var(--faint)'/>\n", x, y,
                           side * cell, side * cell);
      for (int i = 0; i < static_cast<int>(tokens); ++i) {
        const double p = share[static_cast<std::size_t>(t * static_cast<int>(tokens) + i)] / count;
        if (p <= 0) continue;
        cells += fmt::format(
            "<rect x='{}' y='{}' width='{}' height='{}' fill='var(--first)' fill-opacity='{:.2f}'/>\n",
            x + i % side * cell, y + i / side * cell, cell, cell, p);
      }
      width = std::max(width, x + side * cell);
    }
    y += side * cell + gap;
  }
  if (cells.empty()) return "";
  return fmt::format(
      "<figure>\n<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {} {}' role='img' "
      "aria-label='selection maps for "
      "values of {}'>\n{}</svg>\n<figcaption>Selection maps of the first layer: a square a head, a cell a "
      "token in the "
      "place of its patch, darker the more images select it ({}).</figcaption></figure>\n",
      width, y, coefficient, cells, coefficient);
}

std::string table_html(const SparsityAnswer& answer) {
  HtmlTable table({"Setting", "Selected share", "Idle heads", "Share of the others",
                   "Overlap of heads / independent", "Interaction", "Importance", "Head penalty",
                   "Sparsity term"});
  for (const SparsityLine& line : answer.lines) {
    table.row(fmt::format("{} = {:g}", line.coefficient, line.value));
    for (const SparsityMean& m : {line.fraction, line.idle, line.at_work, line.overlap_ratio,
                                  line.interaction, line.importance, line.penalty, line.sparsity}) {
      table.number(text_of(m));
    }
  }
  return table.html();
}

}  // namespace

SparsityMean mean_of(const std::vector<double>& values) {
  double sum = 0, count = 0;
  for (const double v : values) {
    if (std::isnan(v)) continue;
    sum += v;
    count += 1;
  }
  if (count == 0) return {kNone, kNone, kNone};
  const double mean = sum / count;
  double squares = 0;
  for (const double v : values) squares += std::isnan(v) ? 0 : (v - mean) * (v - mean);
  if (count < 2) return {mean, mean, mean};
  const boost::math::students_t distribution(count - 1);
  const double half = boost::math::quantile(distribution, 0.975) * std::sqrt(squares / (count - 1) / count);
  return {mean, mean - half, mean + half};
}

SparsityAnswer sparsity_answer(const std::vector<SparsityRow>& rows, const SparsityOptions& options) {
  SparsityAnswer answer;
  for (const auto& [name, values] : {std::pair{"c_m", &options.plan.c_m}, std::pair{"c_l", &options.plan.c_l},
                                     std::pair{"mu", &options.plan.mu}}) {
    for (const double value : *values) {
      const auto found = at_setting(rows, name, value);
      if (found.empty()) continue;
      SparsityLine line;
      line.coefficient = name;
      line.value = value;
      line.images = found.size();
      ByLayer fraction, idle, at_work, ratio, interaction, importance, penalty, sparsity;
      std::vector<std::vector<double>> heads;
      for (const auto& [key, row] : found) {
        fraction[row->layer].push_back(row->fraction);
        ratio[row->layer].push_back(row->independent > 0 ? row->overlap / row->independent : kNone);
        interaction[row->layer].push_back(row->interaction);
        importance[row->layer].push_back(row->importance);
        penalty[row->layer].push_back(row->penalty);
        sparsity[row->layer].push_back(row->sparsity);
        const std::vector<double> shares = row->fractions();
        std::vector<double> working;
        for (const double share : shares) {
          if (share >= kIdle) working.push_back(share);
        }
        idle[row->layer].push_back(static_cast<double>(shares.size() - working.size()));
        at_work[row->layer].push_back(mean_of(working).value);
        if (row->layer != 0) continue;  // a head of one layer has nothing to do with that of another
        heads.resize(shares.size());
        for (std::size_t t = 0; t < shares.size(); ++t) heads[t].push_back(shares[t]);
      }
      line.fraction = mean_over_layers(fraction);
      for (const auto& head : heads) line.heads.push_back(mean_of(head));
      line.idle = mean_over_layers(idle);
      line.at_work = mean_over_layers(at_work);
      line.overlap_ratio = mean_over_layers(ratio);
      line.interaction = mean_over_layers(interaction);
      line.importance = mean_over_layers(importance);
      line.penalty = mean_over_layers(penalty);
      line.sparsity = mean_over_layers(sparsity);
      answer.lines.push_back(std::move(line));
    }
  }
  say_answer(answer, rows, options);
  return answer;
}

void print_sparsity(const SparsityAnswer& answer, const SparsityOptions& options, std::ostream& out) {
  for (const std::string& sentence : answer.sentences) out << sentence << '\n';
  const SparsityInput input = sparsity_input(options);
  out << fmt::format("\nTokens: {}{}{}; an untrained layer of {} heads, {}\n", input.name,
                     input.note.empty() ? "" : ": ", input.note, options.plan.heads, options.device);
  out << fmt::format("  {:<12}{:<26}{:<28}{:<26}{:<28}{}\n", "", "selected share [95%]", "idle heads",
                     "share of the others", "overlap/independent", "images");
  for (const SparsityLine& line : answer.lines) {
    out << fmt::format("  {:<12}{:<26}{:<28}{:<26}{:<28}{}\n",
                       fmt::format("{} = {:g}", line.coefficient, line.value), text_of(line.fraction),
                       text_of(line.idle), text_of(line.at_work), text_of(line.overlap_ratio), line.images);
  }
}

void print_sparsity_json(const SparsityAnswer& answer, const SparsityOptions& options, bool complete,
                         std::ostream& out) {
  const auto json_of = [](const SparsityMean& m) -> nlohmann::ordered_json {
    if (std::isnan(m.value)) return nullptr;
    return {{"value", m.value}, {"low", m.low}, {"high", m.high}};
  };
  nlohmann::ordered_json json;
  json["experiment"] = "sparsity";
  json["seed"] = options.seed;
  json["complete"] = complete;
  json["device"] = options.device;
  json["tokens"] = sparsity_input(options).name;
  json["answer"] = answer.sentences;
  json["settings"] = nlohmann::ordered_json::array();
  for (const SparsityLine& line : answer.lines) {
    nlohmann::ordered_json entry = {{"coefficient", line.coefficient},
                                    {"value", line.value},
                                    {"images", line.images},
                                    {"fraction", json_of(line.fraction)},
                                    {"idle_heads", json_of(line.idle)},
                                    {"fraction_of_others", json_of(line.at_work)},
                                    {"overlap_over_independent", json_of(line.overlap_ratio)},
                                    {"interaction", json_of(line.interaction)},
                                    {"importance", json_of(line.importance)},
                                    {"head_penalty", json_of(line.penalty)},
                                    {"sparsity", json_of(line.sparsity)}};
    entry["heads"] = nlohmann::ordered_json::array();
    for (const SparsityMean& head : line.heads) entry["heads"].push_back(json_of(head));
    json["settings"].push_back(std::move(entry));
  }
  out << json.dump() << '\n';
}

std::string sparsity_html(const SparsityAnswer& answer, const std::vector<SparsityRow>& rows,
                          const SparsityOptions& options, const std::string& command_line) {
  const SparsityInput input = sparsity_input(options);
  std::string body = "<p class='over'>opoloop experiment</p>\n<h1>Which tokens do the heads select?</h1>\n";
  body +=
      fmt::format("<p class='sub'>{} · {} heads · {} · seed {} · <code>{}</code></p>\n", input.name,
                  options.plan.heads, html_escape(options.device), options.seed, html_escape(command_line));
  if (!input.note.empty()) body += fmt::format("<div class='note-box'>{}</div>\n", html_escape(input.note));
  for (const std::string& sentence : answer.sentences)
    body += fmt::format("<p>{}</p>\n", html_escape(sentence));
  body +=
      "<p class='sub'>Untrained layers with seeded weights: this is what the Hamiltonian does, not what "
      "training makes of "
      "it. Intervals are 95%, Student's t over layers (images of a layer share its weights).</p>\n";
  if (rows.empty()) body += "<p class='none'>Nothing was measured yet.</p>\n";
  const QamaSpec published = QamaSpec::published(QamaForm::v2);
  const std::pair<const char*, const char*> parts[] = {
      {"c_m", "Head penalty c_m"}, {"c_l", "Value importance c_l"}, {"mu", "Sparsity term μ"}};
  for (const auto& [name, title] : parts) {
    body += fmt::format("<h2>{}</h2>\n", title) + curve_html(answer, name);
    const std::string coefficient = name;
    body += maps_html(rows, coefficient,
                      coefficient == "c_m"   ? shown(options.plan.c_m, published.c_m)
                      : coefficient == "c_l" ? shown(options.plan.c_l, published.c_l)
                                             : shown(options.plan.mu, kNone));
  }
  body +=
      "<h2>All settings</h2>\n<p class='sub'>Terms of the minimised energy; one coefficient varies, the "
      "others are as "
      "published.</p>\n" +
      table_html(answer);
  return html_page("Which tokens do the heads select?", body,
                   "Every number here is computed from the experiment file; docs/experiments.md says how.");
}

}  // namespace opoloop
