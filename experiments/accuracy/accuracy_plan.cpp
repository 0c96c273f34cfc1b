#include "experiments/accuracy/accuracy_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/error.h"
#include "driver/device.h"
#include "hamiltonian/qama/qama_spec.h"

namespace opoloop {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::string text_of(const std::optional<double>& value) {
  return value ? fmt::format("{:g}", *value) : "published";
}

std::string text_of(const AttentionVariant& v) {
  return fmt::format("{} q={} c_q={} c_l={} c_m={} out_proj={} mean_scores={} device={}", v.form,
                     v.bits ? std::to_string(*v.bits) : "published", text_of(v.c_q), text_of(v.c_l),
                     text_of(v.c_m), v.out_proj, v.mean_scores, v.device.empty() ? "budget" : v.device);
}

std::string text_of(const TrainingBudget& b) {
  return fmt::format("batch={} rate={:g} decay={} device={} runs={} steps={} patch={} longest={}", b.batch,
                     b.learning_rate, b.decay, b.device, b.runs ? std::to_string(*b.runs) : "default",
                     b.steps ? std::to_string(*b.steps) : "default", b.patch, b.longest);
}

/// "0.5 0.25": a curve as one word of a table.
std::string words(const std::vector<double>& values) {
  return fmt::format("{:.6g}", fmt::join(values, " "));
}

std::vector<PointColumn> columns_of(const std::vector<std::string>& devices) {
  std::vector<PointColumn> columns = {
      {"data", "1", "Data set.", true},
      {"variant", "1", "Attention: a form, or a form with something changed.", true},
      {"form", "1", "softmax, v2, gated or v1.", true},
      {"model_seed", "1", "Seed of weights, order of examples and solver."},
      {"classes", "1", "Classes of the data set."},
      {"train_examples", "1", "Examples it was trained on."},
      {"test_examples", "1", "Examples it was tested on."},
      {"epochs", "1", "Passes over the training examples."},
      {"parameters", "1", "Trained numbers."},
      {"tokens", "1", "Tokens of a test example, mean."},
      {"accuracy", "percent", "Test accuracy after the last epoch."},
      {"best_accuracy", "percent", "Test accuracy after the best epoch, as the paper prints it."},
      {"best_epoch", "1", "Which epoch that was."},
      {"train_loss", "1", "Mean cross-entropy of the last epoch (nats)."},
      {"selected", "1", "Share of tokens a head selects, test examples; none for softmax."},
      {"accuracy_curve", "1", "Test accuracy (%) after each epoch.", true},
      {"loss_curve", "1", "Mean cross-entropy of each epoch.", true},
      {"attention_s", "s", "Forward passes of attention in training."},
      {"gradient_s", "s", "Gradients and optimiser."},
      {"other_s", "s", "The rest of training."},
      {"test_s", "s", "Tests and inference on other devices."}};
  for (std::size_t k = 0; k < devices.size(); ++k) {
    const std::string suffix = fmt::format("_{}", k + 1), where = " The trained model on " + devices[k] + ".";
    columns.push_back({"moved_accuracy" + suffix, "percent", "Test accuracy." + where});
    columns.push_back({"agreement" + suffix, "percent", "Predictions as on the training device." + where});
    columns.push_back({"logit_difference" + suffix, "1", "RMS difference of logits / their spread." + where});
  }
  return columns;
}

void require(bool fine, const char* option, double value, const char* allowed) {
  if (!fine) throw_parameter_error(option, value, allowed);
}

}  // namespace

double TrainedModel::best_accuracy() const {
  return accuracy.empty() ? kNone : *std::max_element(accuracy.begin(), accuracy.end());
}

int TrainedModel::best_epoch() const {
  return static_cast<int>(std::max_element(accuracy.begin(), accuracy.end()) - accuracy.begin()) + 1;
}

AttentionVariant form_variant(const std::string& form) {
  for (const AttentionVariant& ablation : ablations()) {
    if (form == ablation.name) return ablation;
  }
  if (form != "softmax" && form != "none") parse_qama_form(form);  // throws
  AttentionVariant variant;
  variant.name = variant.form = form;
  return variant;
}

AccuracyPlan::AccuracyPlan(AccuracyOptions options, Trainer trainer)
    : options_(std::move(options)), trainer_(std::move(trainer)) {
  const TrainingBudget& budget = options_.budget;
  require(options_.seeds >= 1, "--seeds", options_.seeds, "at least 1");
  require(budget.batch >= 1, "--batch", budget.batch, "at least 1");
  require(budget.learning_rate > 0, "--rate", budget.learning_rate, "above 0");
  if (options_.data.empty()) throw InputError("accuracy: no data set");
  if (options_.forms.empty()) throw InputError("accuracy: no form");
  for (const AccuracyData& data : options_.data) {
    require(data.epochs >= 1, "--epochs", data.epochs, "at least 1");
    const auto path = options_.places.of(data.name);
    if (!std::filesystem::exists(path) && !std::filesystem::exists(path.string() + ".gz")) {
      throw InputError(
          fmt::format("data set {}: {}: no such file; OPOLOOP_DATA names the folder of public "
                      "data, or give your own copy: --data {}=PATH",
                      data.name, path.string(), data.name));
    }
  }
  // Throws on an unknown device before anything is trained.
  for (const std::string& device : options_.inference_devices) make_device(device);
  make_device(budget.device);

  std::vector<AttentionVariant> early, late;
  for (const std::string& form : options_.forms) (form == "v1" ? late : early).push_back(form_variant(form));
  const auto add = [&](const std::vector<AttentionVariant>& variants, bool ablation) {
    for (int seed = 0; seed < options_.seeds; ++seed) {
      for (std::size_t which = 0; which < options_.data.size(); ++which) {
        const std::vector<std::string>& without = options_.data[which].without;
        for (const AttentionVariant& variant : variants) {
          if (std::find(without.begin(), without.end(), variant.name) != without.end()) continue;
          if (!ablation || which == 0 || variant.everywhere) points_.push_back({which, variant, seed});
        }
      }
    }
  };
  add(early, false);
  if (options_.ablations) add(ablations(), true);
  add(late, false);
  columns_ = columns_of(options_.inference_devices);
}

std::string AccuracyPlan::description() const {
  std::string text = text_of(options_.budget);
  for (const AccuracyData& data : options_.data) {
    text += fmt::format(" {}: train={} test={} epochs={}", data.name, data.train, data.test, data.epochs);
    if (!data.without.empty()) text += fmt::format(" without={}", fmt::join(data.without, ","));
    text += ';';
  }
  text += fmt::format(" forms={} seeds={} infer={}", fmt::join(options_.forms, ","), options_.seeds,
                      fmt::join(options_.inference_devices, ","));
  if (options_.ablations) {
    for (const AttentionVariant& variant : ablations()) text += "; " + text_of(variant);
  }
  return text;
}

std::string AccuracyPlan::name(std::uint64_t index) const {
  const Point& point = points_.at(static_cast<std::size_t>(index));
  return fmt::format("{} {} seed {}", options_.data[point.data].name, point.variant.name, point.seed);
}

std::shared_ptr<const LabelledData> AccuracyPlan::data(std::size_t which) const {
  const std::lock_guard lock(mutex_);
  auto& loaded = loaded_[which];
  if (!loaded) {
    const AccuracyData& wanted = options_.data[which];
    loaded = std::make_shared<const LabelledData>(
        load_labelled_data(wanted.name, options_.places.of(wanted.name), wanted.train, wanted.test));
  }
  return loaded;
}

std::optional<PointValues> AccuracyPlan::measure(std::uint64_t index, const PointContext& context) const {
  const Point& point = points_.at(static_cast<std::size_t>(index));
  TrainingTask task;
  task.data = data(point.data);
  task.attention = point.variant;
  task.budget = options_.budget;
  task.budget.epochs = options_.data[point.data].epochs;
  // Forms of one seed see the examples in the same order.
  task.seed = options_.seed * 1000 + static_cast<std::uint64_t>(point.seed);
  if (point.variant.form != "softmax" && point.variant.form != "none")
    task.inference_devices = options_.inference_devices;
  task.identity = fmt::format("{} {} {} {} {} {}", name(index), text_of(task.budget), task.budget.epochs,
                              text_of(task.attention), task.seed, fmt::join(task.inference_devices, ","));
  const std::optional<TrainedModel> model = trainer_(task, context);
  if (!model) return std::nullopt;
  PointValues values = {task.data->name,
                        point.variant.name,
                        point.variant.form,
                        static_cast<double>(point.seed),
                        static_cast<double>(task.data->classes),
                        static_cast<double>(task.data->train.count()),
                        static_cast<double>(task.data->test.count()),
                        static_cast<double>(task.budget.epochs),
                        model->parameters,
                        model->tokens,
                        model->accuracy.back(),
                        model->best_accuracy(),
                        static_cast<double>(model->best_epoch()),
                        model->train_loss.back(),
                        model->selected,
                        words(model->accuracy),
                        words(model->train_loss),
                        model->attention_s,
                        model->gradient_s,
                        model->other_s,
                        model->test_s};
  for (std::size_t k = 0; k < options_.inference_devices.size(); ++k) {
    const bool there = k < model->moved.size();
    values.emplace_back(there ? model->moved[k].accuracy : kNone);
    values.emplace_back(there ? model->moved[k].agreement : kNone);
    values.emplace_back(there ? model->moved[k].logit_difference : kNone);
  }
  return values;
}

}  // namespace opoloop
