#include "experiments/accuracy/accuracy_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <sstream>
#include <utility>

namespace opoloop {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

constexpr std::array<PublishedAccuracy, 5> kPublished = {{
    {"mnist", 95.9, 97.4, "60,000 images, 50 epochs"},
    {"fashion-mnist", 86.7, 87.7, "60,000 images, 50 epochs"},
    {"cifar-10", 59.3, kNone, "50,000 images, 50 epochs"},
    {"sst-2", 89.6, 90.4, "on frozen ALBERT features"},
    {"imdb", 92.8, 92.6, "on frozen ALBERT features"},
}};

/// Rows of one variant on one set, by seed.
using Rows = std::map<double, std::size_t>;

std::vector<double> curve_of(const std::string& words) {
  std::istringstream in(words);
  std::vector<double> values;
  for (double value = 0; in >> value;) values.push_back(value);
  return values;
}

std::vector<double> mean_curve(const std::vector<std::string>& curves, const Rows& rows) {
  std::vector<double> sum;
  double count = 0;
  for (const auto& [seed, row] : rows) {
    const std::vector<double> curve = curve_of(curves[row]);
    sum.resize(std::max(sum.size(), curve.size()), 0);
    for (std::size_t k = 0; k < curve.size(); ++k) sum[k] += curve[k];
    count += 1;
  }
  for (double& value : sum) value /= count;
  return sum;
}

SparsityMean mean_over(const std::vector<double>& column, const Rows& rows) {
  std::vector<double> values;
  for (const auto& [seed, row] : rows) values.push_back(column[row]);
  return mean_of(values);
}

/// Of seeds that both have.
SparsityMean paired(const std::vector<double>& column, const Rows& rows, const Rows& others) {
  std::vector<double> differences;
  for (const auto& [seed, row] : rows) {
    const auto other = others.find(seed);
    if (other != others.end()) differences.push_back(column[row] - column[other->second]);
  }
  return mean_of(differences);
}

std::string with_interval(const SparsityMean& m) {
  return m.low == m.high ? fmt::format("{:+.1f}", m.value)
                         : fmt::format("{:+.1f} [{:+.1f}, {:+.1f}]", m.value, m.low, m.high);
}

/// "mnist −3.0 [−4, −2], …" and how many keep the bound.
std::string deviations(const AccuracyAnswer& answer, const std::string& form, double bound, int& kept,
                       int& known) {
  std::string list;
  kept = known = 0;
  for (const AccuracyLine& line : answer.lines) {
    if (line.variant != form || std::isnan(line.deviation.value)) continue;
    ++known;
    if (line.deviation.value >= -bound) ++kept;
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", line.data, with_interval(line.deviation));
  }
  return list;
}

std::string verdict(int kept, int known) {
  if (kept == known) return known == 1 ? "Yes" : fmt::format("Yes, on all {} sets", known);
  if (kept == 0) return known == 1 ? "No" : fmt::format("No, on none of {} sets", known);
  return fmt::format("On {} of {} sets", kept, known);
}

void say(AccuracyAnswer& answer) {
  int kept = 0, known = 0;
  const std::string v2 = deviations(answer, "v2", kPublishedBound, kept, known);
  if (known == 0) {
    answer.sentences.emplace_back(
        "Does QAMA reach softmax within 2.7 points? Not answered: no data set has both softmax and v2 yet.");
  } else {
    answer.sentences.push_back(
        fmt::format("Does QAMA reach softmax within {} points? {}. Best test accuracy of v2 minus that of "
                    "softmax with the "
                    "same seed, points [95%]: {}.",
                    kPublishedBound, verdict(kept, known), v2));
  }
  const std::string gated = deviations(answer, "gated", kGatedBound, kept, known);
  if (known > 0) {
    answer.sentences.push_back(
        fmt::format("The gated read-out, within {}? {}: {}.", kGatedBound, verdict(kept, known), gated));
  }
  const std::string v1 = deviations(answer, "v1", kPublishedBound, kept, known);
  if (known > 0) answer.sentences.push_back(fmt::format("The form of April 2025, v1: {}.", v1));
  const std::string none = deviations(answer, "no attention", kPublishedBound, kept, known);
  if (known > 0) {
    answer.sentences.push_back(fmt::format(
        "Without any attention: {}. Where that is little, the set does not tell one attention from another.",
        none));
  }

  for (const std::string& device : answer.devices) {
    int fine = 0, all = 0;
    double least = 100;
    std::string where;
    for (const MovedLine& line : answer.moved) {
      if (line.device != device || line.variant.find(' ') != std::string::npos) continue;
      ++all;
      fine += line.agreement.value >= kAgreementBound ? 1 : 0;
      if (line.agreement.value >= least) continue;
      least = line.agreement.value;
      where = line.variant + " on " + line.data;
    }
    if (all == 0) continue;
    answer.sentences.push_back(
        fmt::format("With selections by {} in place of the trainer's, predictions are the same in at least "
                    "{}% of the test "
                    "examples for {} of {} pairs of form and set (least {:.1f}%{}).",
                    device, kAgreementBound, fine, all, least, where.empty() ? "" : ", " + where));
  }
}

}  // namespace

const PublishedAccuracy* published_accuracy(const std::string& data) {
  for (const PublishedAccuracy& published : kPublished) {
    if (data == published.data) return &published;
  }
  return nullptr;
}

const AccuracyLine* AccuracyAnswer::line(const std::string& data, const std::string& variant) const {
  for (const AccuracyLine& line : lines) {
    if (line.data == data && line.variant == variant) return &line;
  }
  return nullptr;
}

std::vector<std::string> AccuracyAnswer::data() const {
  std::vector<std::string> names;
  for (const AccuracyLine& line : lines) {
    if (std::find(names.begin(), names.end(), line.data) == names.end()) names.push_back(line.data);
  }
  return names;
}

AccuracyAnswer accuracy_answer(const Sweep& sweep, const std::vector<std::string>& devices) {
  AccuracyAnswer answer;
  answer.devices = devices;
  const auto& data = sweep.words("data");
  const auto& variants = sweep.words("variant");
  const auto& seeds = sweep.numbers("model_seed");
  const auto& best = sweep.numbers("best_accuracy");
  const auto& final = sweep.numbers("accuracy");
  std::vector<std::pair<std::string, std::string>> order;
  std::map<std::pair<std::string, std::string>, Rows> groups;
  for (std::size_t row = 0; row < sweep.rows(); ++row) {
    if (std::isnan(best[row])) continue;  // failed
    const std::pair key{data[row], variants[row]};
    if (groups.find(key) == groups.end()) order.push_back(key);
    groups[key][seeds[row]] = row;
  }
  for (const auto& key : order) {
    const Rows& rows = groups[key];
    const std::size_t any = rows.begin()->second;
    AccuracyLine line;
    line.data = key.first;
    line.variant = key.second;
    line.form = sweep.words("form")[any];
    line.seeds = rows.size();
    line.best = mean_over(best, rows);
    line.final = mean_over(final, rows);
    const auto others = [&](const char* variant) {
      return groups[std::pair(key.first, std::string(variant))];
    };
    const bool reference = line.variant == "softmax";
    line.deviation = reference ? SparsityMean{kNone, kNone, kNone} : paired(best, rows, others("softmax"));
    line.final_deviation =
        reference ? SparsityMean{kNone, kNone, kNone} : paired(final, rows, others("softmax"));
    line.from_v2 = paired(best, rows, others("v2"));
    line.selected = mean_over(sweep.numbers("selected"), rows);
    line.loss = mean_over(sweep.numbers("train_loss"), rows);
    line.parameters = sweep.numbers("parameters")[any];
    line.tokens = sweep.numbers("tokens")[any];
    line.train = sweep.numbers("train_examples")[any];
    line.test = sweep.numbers("test_examples")[any];
    line.epochs = sweep.numbers("epochs")[any];
    line.attention_s = mean_over(sweep.numbers("attention_s"), rows).value;
    line.gradient_s = mean_over(sweep.numbers("gradient_s"), rows).value;
    line.other_s = mean_over(sweep.numbers("other_s"), rows).value;
    line.test_s = mean_over(sweep.numbers("test_s"), rows).value;
    line.accuracy_curve = mean_curve(sweep.words("accuracy_curve"), rows);
    line.loss_curve = mean_curve(sweep.words("loss_curve"), rows);
    for (std::size_t k = 0; k < devices.size() && !reference; ++k) {
      const auto& agreement = sweep.numbers(fmt::format("agreement_{}", k + 1));
      const auto& moved = sweep.numbers(fmt::format("moved_accuracy_{}", k + 1));
      MovedLine there{line.data, line.variant, devices[k], {}, {}, {}, 100};
      std::vector<double> change;
      for (const auto& [seed, row] : rows) {
        change.push_back(moved[row] - final[row]);
        there.least_agreement = std::min(there.least_agreement, agreement[row]);
      }
      there.agreement = mean_over(agreement, rows);
      if (std::isnan(there.agreement.value)) continue;  // nothing to move
      there.accuracy_change = mean_of(change);
      there.logit_difference = mean_over(sweep.numbers(fmt::format("logit_difference_{}", k + 1)), rows);
      answer.moved.push_back(std::move(there));
    }
    answer.lines.push_back(std::move(line));
  }
  // Forms before ablations, each in the order of the file.
  std::vector<AccuracyLine> ordered;
  for (const bool ablation : {false, true}) {
    for (const AccuracyLine& line : answer.lines) {
      if (line.ablation() == ablation) ordered.push_back(line);
    }
  }
  answer.lines = std::move(ordered);
  say(answer);
  return answer;
}

}  // namespace opoloop
