#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <sstream>

#include "core/error.h"
#include "experiments/accuracy/accuracy_plan.h"
#include "experiments/accuracy/accuracy_report.h"
#include "hamiltonian/formats/file_bytes.h"
#include "tests/driver/temporary_folder.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using opoloop::test::TemporaryFolder;

namespace {

/// A set of six sentences, two forms, two seeds.
AccuracyOptions tiny(const TemporaryFolder& folder) {
  write_file_bytes(folder / "own.csv", "text,label\na,x\nb,y\nc,x\nd,y\ne,x\nf,y\n");
  AccuracyOptions options;
  options.data = {{"own", 0, 0, 3}};
  options.places.own["own"] = folder / "own.csv";
  options.forms = {"v1", "softmax", "v2"};
  options.seeds = 2;
  options.ablations = false;
  options.inference_devices = {"emulator:", "exact:"};
  return options;
}

/// What a trainer would say: a function of the task.
std::optional<TrainedModel> pretend(const TrainingTask& task, const PointContext&) {
  TrainedModel model;
  const double loss = task.attention.form == "softmax" ? 0 : task.attention.form == "v2" ? 2 : 5;
  const double luck = static_cast<double>(task.seed % 1000);
  model.train_loss = {2, 1, 0.5};
  // Best in the second epoch; v2 loses 2 points with seed 0 and 4 with seed 1.
  model.accuracy = {50, 90 - loss - (loss > 0 ? 2 : 1) * luck, 80 - loss};
  model.parameters = 12;
  model.selected = 0.25;
  for (std::size_t k = 0; k < task.inference_devices.size(); ++k) {
    model.moved.push_back({model.accuracy.back() - 1, 99 - 5 * static_cast<double>(k), 0.5});
  }
  return model;
}

Sweep measured(const AccuracyPlan& plan) {
  Sweep sweep;
  for (const PointColumn& column : plan.columns()) {
    if (column.text) {
      sweep.columns.push_back({column.name, column.units, column.description, std::vector<std::string>{}});
    } else {
      sweep.columns.push_back({column.name, column.units, column.description, std::vector<double>{}});
    }
  }
  for (std::uint64_t k = 0; k < plan.size(); ++k) {
    const auto values = plan.measure(k, {});
    REQUIRE(values);
    REQUIRE(values->size() == plan.columns().size());
    for (std::size_t c = 0; c < values->size(); ++c) {
      if (plan.columns()[c].text) {
        std::get<std::vector<std::string>>(sweep.columns[c].values)
            .push_back(std::get<std::string>((*values)[c]));
      } else {
        std::get<std::vector<double>>(sweep.columns[c].values).push_back(std::get<double>((*values)[c]));
      }
    }
  }
  return sweep;
}

}  // namespace

TEST_CASE("accuracy plan: points, their order and what each trains") {
  const TemporaryFolder folder;
  AccuracyOptions options = tiny(folder);
  std::vector<TrainingTask> tasks;
  const AccuracyPlan plan(options, [&](const TrainingTask& task, const PointContext& context) {
    tasks.push_back(task);
    return pretend(task, context);
  });
  REQUIRE(plan.size() == 6);
  CHECK(plan.name(0) == "own softmax seed 0");
  CHECK(plan.name(3) == "own v2 seed 1");
  CHECK(plan.name(4) == "own v1 seed 0");  // the slowest form last
  for (std::uint64_t k = 0; k < plan.size(); ++k) REQUIRE(plan.measure(k, {}));
  CHECK(tasks[0].inference_devices.empty());
  CHECK(tasks[1].inference_devices.size() == 2);
  CHECK(tasks[0].seed == tasks[1].seed);
  CHECK(tasks[0].seed != tasks[2].seed);
  CHECK(tasks[0].identity != tasks[1].identity);
  CHECK(tasks[0].data == tasks[5].data);  // read once
  CHECK(tasks[0].budget.epochs == 3);

  AccuracyOptions fewer = options;
  fewer.data.front().without = {"v1"};
  const AccuracyPlan rest(fewer, pretend);
  CHECK(rest.size() == 4);
  for (std::uint64_t k = 0; k < rest.size(); ++k) CHECK(rest.name(k) == plan.name(k));
  CHECK(rest.description() != plan.description());

  options.ablations = true;
  const AccuracyPlan more(options, pretend);
  CHECK(more.size() == 6 + 2 * ablations().size());
  CHECK(more.description() != plan.description());
  options.budget.learning_rate *= 2;
  CHECK(AccuracyPlan(options, pretend).description() != more.description());
}

TEST_CASE("accuracy plan: what makes no sense is refused before anything is trained") {
  const TemporaryFolder folder;
  const auto refused = [&](auto change) {
    AccuracyOptions options = tiny(folder);
    change(options);
    try {
      const AccuracyPlan plan(options, pretend);
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK_THAT(refused([](AccuracyOptions& o) { o.forms = {"linear"}; }), Contains("linear"));
  CHECK_THAT(refused([](AccuracyOptions& o) { o.inference_devices = {"nothing:"}; }), Contains("nothing:"));
  CHECK_THAT(refused([](AccuracyOptions& o) { o.data[0].name = "imdb"; }), Contains("--data imdb=PATH"));
  CHECK_THAT(refused([](AccuracyOptions& o) { o.places.own["own"] = "/no/where.csv"; }),
             Contains("/no/where.csv") && Contains("no such file"));
  CHECK_THAT(refused([](AccuracyOptions& o) { o.data[0].epochs = 0; }), Contains("--epochs"));
  CHECK_THAT(refused([](AccuracyOptions& o) { o.budget.batch = 0; }), Contains("--batch"));
}

TEST_CASE("accuracy answer: deviations are paired by seed, intervals are Student's") {
  const TemporaryFolder folder;
  const AccuracyPlan plan(tiny(folder), pretend);
  const Sweep sweep = measured(plan);
  const AccuracyAnswer answer = accuracy_answer(sweep, plan.options().inference_devices);
  const AccuracyLine* v2 = answer.line("own", "v2");
  REQUIRE(v2 != nullptr);
  // Seed 0: 88 − 90, seed 1: 86 − 89: mean −2.5, standard error 0.5, t(1) = 12.706.
  CHECK(v2->deviation.value == Approx(-2.5));
  CHECK(v2->deviation.high == Approx(-2.5 + 12.706 * 0.5).epsilon(1e-3));
  CHECK(v2->final_deviation.value == Approx(-2));
  CHECK(v2->best.value == Approx(87));
  CHECK(v2->accuracy_curve == std::vector<double>{50, 87, 78});
  CHECK(std::isnan(answer.line("own", "softmax")->deviation.value));
  CHECK(answer.line("own", "v1")->from_v2.value == Approx(-3));
  REQUIRE(answer.moved.size() == 4);
  CHECK(answer.moved[0].accuracy_change.value == Approx(-1));
  CHECK_THAT(answer.sentences[0], Contains("within 2.7 points? Yes") && Contains("own -2.5"));
  CHECK_THAT(answer.sentences[1], Contains("v1: own -5.5"));
  CHECK_THAT(answer.sentences[2], Contains("emulator:") && Contains("2 of 2"));
  CHECK_THAT(answer.sentences[3], Contains("exact:") && Contains("0 of 2") && Contains("94.0%"));

  const AccuracyRun run{"opoloop experiment accuracy <x>", budget_in_words(plan.options().budget), 1, false};
  const std::string html = accuracy_html(answer, run);
  CHECK_THAT(html, Contains("−2.5 ± 6.4") && Contains("&lt;x&gt;") && Contains("Not all points"));
  // A row a variant below the names.
  const std::string csv = accuracy_csv(answer);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 4);
  const std::size_t head =
      std::count(csv.begin(), csv.begin() + static_cast<std::ptrdiff_t>(csv.find('\n')), ',');
  const std::string last = csv.substr(csv.rfind('\n', csv.size() - 2) + 1);
  CHECK(std::count(last.begin(), last.end(), ',') == static_cast<std::ptrdiff_t>(head));
  std::ostringstream text, json;
  print_accuracy(answer, run, text);
  CHECK_THAT(text.str(), Contains("87.0 ± 12.7"));
  print_accuracy_json(answer, run, json);
  CHECK_THAT(json.str(), Contains("\"complete\":false") && Contains("\"value\":-2.5"));
}

TEST_CASE("accuracy answer: without softmax nothing is claimed") {
  const TemporaryFolder folder;
  AccuracyOptions options = tiny(folder);
  options.forms = {"v2"};
  const AccuracyPlan plan(options, pretend);
  const AccuracyAnswer answer = accuracy_answer(measured(plan), options.inference_devices);
  CHECK_THAT(answer.sentences[0], Contains("Not answered"));
  // Names of ablations are forms too.
  options.forms = {"softmax", "no attention", "v2 c_m=0"};
  const AccuracyPlan more(options, pretend);
  const AccuracyAnswer without = accuracy_answer(measured(more), options.inference_devices);
  REQUIRE(without.lines.size() == 3);
  CHECK(without.line("own", "v2 c_m=0")->ablation());
  CHECK_THAT(without.sentences[1], Contains("Without any attention: own -5.5"));
}

TEST_CASE("accuracy: published figures stand beside the right sets") {
  REQUIRE(published_accuracy("mnist") != nullptr);
  CHECK(published_accuracy("mnist")->qama == 95.9);
  CHECK(published_accuracy("imdb")->softmax == 92.6);
  CHECK(std::isnan(published_accuracy("cifar-10")->softmax));
  CHECK(published_accuracy("digits") == nullptr);
}
