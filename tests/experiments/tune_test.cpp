// The search finds known minima, remembers what it measured, and is judged on instances it never saw.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <stdexcept>

#include "core/error.h"
#include "driver/device_file.h"
#include "driver/statistics.h"
#include "experiments/tune/optimise.h"
#include "experiments/tune/tune.h"
#include "experiments/tune/tune_report.h"
#include "tests/driver/temporary_folder.h"

using namespace opoloop;

namespace {

bool cannot_search() {
  if (!can_search()) WARN("built without NLopt: not tested");
  return !can_search();
}

std::string refusal(const std::function<void()>& what) {
  try {
    what();
  } catch (const InputError& error) {
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    return error.what();
  }
  return "";
}

/// Small instances on the emulator with its time step and the length of runs to find.
TuneOptions small_tuning() {
  TtsEnsemble ensemble;
  ensemble.families = {"sk"};
  ensemble.spins = {16};
  ensemble.instances = 5;
  const auto all = tts_instances(ensemble);
  TuneOptions options;
  options.device = "emulator:?law=cac";
  options.vary = {parse_vary("dt=0.02:0.5,log"), parse_vary("steps=4:200,log")};
  options.training = {all[0], all[1], all[2]};
  options.test = {all[3], all[4]};
  options.runs = 16;
  options.test_runs = 32;
  options.evaluations = 12;
  options.resamples = 50;
  return options;
}

std::vector<std::string> text_of(const TuneMemory& memory) {
  std::vector<std::string> rows;
  for (const TuneRow& row : memory.rows())
    rows.push_back(row.role + row.instance + row.setting + std::to_string(row.successes));
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace

TEST_CASE("tune: every method finds the minimum of a bowl, twice the same way") {
  if (cannot_search()) return;
  // Off the middle, on axes of different weight; what is asked is a quarter of the distance at the start.
  const std::vector<double> lowest = {0.25, 0.7, 0.4};
  const auto bowl = [&](const std::vector<double>& at) -> std::optional<double> {
    return 4 * std::pow(at[0] - lowest[0], 2) + std::pow(at[1] - lowest[1], 2) +
           2 * std::pow(at[2] - lowest[2], 2) + 1;
  };
  const double start = *bowl({0.5, 0.5, 0.5}) - 1;
  for (const SearchMethod& method : search_methods()) {
    INFO(method.name);
    const Found found = minimise(method.name, 3, 1000, 1, bowl);
    CHECK(found.value - 1 < start / 16);
    CHECK(found.value == *bowl(found.point));
    CHECK_FALSE(found.stopped);
    CHECK(minimise(method.name, 3, 1000, 1, bowl).point == found.point);
  }
  CHECK(refusal([&] { minimise("newton", 3, 10, 1, bowl); }).find("must be one of crs2") !=
        std::string::npos);

  int calls = 0;
  const Found stopped = minimise("crs2", 3, 100, 1, [&](const std::vector<double>& at) {
    return ++calls > 5 ? std::nullopt : bowl(at);
  });
  CHECK(stopped.stopped);
  CHECK(stopped.evaluations == 5);
  CHECK_THROWS_AS(minimise("cobyla", 3, 100, 1,
                           [](const std::vector<double>&) -> std::optional<double> {
                             throw std::runtime_error("broken");
                           }),
                  std::runtime_error);
}

TEST_CASE("tune: ranges map to what is written, and wrong ones are refused") {
  const Vary plain = parse_vary("beta=0.1:0.5");
  CHECK(plain.value(0) == 0.1);
  CHECK(plain.value(0.5) == Approx(0.3));
  CHECK(plain.value(2) == 0.5);
  const Vary logarithmic = parse_vary("dt=0.01:1,log");
  CHECK(logarithmic.text(0.5) == "0.1");
  CHECK(logarithmic.text(0.123) == "0.0176");  // 0.01 · 100^0.123 = 0.017620
  CHECK(parse_vary("steps=10:1000,log").text(0.5) == "100");
  CHECK(parse_vary("k=1:4,integer").text(0.4) == "2");

  const Setting setting = setting_at({parse_vary("p=0.5:1.5"), plain}, {{"pump", "-1:{p}@0.9"}}, {0.5, 1});
  CHECK(setting_words(setting) == "beta=0.5 pump=-1:1@0.9");

  for (const char* text :
       {"", "dt", "dt=", "=1:2", "dt=1", "dt=a:2", "dt=1:b", "dt=2:1", "dt=1:1", "dt=0:1,log", "dt=1:2,lg",
        "steps=0:5", "steps=1.5:5", "k=1:2.5,integer", "dt=nan:1"}) {
    INFO(text);
    CHECK(refusal([&] { parse_vary(text); }).find("--vary '") == 0);
  }
}

TEST_CASE("tune: a score has a slope where nothing is solved; times that are reported do not use it") {
  const auto row = [](double successes, double steps) {
    return TuneRow{kRoleTraining, "i", "s", 100, successes, steps, 0, 0};
  };
  const auto steps_at = [](double p, double steps) { return steps * std::log(0.01) / std::log(1 - p); };
  CHECK(tune_score({row(0, 100)}, TuneScore::geometric_mean) == Approx(steps_at(0.5 / 101, 100)));
  CHECK(tune_score({row(0, 50)}, TuneScore::median) < tune_score({row(0, 100)}, TuneScore::median));
  CHECK(tune_score({row(10, 20), row(40, 30)}, TuneScore::geometric_mean) ==
        Approx(std::sqrt(steps_at(10.5 / 101, 20) * steps_at(40.5 / 101, 30))));
}

TEST_CASE("tune: the same for any thread count, and a search that goes on measures nothing twice") {
  if (cannot_search()) return;
  TuneOptions options = small_tuning();
  check_tune(options);
  TuneMemory whole;
  const auto first = tune(options, whole);
  REQUIRE(first);
  CHECK(first->evaluations >= 12);
  REQUIRE(first->candidates.size() == 3);

  options.threads = 3;
  TuneMemory threaded;
  const auto second = tune(options, threaded);
  REQUIRE(second);
  CHECK(second->candidates[0].setting == first->candidates[0].setting);
  CHECK(second->history == first->history);
  CHECK(text_of(threaded) == text_of(whole));

  // Half the budget first, through a file; then the whole.
  const opoloop::test::TemporaryFolder folder;
  options.evaluations = 5;
  TuneMemory part;
  REQUIRE(tune(options, part));
  CHECK(part.rows().size() < whole.rows().size());
  save_tune(folder / "tune.h5", part, options, "test", false);
  options.evaluations = 12;
  TuneMemory resumed = load_tune(folder / "tune.h5", options);
  CHECK(text_of(resumed) == text_of(part));
  const auto third = tune(options, resumed);
  REQUIRE(third);
  CHECK(third->history == first->history);
  CHECK(third->candidates[0].setting == first->candidates[0].setting);

  options.runs = 17;
  CHECK(refusal([&] { load_tune(folder / "tune.h5", options); }).find("is of another tuning") !=
        std::string::npos);

  // What is reported is made of test rows alone.
  const TuneCandidate& tuned = first->candidates[0];
  for (const TtsInstance& instance : small_tuning().test)
    CHECK(whole.find(kRoleTest, instance.name, setting_words(tuned.setting)) != nullptr);
  for (const TuneRow& row : whole.rows()) {
    if (row.role != kRoleTest) continue;
    CHECK((row.instance == "SK N=16 #3" || row.instance == "SK N=16 #4"));
    CHECK(row.trials == 32);
  }
  CHECK(tuned.time.instances == 2);

  // The device file is read by the emulator and holds what was found.
  const std::string text = tuned_device_file(options, *first);
  const DeviceFile file = parse_device_file(text, "tuned.toml");
  CHECK(file.parameters.at("law") == "cac");
  CHECK(file.parameters.at("dt") == tuned.setting.at("dt"));
  CHECK_FALSE(file.parameters.contains("steps"));
  CHECK(text.find("--steps " + tuned.setting.at("steps")) != std::string::npos);
  CHECK(tuned_uri(options, tuned.setting) == "emulator:?law=cac&dt=" + tuned.setting.at("dt"));
  options.device = "emulator:?dt=0.3&law=cac";  // what was tuned goes before what was given
  CHECK(tuned_uri(options, {{"dt", "0.2"}, {"steps", "30"}}) == "emulator:?law=cac&dt=0.2");
  options.device = "emulator:?dt=0.3";
  CHECK(tuned_uri(options, {{"dt", "0.2"}}) == "emulator:?dt=0.2");
  options.device = "emulator:";
  CHECK(tuned_uri(options, {{"dt", "0.2"}, {"law", "cac"}}) == "emulator:?dt=0.2&law=cac");
  options.device = "dsb:";
  CHECK(refusal([&] { tuned_device_file(options, *first); }).find("describes 'emulator:'") !=
        std::string::npos);
  CHECK(tune_html(options, *first, "test").find("default, best length") != std::string::npos);
}

TEST_CASE("tune: a fixed number of steps that is none is refused before any work") {
  for (const char* steps : {"abc", "1e3", "50x", "0", "-1", ""}) {
    TuneOptions options = small_tuning();
    std::erase_if(options.vary, [](const Vary& vary) { return vary.name == kStepsName; });
    options.fixed[kStepsName] = steps;
    CHECK(refusal([&] { check_tune(options); }).find("expected a whole number, 1 or more") !=
          std::string::npos);
  }
}

TEST_CASE("tune: training and test instances must differ, whatever they are called") {
  TuneOptions options = small_tuning();
  options.test.push_back(options.training[1]);
  options.test.back().name = "another name";
  CHECK(refusal([&] {
          check_tune(options);
        }).find("test instance another name is training instance SK N=16 #1") != std::string::npos);
  options = small_tuning();
  options.test.clear();
  CHECK(refusal([&] { check_tune(options); }).find("both are needed") != std::string::npos);
  options = small_tuning();
  options.vary.push_back(options.vary[0]);
  CHECK(refusal([&] { check_tune(options); }).find("--vary dt: is given twice") != std::string::npos);
  options = small_tuning();
  options.vary = {parse_vary("nonsense=1:2")};
  CHECK(refusal([&] { check_tune(options); }).find("nonsense") != std::string::npos);
  options.vary = {parse_vary("dt=-1:2")};
  CHECK(refusal([&] { check_tune(options); }).find("dt") != std::string::npos);
}
