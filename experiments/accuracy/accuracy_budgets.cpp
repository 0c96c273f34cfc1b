// What the three sizes of the experiment train, and for how long (docs/accuracy.md says how it was chosen).

#include "experiments/accuracy/accuracy_plan.h"

namespace opoloop {
namespace {

// Where a trained model is moved to: the annealer's own full effort, the emulator as it comes, a machine
// whose couplings are 8-bit integers, and the same emulator with noise on its record.
const std::vector<std::string> kMachines = {"annealing:", "emulator:", "emulator:ntt-2016?coupling_bits=8",
                                            "emulator:?electronic_noise=0.3"};

AttentionVariant v2_with(const std::string& change) {
  AttentionVariant variant;
  variant.form = "v2";
  variant.name = "v2 " + change;
  return variant;
}

}  // namespace

AccuracyOptions AccuracyOptions::standard() {
  AccuracyOptions options;
  options.budget.batch = 32;
  options.budget.learning_rate = 3e-3;
  options.budget.decay = true;
  options.budget.runs = 1;
  options.budget.steps = 30;
  options.inference_devices = kMachines;
  // v1 has three spins a token and head, 1,176 on MNIST: one of its models trains for most of an hour there.
  options.data = {{"digits", 0, 0, 60},
                  {"uci-sentiment", 0, 0, 12},
                  {"clinc150", 0, 0, 8},
                  {"mnist", 10000, 2000, 50, {"v1"}}};
  return options;
}

AccuracyOptions AccuracyOptions::quick() {
  AccuracyOptions options = standard();
  options.forms = {"softmax", "v2", "gated"};
  options.ablations = false;
  options.data = {{"digits", 0, 0, 15}, {"uci-sentiment", 0, 0, 4}};
  return options;
}

AccuracyOptions AccuracyOptions::published() {
  AccuracyOptions options = standard();
  options.budget = TrainingBudget();  // 128, 1e-3, constant; the device's own effort
  for (AccuracyData& data : options.data) data = {data.name, 0, 0, 50, {}};
  return options;
}

AccuracyData AccuracyOptions::usual(const std::string& name) const {
  for (const AccuracyData& known : data) {
    if (known.name == name) return known;
  }
  const AccuracyOptions all = standard();
  for (const AccuracyData& known : all.data) {
    if (known.name == name)
      return {name, known.train, known.test, data.empty() ? known.epochs : data.front().epochs,
              known.without};
  }
  // Sets of the user's: as MNIST.
  const AccuracyData& as_mnist = data.empty() ? all.data.back() : data.back();
  return {name, as_mnist.train, as_mnist.test, as_mnist.epochs, {}};
}

std::vector<AttentionVariant> ablations() {
  std::vector<AttentionVariant> all;
  const auto add = [&](const std::string& change, auto set) {
    all.push_back(v2_with(change));
    set(all.back());
  };
  all.emplace_back();
  all.back().form = "none";
  all.back().name = "no attention";
  all.back().everywhere = true;
  add("q=3", [](AttentionVariant& v) { v.bits = 3; });
  add("c_q=0", [](AttentionVariant& v) { v.c_q = 0; });
  add("c_l=0", [](AttentionVariant& v) { v.c_l = 0; });
  add("c_l=0.64", [](AttentionVariant& v) { v.c_l = 0.64; });
  add("c_m=0", [](AttentionVariant& v) { v.c_m = 0; });
  add("c_m=3.2", [](AttentionVariant& v) { v.c_m = 3.2; });
  add("output projection", [](AttentionVariant& v) { v.out_proj = true; });
  add("mean scores", [](AttentionVariant& v) { v.mean_scores = v.everywhere = true; });
  add("mean scores and output projection",
      [](AttentionVariant& v) { v.mean_scores = v.out_proj = v.everywhere = true; });
  add("trained on emulator:", [](AttentionVariant& v) { v.device = "emulator:"; });
  add("trained on 8 bits", [](AttentionVariant& v) { v.device = "emulator:ntt-2016?coupling_bits=8"; });
  add("trained with noise", [](AttentionVariant& v) { v.device = "emulator:?electronic_noise=0.3"; });
  return all;
}

}  // namespace opoloop
