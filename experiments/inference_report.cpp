#include "experiments/inference_report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <ostream>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cim_model/presets.h"
#include "experiments/figure.h"
#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"

namespace opoloop {
namespace {

using Row = InferenceRow;

// Forward pass of B = 128, H = 8, N = 49, d_model = 512 on the authors' GPU (arXiv 2504.11083; times from its
// public code's logs).
constexpr double kPublishedBatch = 128, kPublishedHeads = 8, kPublishedTokens = 49;
constexpr double kPublishedAnnealing_ms = 1284, kPublishedGreedy_ms = 503;

bool of_published_size(const Row& row) {
  return row.batch == kPublishedBatch && row.heads == kPublishedHeads && row.tokens == kPublishedTokens;
}

const Row* find(const std::vector<Row>& rows, const std::string& method) {
  for (const Row& row : rows) {
    if (of_published_size(row) && row.method == method) return &row;
  }
  return nullptr;
}

std::vector<std::string> methods_of(const std::vector<Row>& rows) {
  std::vector<std::string> methods;
  for (const Row& row : rows) {
    if (std::find(methods.begin(), methods.end(), row.method) == methods.end()) methods.push_back(row.method);
  }
  return methods;
}

std::string time_text(double seconds) {
  if (std::isnan(seconds)) return "–";
  if (seconds < 1e-3) return fmt::format("{:.3g} µs", 1e6 * seconds);
  return seconds < 1 ? fmt::format("{:.3g} ms", 1e3 * seconds) : fmt::format("{:.3g} s", seconds);
}

std::string share_text(double share) {
  return std::isnan(share) ? "–" : fmt::format("{:.3g}%", 100 * share);
}

/// Slope of log time a sample over log N for one method and number of heads, from N = 64 on; NaN with fewer
/// than three sizes.
double growth(const std::vector<Row>& rows, const std::string& method, double heads) {
  double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (const Row& row : rows) {
    if (row.method != method || row.heads != heads || of_published_size(row) || row.tokens < 64 ||
        !(row.total_s > 0)) {
      continue;
    }
    const double x = std::log(row.tokens), y = std::log(ms_per_sample(row));
    n += 1;
    sx += x;
    sy += y;
    sxx += x * x;
    sxy += x * y;
  }
  return n < 3 ? Row::kNone : (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

void compare_with_paper(InferenceAnswer& answer, const std::vector<Row>& rows) {
  const Row* softmax = find(rows, "softmax");
  if (softmax == nullptr) return;
  std::string line = fmt::format(
      "At the size the paper prints (B = 128, H = 8, N = 49, d = {:g}), one forward "
      "pass of the batch on {:g} threads:",
      softmax->width, softmax->threads);
  for (const std::string& method : methods_of(rows)) {
    const Row* row = find(rows, method);
    if (row == nullptr || std::isnan(row->total_s)) continue;
    line +=
        fmt::format(" {} {}{}", method, time_text(row->total_s),
                    row->energy == row->energy ? fmt::format(" (mean energy {:.2f}),", row->energy) : ",");
  }
  line.back() = '.';
  answer.sentences.push_back(line);
  const std::pair<const char*, double> theirs[] = {{"published annealing", kPublishedAnnealing_ms},
                                                   {"published greedy", kPublishedGreedy_ms}};
  for (const auto& [method, ms] : theirs) {
    const Row* row = find(rows, method);
    if (row != nullptr) answer.published.push_back({method, 1e3 * row->total_s, ms});
  }
  answer.sentences.push_back(
      "The paper prints 1,284 ms with its annealing and 503 ms with greedy sampling, on a GPU; the same two "
      "solvers stand here as 'published annealing' and 'published greedy'.");
}

void compare_quality(InferenceAnswer& answer, const std::vector<Row>& rows) {
  std::map<std::string, std::vector<double>> gaps;
  for (const Row& row : rows) {
    if (!std::isnan(row.energy)) gaps[row.method].push_back(energy_gap(row));
  }
  if (gaps.empty()) return;
  std::string line = "Energy above the least that anybody found, mean over sizes (and the worst size):";
  for (const std::string& method : methods_of(rows)) {
    const auto& values = gaps[method];
    if (values.empty()) continue;
    double sum = 0;
    for (const double gap : values) sum += gap / static_cast<double>(values.size());
    line += fmt::format(" {} {} ({}),", method, share_text(sum),
                        share_text(*std::max_element(values.begin(), values.end())));
  }
  line.back() = '.';
  answer.sentences.push_back(line);
}

void compare_growth(InferenceAnswer& answer, const std::vector<Row>& rows) {
  double heads = 0;
  for (const Row& row : rows) heads = std::max(heads, row.heads);
  std::string line;
  for (const std::string& method : methods_of(rows)) {
    const double slope = growth(rows, method, heads);
    if (!std::isnan(slope)) line += fmt::format(" {} N^{:.2f},", method, slope);
  }
  if (line.empty()) return;
  line.back() = '.';
  answer.sentences.push_back(
      fmt::format("Time of a sample over N, from 64 tokens on, H = {:g}:{}", heads, line));
}

void add_machines(InferenceAnswer& answer, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    if (row.method != "emulator" || std::isnan(row.steps) || of_published_size(row)) continue;
    for (const MachinePreset& machine : machine_presets()) {
      if (!machine.pulses_usable || row.spins > static_cast<double>(machine.pulses_usable->value)) continue;
      const auto time = machine.machine_time_s(static_cast<std::int64_t>(row.runs * row.steps));
      if (time) answer.machines.push_back({machine.name, row.heads, row.tokens, *time});
    }
  }
}

/// One cell a (N, method) of one number of heads.
std::string table_html(const std::vector<Row>& rows, double heads, const std::string& unit,
                       const std::function<std::string(const Row&)>& cell) {
  const auto methods = methods_of(rows);
  HtmlTable table({fmt::format("N ({})", unit), "Spins", "B"});
  for (const std::string& method : methods) table.title(html_escape(method));
  std::set<std::pair<double, double>> sizes;
  for (const Row& row : rows) {
    if (row.heads == heads) sizes.insert({row.tokens, row.batch});
  }
  for (const auto& [tokens, batch] : sizes) {
    table.row(fmt::format("{:g}", tokens))
        .number(fmt::format("{:g}", heads * tokens))
        .number(fmt::format("{:g}", batch));
    for (const std::string& method : methods) {
      std::string text = "–";
      for (const Row& row : rows) {
        if (row.heads != heads || row.tokens != tokens || row.batch != batch || row.method != method)
          continue;
        text = row.problem.empty() ? cell(row) : row.problem;
      }
      table.number(html_escape(text));
    }
  }
  return table.html();
}

std::string time_figure(const std::vector<Row>& rows, double heads) {
  const auto methods = methods_of(rows);
  std::string data, plots;
  int series = 0;
  for (const std::string& method : methods) {
    std::map<double, double> points;
    for (const Row& row : rows) {
      if (row.method == method && row.heads == heads && !std::isnan(row.total_s) && !of_published_size(row))
        points[row.tokens] = ms_per_sample(row);
    }
    if (points.empty()) continue;
    data += fmt::format("$m{} << EOD\n", series);
    for (const auto& [tokens, ms] : points) data += fmt::format("{:g} {:g}\n", tokens, ms);
    data += "EOD\n";
    const bool machine = method == "emulator";
    plots += fmt::format("$m{} using 1:2 with linespoints lc rgb '{}' lw {} pt {} ps 0.7 title {}, ", series,
                         machine               ? kFirst
                         : method == "softmax" ? kInk
                                               : kSecond,
                         machine ? 2.2 : 1.2, 5 + 2 * series, plot_string(method));
    ++series;
  }
  if (series == 0) return "";
  return html_of(draw_figure(
      data + axis_labels("tokens N", "time of a sample (ms)") +
          fmt::format("set logscale xy 10\nset key outside right\nplot {}\n", plots),
      fmt::format("inference{:g}", heads), fmt::format("time of a forward pass over N, {:g} heads", heads),
      fmt::format(
          "Wall time of a forward pass, a sample, H = {:g}. Lower is better; the energy found stands in "
          "the table below.",
          heads)));
}

std::string machines_html(const InferenceAnswer& answer) {
  if (answer.machines.empty()) return "";
  std::set<std::string> names;
  std::set<std::pair<double, double>> sizes;
  std::map<std::tuple<std::string, double, double>, double> time;
  for (const MachineInference& m : answer.machines) {
    names.insert(m.machine);
    sizes.insert({m.heads, m.tokens});
    time[{m.machine, m.heads, m.tokens}] = m.seconds;
  }
  HtmlTable table({"H", "N"});
  for (const std::string& name : names) table.title(html_escape(name));
  for (const auto& [heads, tokens] : sizes) {
    table.row(fmt::format("{:g}", heads)).number(fmt::format("{:g}", tokens));
    for (const std::string& name : names) {
      const auto at = time.find({name, heads, tokens});
      table.number(at == time.end() ? "too small" : time_text(at->second));
    }
  }
  return fmt::format(
      "<h2>On a machine</h2>\n<p class='sub'>One problem, at the emulator's budget for it: runs × round "
      "trips × the machine's round-trip time, plus upload and read-out where the publication gives "
      "them.</p>\n{}",
      table.html());
}

}  // namespace

double ms_per_sample(const Row& row) {
  return 1e3 * row.total_s / row.batch;
}

double energy_gap(const Row& row) {
  return (row.energy - row.reference_energy) / std::max(1e-300, std::abs(row.reference_energy));
}

InferenceAnswer inference_answer(const std::vector<Row>& rows) {
  InferenceAnswer answer;
  compare_with_paper(answer, rows);
  compare_quality(answer, rows);
  compare_growth(answer, rows);
  add_machines(answer, rows);
  return answer;
}

void print_inference(const InferenceAnswer& answer, const std::vector<Row>& rows, std::ostream& out) {
  for (const std::string& sentence : answer.sentences) out << sentence << '\n';
  out << fmt::format("\n{:>4} {:>6} {:>5}  {:<22} {:>12} {:>10} {:>10} {:>10} {:>10} {:>8} {:>8}\n", "H", "N",
                     "B", "method", "ms a sample", "scores ms", "solve ms", "read ms", "gap", "found", "MiB");
  for (const Row& row : rows) {
    if (!row.problem.empty()) {
      out << fmt::format("{:4g} {:6g} {:5g}  {:<22} {}\n", row.heads, row.tokens, row.batch, row.method,
                         row.problem);
      continue;
    }
    const auto ms = [&](double s) {
      return std::isnan(s) ? std::string("-") : fmt::format("{:.3g}", 1e3 * s / row.batch);
    };
    out << fmt::format("{:4g} {:6g} {:5g}  {:<22} {:>12} {:>10} {:>10} {:>10} {:>10} {:>8} {:>8.0f}\n",
                       row.heads, row.tokens, row.batch, row.method, ms(row.total_s), ms(row.scores_s),
                       ms(row.solve_s), ms(row.read_out_s),
                       std::isnan(row.energy) ? "-" : share_text(energy_gap(row)),
                       std::isnan(row.found) ? "-" : fmt::format("{:.0f}%", 100 * row.found), row.memory_mib);
  }
}

void print_inference_json(const InferenceAnswer& answer, const std::vector<Row>& rows,
                          const InferenceOptions& options, bool complete, std::ostream& out) {
  const auto number = [](double v) -> nlohmann::ordered_json {
    if (std::isnan(v)) return nullptr;
    return v;
  };
  nlohmann::ordered_json json;
  json["experiment"] = "inference-time";
  json["seed"] = options.seed;
  json["complete"] = complete;
  json["answer"] = answer.sentences;
  json["published"] = nlohmann::ordered_json::array();
  for (const InferenceComparison& c : answer.published)
    json["published"].push_back(
        {{"what", c.what}, {"ours_ms", number(c.ours_ms)}, {"theirs_ms", c.theirs_ms}});
  json["rows"] = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    json["rows"].push_back({{"method", row.method},
                            {"device", row.device},
                            {"problem", row.problem},
                            {"batch", row.batch},
                            {"heads", row.heads},
                            {"tokens", row.tokens},
                            {"spins", row.spins},
                            {"threads", row.threads},
                            {"total_s", number(row.total_s)},
                            {"scores_s", number(row.scores_s)},
                            {"solve_s", number(row.solve_s)},
                            {"read_out_s", number(row.read_out_s)},
                            {"runs", number(row.runs)},
                            {"steps", number(row.steps)},
                            {"energy", number(row.energy)},
                            {"reference_energy", number(row.reference_energy)},
                            {"found", number(row.found)},
                            {"memory_mib", number(row.memory_mib)}});
  }
  json["machines"] = nlohmann::ordered_json::array();
  for (const MachineInference& m : answer.machines)
    json["machines"].push_back(
        {{"machine", m.machine}, {"heads", m.heads}, {"tokens", m.tokens}, {"seconds", m.seconds}});
  out << json.dump() << '\n';
}

std::string inference_html(const InferenceAnswer& answer, const std::vector<Row>& rows,
                           const InferenceOptions& options, const std::string& command_line) {
  const char* title = "What does one forward pass of attention cost?";
  std::string body = fmt::format("<p class='over'>opoloop experiment</p>\n<h1>{}</h1>\n", title);
  body += fmt::format("<p class='sub'>{} threads · seed {} · <code>{}</code></p>\n", options.threads,
                      options.seed, html_escape(command_line));
  for (const std::string& sentence : answer.sentences)
    body += fmt::format("<p>{}</p>\n", html_escape(sentence));
  if (!answer.published.empty()) {
    HtmlTable table({"B = 128, H = 8, N = 49", "Here", "Published (GPU)", "Ratio"});
    for (const InferenceComparison& c : answer.published) {
      table.row(html_escape(c.what))
          .number(time_text(c.ours_ms / 1e3))
          .number(time_text(c.theirs_ms / 1e3))
          .number(fmt::format("{:.2g}", c.ours_ms / c.theirs_ms));
    }
    body += fmt::format("<h2>Beside the paper</h2>\n{}", table.html());
  }
  if (rows.empty()) body += "<p class='none'>Nothing was measured yet.</p>\n";
  std::set<double> heads;
  for (const Row& row : rows) heads.insert(row.heads);
  for (const double H : heads) {
    body += fmt::format("<h2>{:g} head{}</h2>\n", H, H == 1 ? "" : "s") + time_figure(rows, H);
    body += "<p class='sub'>Time of a sample; solver alone in brackets.</p>\n" +
            table_html(rows, H, "time", [](const Row& row) {
              const std::string total = time_text(row.total_s / row.batch);
              return std::isnan(row.solve_s)
                         ? total
                         : fmt::format("{} ({})", total, time_text(row.solve_s / row.batch));
            });
    body +=
        "<p class='sub'>Energy above the least that anybody found; share of problems where nobody found less "
        "in brackets.</p>\n" +
        table_html(rows, H, "energy", [](const Row& row) {
          return std::isnan(row.energy)
                     ? std::string("–")
                     : fmt::format("{} ({:.0f}%)", share_text(energy_gap(row)), 100 * row.found);
        });
    body += "<p class='sub'>Memory the passes added at most, the whole batch.</p>\n" +
            table_html(rows, H, "MiB", [](const Row& row) { return fmt::format("{:.0f}", row.memory_mib); });
  }
  body += machines_html(answer);
  return html_page(title, body,
                   "Every number here is computed from the experiment file; docs/experiments.md says how.");
}

}  // namespace opoloop
