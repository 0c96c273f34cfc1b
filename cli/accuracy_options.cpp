#include "cli/accuracy_options.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "cli/number_options.h"
#include "core/error.h"
#include "core/public_data.h"
#include "experiments/accuracy/accuracy_plan.h"

namespace opoloop {

std::string AccuracyFlags::given() const {
  const std::pair<bool, const char*> flags[] = {{full, "--full"},
                                                {!data.empty(), "--data"},
                                                {!forms.empty(), "--forms"},
                                                {seeds.has_value(), "--seeds"},
                                                {epochs.has_value(), "--epochs"},
                                                {train.has_value(), "--train"},
                                                {test.has_value(), "--test"},
                                                {batch.has_value(), "--batch"},
                                                {rate.has_value(), "--rate"},
                                                {sweeps.has_value(), "--sweeps"},
                                                {!infer.empty(), "--infer"},
                                                {no_ablations, "--no-ablations"}};
  for (const auto& [is_given, name] : flags) {
    if (is_given) return name;
  }
  return "";
}

void add_accuracy_flags(CLI::App& app, AccuracyFlags& f) {
  const std::string group = "Options of accuracy";
  app.add_flag("--full", f.full, "The published budget: whole sets, 50 epochs, batches of 128, rate 1e-3")
      ->group(group);
  app.add_option(
         "--data", f.data,
         "Data sets in place of the plan's: digits, mnist, uci-sentiment, clinc150, banking77, "
         "fashion-mnist, cifar-10, sst-2, imdb; NAME=PATH where your copy is, or for a table of texts "
         "of your own (.csv, .tsv, .json)")
      ->type_name("NAME[=PATH],...")
      ->delimiter(',')
      ->group(group);
  app.add_option("--forms", f.forms,
                 "Attention that is compared: softmax, v2, gated, v1, 'no attention', or an ablation by its "
                 "name (docs/accuracy.md)")
      ->type_name("FORM,...")
      ->delimiter(',')
      ->group(group);
  app.add_option("--seeds", f.seeds, "Models of each form and set")
      ->type_name("N")
      ->transform(positive_integer(f.seeds))
      ->group(group);
  app.add_option("--epochs", f.epochs, "Passes over the training examples")
      ->type_name("N")
      ->transform(positive_integer(f.epochs))
      ->group(group);
  app.add_option("--train", f.train, "Examples to train on; 0 = all")
      ->type_name("N")
      ->transform(any_integer(f.train))
      ->group(group);
  app.add_option("--test", f.test, "Examples to test on; 0 = all")
      ->type_name("N")
      ->transform(any_integer(f.test))
      ->group(group);
  app.add_option("--batch", f.batch, "Examples a step")
      ->type_name("N")
      ->transform(positive_integer(f.batch))
      ->group(group);
  app.add_option("--rate", f.rate, "Learning rate at the beginning")
      ->type_name("R")
      ->transform(positive_number())
      ->group(group);
  app.add_option("--sweeps", f.sweeps, "Sweeps or round trips of the device in training, a problem")
      ->type_name("N")
      ->transform(positive_integer(f.sweeps))
      ->group(group);
  app.add_option("--infer", f.infer, "Devices the trained models are moved to")
      ->type_name("URI,...")
      ->delimiter(',')
      ->group(group);
  app.add_flag("--no-ablations", f.no_ablations, "Forms only")->group(group);
}

AccuracyOptions accuracy_options(const AccuracyFlags& f, bool quick, const std::string& device,
                                 std::uint64_t seed) {
  if (quick && f.full) throw InputError("experiment accuracy: --quick and --full contradict each other");
  AccuracyOptions options = f.full  ? AccuracyOptions::published()
                            : quick ? AccuracyOptions::quick()
                                    : AccuracyOptions::standard();
  options.seed = seed;
  options.places.public_data = public_data_folder();
  if (!f.data.empty()) {
    std::vector<AccuracyData> chosen;
    for (const std::string& text : f.data) {
      const std::size_t equals = text.find('=');
      const std::string name = text.substr(0, equals);
      if (equals != std::string::npos) options.places.own[name] = text.substr(equals + 1);
      chosen.push_back(options.usual(name));
    }
    options.data = std::move(chosen);
  }
  for (AccuracyData& data : options.data) {
    data.train = f.train.value_or(data.train);
    data.test = f.test.value_or(data.test);
    data.epochs = f.epochs.value_or(data.epochs);
  }
  if (!f.forms.empty()) {
    options.forms = f.forms;
    for (AccuracyData& data : options.data) data.without.clear();  // who names a form wants it
  }
  if (!f.infer.empty()) options.inference_devices = f.infer;
  options.seeds = f.seeds.value_or(options.seeds);
  if (f.no_ablations) options.ablations = false;
  TrainingBudget& budget = options.budget;
  budget.batch = f.batch.value_or(budget.batch);
  budget.learning_rate = f.rate.value_or(budget.learning_rate);
  if (!device.empty()) {
    budget.device = device;
    budget.runs = std::nullopt;  // what suits annealing may not suit this one
    budget.steps = std::nullopt;
  }
  if (f.sweeps) budget.steps = f.sweeps;
  return options;
}

}  // namespace opoloop
