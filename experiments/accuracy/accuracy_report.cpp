#include "experiments/accuracy/accuracy_report.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>
#include <vector>

#include "experiments/csv.h"
#include "experiments/figure.h"
#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"

namespace opoloop {
namespace {

/// "96.9 ± 1.1"; signed: "−0.6 ± 2.1".
std::string text_of(const SparsityMean& m, bool is_signed = false, int digits = 1) {
  if (std::isnan(m.value)) return "–";
  std::string text =
      is_signed ? fmt::format("{:+.{}f}", m.value, digits) : fmt::format("{:.{}f}", m.value, digits);
  if (m.high > m.low) text += fmt::format(" ± {:.{}f}", (m.high - m.low) / 2, digits);
  if (text.front() == '-') text.replace(0, 1, "−");
  return text;
}

std::string published_text(const AccuracyLine& line, double PublishedAccuracy::* member) {
  const PublishedAccuracy* published = published_accuracy(line.data);
  if (published == nullptr || std::isnan(published->*member)) return "–";
  return fmt::format("{:.1f}", published->*member);
}

/// The published deviation of a form, or a dash.
std::string published_deviation(const AccuracyLine& line) {
  const PublishedAccuracy* published = published_accuracy(line.data);
  if (line.variant != "v2" || published == nullptr || std::isnan(published->softmax)) return "–";
  return fmt::format("{:+.1f}", published->qama - published->softmax);
}

using Cell = std::function<std::string(const AccuracyLine&)>;
using Column = std::pair<std::string, Cell>;

std::string table_html(const std::vector<const AccuracyLine*>& lines, const std::vector<Column>& columns) {
  HtmlTable table;
  for (const Column& column : columns) table.title(column.first);
  for (const AccuracyLine* line : lines) {
    table.row();
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const std::string cell = html_escape(columns[k].second(*line));
      if (k < 2) {
        table.head(cell);
      } else {
        table.number(cell);
      }
    }
  }
  return table.html();
}

std::vector<const AccuracyLine*> chosen(const AccuracyAnswer& answer, bool ablation) {
  std::vector<const AccuracyLine*> lines;
  for (const std::string& data : answer.data()) {
    for (const AccuracyLine& line : answer.lines) {
      if (line.data == data && line.ablation() == ablation) lines.push_back(&line);
    }
  }
  return lines;
}

std::string published_cell(const AccuracyLine& line) {
  if (line.variant == "softmax") return published_text(line, &PublishedAccuracy::softmax);
  return line.variant == "v2" ? published_text(line, &PublishedAccuracy::qama) : "–";
}

std::string main_table(const AccuracyAnswer& answer) {
  return table_html(
      chosen(answer, false),
      {{"Data", [](const AccuracyLine& l) { return l.data; }},
       {"Attention", [](const AccuracyLine& l) { return l.variant; }},
       {"Best test accuracy, %", [](const AccuracyLine& l) { return text_of(l.best); }},
       {"Minus softmax, points", [](const AccuracyLine& l) { return text_of(l.deviation, true); }},
       {"Published, %", published_cell},
       {"Published minus softmax", published_deviation},
       {"After the last epoch, %", [](const AccuracyLine& l) { return text_of(l.final); }},
       {"Minus softmax, points", [](const AccuracyLine& l) { return text_of(l.final_deviation, true); }},
       {"Seeds", [](const AccuracyLine& l) { return fmt::format("{}", l.seeds); }}});
}

std::string ablation_table(const AccuracyAnswer& answer) {
  const auto lines = chosen(answer, true);
  if (lines.empty()) return "";
  return "<h2>What changes it</h2>\n<p class='sub'>v2 with one thing changed, trained afresh; differences "
         "are "
         "paired over seeds, 95%.</p>\n" +
         table_html(
             lines,
             {{"Data", [](const AccuracyLine& l) { return l.data; }},
              {"Attention", [](const AccuracyLine& l) { return l.variant; }},
              {"Best test accuracy, %", [](const AccuracyLine& l) { return text_of(l.best); }},
              {"Minus v2, points", [](const AccuracyLine& l) { return text_of(l.from_v2, true); }},
              {"Minus softmax, points", [](const AccuracyLine& l) { return text_of(l.deviation, true); }},
              {"Selected share", [](const AccuracyLine& l) { return text_of(l.selected, false, 2); }},
              {"Seeds", [](const AccuracyLine& l) { return fmt::format("{}", l.seeds); }}});
}

std::string cost_table(const AccuracyAnswer& answer) {
  const auto seconds = [](double AccuracyLine::* member) {
    return [member](const AccuracyLine& l) { return fmt::format("{:.1f}", l.*member); };
  };
  return "<h2>What was trained, and where the time went</h2>\n<p class='sub'>Means over seeds; seconds of "
         "one "
         "thread, a model.</p>\n" +
         table_html(chosen(answer, false),
                    {{"Data", [](const AccuracyLine& l) { return l.data; }},
                     {"Attention", [](const AccuracyLine& l) { return l.variant; }},
                     {"Train / test",
                      [](const AccuracyLine& l) { return fmt::format("{:.0f} / {:.0f}", l.train, l.test); }},
                     {"Epochs", [](const AccuracyLine& l) { return fmt::format("{:.0f}", l.epochs); }},
                     {"Tokens", [](const AccuracyLine& l) { return fmt::format("{:.1f}", l.tokens); }},
                     {"Parameters", [](const AccuracyLine& l) { return readable_number(l.parameters); }},
                     {"Selected share", [](const AccuracyLine& l) { return text_of(l.selected, false, 2); }},
                     {"Training loss", [](const AccuracyLine& l) { return text_of(l.loss, false, 3); }},
                     {"Attention, s", seconds(&AccuracyLine::attention_s)},
                     {"Gradients, s", seconds(&AccuracyLine::gradient_s)},
                     {"Other, s", seconds(&AccuracyLine::other_s)},
                     {"Tests, s", seconds(&AccuracyLine::test_s)}});
}

std::string moved_table(const AccuracyAnswer& answer) {
  if (answer.moved.empty()) return "";
  HtmlTable table({"Data", "Attention", "Device", "Agreement, %", "Least of the seeds",
                   "Change of accuracy, points", "Difference of logits / spread"});
  for (const MovedLine& line : answer.moved) {
    table.row(html_escape(line.data))
        .head(html_escape(line.variant))
        .cell(fmt::format("<code>{}</code>", html_escape(line.device)))
        .number(text_of(line.agreement))
        .number(fmt::format("{:.1f}", line.least_agreement))
        .number(text_of(line.accuracy_change, true))
        .number(text_of(line.logit_difference, false, 3));
  }
  return fmt::format(
      "<h2>The machine in the loop</h2>\n<p class='sub'>Models trained on one device, asked on another; "
      "nothing is trained again. Agreement: the same prediction, % of the test examples. The first device "
      "is the trainer's own solver with more effort and other draws: what is missing to 100% there is the "
      "solver's own scatter.</p>\n{}",
      table.html());
}

/// Learning curves of one set: test accuracy, or loss, of each form.
std::string curves(const AccuracyAnswer& answer, const std::string& data, std::size_t number) {
  struct Style {
    const char* form;
    const char* colour;
    const char* dash;
  };
  constexpr Style kStyles[] = {
      {"softmax", kInk, "1"}, {"v2", kFirst, "1"}, {"gated", kSecond, "1"}, {"v1", kFirst, "2"}};
  std::string blocks, plots;
  for (const Style& style : kStyles) {
    const AccuracyLine* line = answer.line(data, style.form);
    if (line == nullptr) continue;
    std::string points;
    for (std::size_t k = 0; k < line->accuracy_curve.size(); ++k) {
      points += fmt::format("{} {:g}\n", k + 1, line->accuracy_curve[k]);
    }
    blocks += fmt::format("${} << EOD\n{}EOD\n", style.form, points);
    plots += fmt::format("{}${} using 1:2 with lines lc rgb '{}' lw 2 dt {} title '{}'",
                         plots.empty() ? "" : ", ", style.form, style.colour, style.dash, style.form);
  }
  if (plots.empty()) return "";
  return html_of(draw_figure(
      blocks + axis_labels("epoch", "test accuracy, %") + "set key bottom right\nplot " + plots + "\n",
      fmt::format("learning{}", number), "test accuracy on " + data + " after each epoch",
      fmt::format("{}: test accuracy after each epoch, mean over seeds.", html_escape(data))));
}

/// A field of a CSV file; RFC 4180.
std::string fields(const SparsityMean& m) {
  const auto number = [](double v) { return std::isnan(v) ? std::string() : fmt::format("{:.6g}", v); };
  return number(m.value) + ',' + number(m.low) + ',' + number(m.high);
}

}  // namespace

std::string budget_in_words(const TrainingBudget& budget) {
  return fmt::format(
      "Adam, rate {:g}{}, batches of {}; selections on {}{}{}.", budget.learning_rate,
      budget.decay ? " falling to 0 as a half cosine" : ", constant", budget.batch, budget.device,
      budget.runs ? fmt::format(", {} {}", *budget.runs, *budget.runs == 1 ? "read" : "reads") : "",
      budget.steps ? fmt::format(" of {} sweeps", *budget.steps) : "");
}

void print_accuracy(const AccuracyAnswer& answer, const AccuracyRun& run, std::ostream& out) {
  for (const std::string& sentence : answer.sentences) out << sentence << '\n';
  out << fmt::format("\n{} One budget for all forms.\n", run.budget);
  out << fmt::format("  {:<16}{:<26}{:>14}{:>17}{:>14}{:>12}{:>10}\n", "data", "attention", "best, %",
                     "minus softmax", "last, %", "published", "selected");
  for (const AccuracyLine& l : answer.lines) {
    // Widths count bytes: ± and − have more than one, so columns are padded by hand.
    const auto cell = [](const std::string& text, std::size_t width) {
      std::size_t shown = 0;
      for (const char c : text) shown += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
      return std::string(shown < width ? width - shown : 1, ' ') + text;
    };
    out << fmt::format("  {:<16}{:<26}", l.data, l.variant) << cell(text_of(l.best), 14)
        << cell(text_of(l.deviation, true), 17) << cell(text_of(l.final), 14) << cell(published_cell(l), 12)
        << cell(text_of(l.selected, false, 2), 16) << '\n';
  }
}

void print_accuracy_json(const AccuracyAnswer& answer, const AccuracyRun& run, std::ostream& out) {
  const auto json_of = [](const SparsityMean& m) -> nlohmann::ordered_json {
    if (std::isnan(m.value)) return nullptr;
    return {{"value", m.value}, {"low", m.low}, {"high", m.high}};
  };
  nlohmann::ordered_json json;
  json["experiment"] = "accuracy";
  json["seed"] = run.seed;
  json["complete"] = run.complete;
  json["budget"] = run.budget;
  json["answer"] = answer.sentences;
  json["lines"] = nlohmann::ordered_json::array();
  for (const AccuracyLine& l : answer.lines) {
    json["lines"].push_back({{"data", l.data},
                             {"variant", l.variant},
                             {"seeds", l.seeds},
                             {"best_accuracy", json_of(l.best)},
                             {"accuracy", json_of(l.final)},
                             {"deviation", json_of(l.deviation)},
                             {"deviation_last", json_of(l.final_deviation)},
                             {"minus_v2", json_of(l.from_v2)},
                             {"selected", json_of(l.selected)}});
  }
  json["moved"] = nlohmann::ordered_json::array();
  for (const MovedLine& l : answer.moved) {
    json["moved"].push_back({{"data", l.data},
                             {"variant", l.variant},
                             {"device", l.device},
                             {"agreement", json_of(l.agreement)},
                             {"accuracy_change", json_of(l.accuracy_change)},
                             {"logit_difference", json_of(l.logit_difference)}});
  }
  out << json.dump() << '\n';
}

std::string accuracy_html(const AccuracyAnswer& answer, const AccuracyRun& run) {
  const char* title = "Does QAMA reach softmax?";
  std::string body = fmt::format("<p class='over'>opoloop experiment</p>\n<h1>{}</h1>\n", title);
  body += fmt::format("<p class='sub'>accuracy · seed {} · <code>{}</code></p>\n", run.seed,
                      html_escape(run.command_line));
  if (!run.complete) {
    body +=
        "<div class='note-box'>Not all points of the plan are measured yet: what is there is shown.</div>\n";
  }
  for (const std::string& sentence : answer.sentences)
    body += fmt::format("<p>{}</p>\n", html_escape(sentence));
  body += main_table(answer);
  body += fmt::format(
      "<p class='sub'>{} One budget for all forms; same examples in the same order for models of one seed. "
      "Intervals are 95%, Student's t over seeds, of deviations paired by seed. Published: best validation "
      "accuracies of arXiv 2504.11083, image sets after 50 epochs of the whole set; its language sets were "
      "read from "
      "frozen ALBERT features, here the embedding is trained, so sets of the same name are not the same "
      "task. The "
      "best of many epochs flatters every form alike.</p>\n",
      html_escape(run.budget));
  std::size_t number = 0;
  for (const std::string& data : answer.data()) body += curves(answer, data, number++);
  body += ablation_table(answer) + moved_table(answer) + cost_table(answer);
  return html_page(title, body,
                   "Every number here is computed from the experiment file; docs/accuracy.md says how.");
}

std::string accuracy_csv(const AccuracyAnswer& answer) {
  std::string csv =
      "data,variant,form,seeds,train,test,epochs,best,best_low,best_high,last,last_low,last_high,deviation,"
      "deviation_low,deviation_high,minus_v2,minus_v2_low,minus_v2_high,selected,selected_low,selected_high,"
      "attention_s,gradient_s,other_s,test_s\n";
  for (const AccuracyLine& l : answer.lines) {
    csv += fmt::format("{},{},{},{},{:.0f},{:.0f},{:.0f},{},{},{},{},{},{:.3f},{:.3f},{:.3f},{:.3f}\n",
                       csv_field(l.data), csv_field(l.variant), l.form, l.seeds, l.train, l.test, l.epochs,
                       fields(l.best), fields(l.final), fields(l.deviation), fields(l.from_v2),
                       fields(l.selected), l.attention_s, l.gradient_s, l.other_s, l.test_s);
  }
  return csv;
}

std::string moved_csv(const AccuracyAnswer& answer) {
  std::string csv =
      "data,variant,device,agreement,agreement_low,agreement_high,least_agreement,accuracy_change,change_low,"
      "change_high,logit_difference,difference_low,difference_high\n";
  for (const MovedLine& l : answer.moved) {
    csv += fmt::format("{},{},{},{},{:.6g},{},{}\n", csv_field(l.data), csv_field(l.variant),
                       csv_field(l.device), fields(l.agreement), l.least_agreement, fields(l.accuracy_change),
                       fields(l.logit_difference));
  }
  return csv;
}

}  // namespace opoloop
