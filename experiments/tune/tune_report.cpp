#include "experiments/tune/tune_report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "experiments/figure.h"
#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"
#include "experiments/tts/tts_words.h"

namespace opoloop {
namespace {

std::string steps_text(const TuneCandidate& candidate) {
  return candidate.time.instances == 0 ? "-" : time_text(candidate.time, TtsUnit::steps);
}

std::string setting_text_of(const TuneCandidate& candidate) {
  const std::string words = setting_words(candidate.setting);
  return words.empty() ? "the device's own choice" : words;
}

/// The score of each evaluation and the best so far.
std::string search_figure(const TuneResult& result) {
  std::string data = "$s << EOD\n", best = "$b << EOD\n";
  double least = result.history.empty() ? 0 : result.history.front();
  for (std::size_t k = 0; k < result.history.size(); ++k) {
    least = std::min(least, result.history[k]);
    data += fmt::format("{} {:g}\n", k + 1, result.history[k]);
    best += fmt::format("{} {:g}\n", k + 1, least);
  }
  return html_of(draw_figure(
      data + "EOD\n" + best + "EOD\n" + axis_labels("evaluation", "score on the training instances (steps)") +
          fmt::format(
              "set logscale y\nset key off\nplot $s using 1:2 with points lc rgb '{}' pt 7 ps 0.4, $b "
              "using 1:2 with steps lc rgb '{}' lw 1.6\n",
              kFirst, kSecond),
      "search", "score of each evaluation",
      "The search: what each setting scored on the training instances, and the best so far. The least of "
      "many "
      "noisy scores flatters: it is no result."));
}

nlohmann::ordered_json number(double v) {
  if (!std::isfinite(v)) return nullptr;
  return v;
}

nlohmann::ordered_json json_of(const ClassTime& time) {
  return {{"median", number(time.value)}, {"low", number(time.low)},   {"high", number(time.high)},
          {"instances", time.instances},  {"unsolved", time.unsolved}, {"longer_than", number(time.bound)}};
}

}  // namespace

std::string tune_sentence(const TuneOptions& options, const TuneResult& result) {
  const TuneCandidate& tuned = result.candidates.front();
  const TuneCandidate& other = result.candidates[result.compared];
  const char* verdict = result.ratio_low > 1    ? "The tuned setting is faster"
                        : result.ratio_high < 1 ? "The tuned setting is SLOWER"
                                                : "The tuned setting is not told apart from the default";
  return fmt::format(
      "{}: on {} instances it was not tuned on it needs {} steps {}, {} needs {}; ratio {:.3g} [{:.3g}, "
      "{:.3g}].",
      verdict, options.test.size(), steps_text(tuned), goal_text(options.share), other.name,
      steps_text(other), result.ratio, result.ratio_low, result.ratio_high);
}

void print_tune(const TuneOptions& options, const TuneResult& result, std::ostream& out) {
  out << tune_sentence(options, result) << '\n';
  for (const TuneCandidate& candidate : result.candidates) {
    out << fmt::format("  {:<22} {} steps, geometric mean {}, {} of one thread, {} of {} unsolved\n{:25}{}\n",
                       candidate.name, steps_text(candidate), short_quantity(candidate.geometric_mean, ""),
                       time_text(candidate.wall, TtsUnit::seconds), candidate.time.unsolved,
                       candidate.time.instances, "", setting_text_of(candidate));
  }
  out << fmt::format(
      "{} evaluations by {} on {} training instances; score there {:.4g} (default {:.4g}): no "
      "result\n",
      result.evaluations, result.method, options.training.size(), result.candidates[0].training_score,
      result.candidates[1].training_score);
  for (const std::string& note : result.notes) out << note << '\n';
  out << "use it: --device '" << tuned_uri(options, result.candidates[0].setting) << "'";
  const auto steps = result.candidates[0].setting.find(kStepsName);
  if (steps != result.candidates[0].setting.end()) out << " --steps " << steps->second;
  out << '\n';
}

void print_tune_json(const TuneOptions& options, const TuneResult& result, std::ostream& out) {
  nlohmann::ordered_json json;
  json["tune"] = options.device;
  json["method"] = result.method;
  json["evaluations"] = result.evaluations;
  json["training_instances"] = options.training.size();
  json["test_instances"] = options.test.size();
  json["share"] = options.share;
  json["answer"] = tune_sentence(options, result);
  json["ratio"] = {{"value", number(result.ratio)},
                   {"low", number(result.ratio_low)},
                   {"high", number(result.ratio_high)},
                   {"against", result.candidates[result.compared].name}};
  for (const TuneCandidate& candidate : result.candidates) {
    nlohmann::ordered_json line;
    line["name"] = candidate.name;
    line["setting"] = candidate.setting;
    line["steps"] = json_of(candidate.time);
    line["steps"]["geometric_mean"] = number(candidate.geometric_mean);
    line["wall_s"] = json_of(candidate.wall);
    line["training_score"] = number(candidate.training_score);
    json["candidates"].push_back(std::move(line));
  }
  json["notes"] = result.notes;
  json["uri"] = tuned_uri(options, result.candidates[0].setting);
  out << json.dump() << '\n';
}

std::string tune_html(const TuneOptions& options, const TuneResult& result, const std::string& command_line) {
  std::string body = fmt::format("<p class='over'>opoloop tune</p>\n<h1>Is {} faster when tuned?</h1>\n",
                                 html_escape(options.device));
  body += fmt::format(
      "<p class='sub'>{} training instances · {} test instances · {} evaluations by {} · seed {} · "
      "<code>{}</code></p>\n",
      options.training.size(), options.test.size(), result.evaluations, result.method, options.seed,
      html_escape(command_line));
  body += fmt::format("<p>{}</p>\n", html_escape(tune_sentence(options, result)));
  HtmlTable table({"Setting", "Steps to solution, test instances", "Geometric mean", "Seconds of one thread",
                   "Unsolved", "Score in training", "Parameters"});
  for (const TuneCandidate& candidate : result.candidates) {
    table.row(html_escape(candidate.name))
        .number(html_escape(steps_text(candidate)))
        .number(short_quantity(candidate.geometric_mean, ""))
        .number(html_escape(time_text(candidate.wall, TtsUnit::seconds)))
        .number(fmt::format("{} of {}", candidate.time.unsolved, candidate.time.instances))
        .number(fmt::format("{:.4g}", candidate.training_score))
        .wide(html_escape(setting_text_of(candidate)));
  }
  body += table.html();
  body +=
      "<p class='sub'>Median over the test instances of the steps until the target is reached with 99%; 95% "
      "intervals, instances and runs resampled; ratios on the same resampled instances. The score in "
      "training "
      "is what the search minimised; it is the least of many and no result.</p>\n";
  for (const std::string& note : result.notes)
    body += fmt::format("<div class='note-box'>{}</div>\n", html_escape(note));
  body += "<h2>The search</h2>\n" + search_figure(result);
  return html_page("Tuning", body,
                   "Every number here is computed from the rows of the file; docs/tts.md says how.");
}

}  // namespace opoloop
