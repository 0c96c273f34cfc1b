#include "driver/local_device.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "core/error.h"
#include "driver/device_parameters.h"

using namespace opoloop;
using Catch::Matchers::Contains;

namespace {

/// Counts to settings.steps, a step a millisecond; fails where parameter "fail" is set.
class CountingDevice final : public LocalDevice {
 public:
  explicit CountingDevice(const std::string& uri) : LocalDevice(parse_device_uri(uri)) {}
  ~CountingDevice() override { stop(); }
  Capabilities capabilities() const override {
    Capabilities can;
    can.max_spins = 4;
    return can;
  }

 private:
  void validate(const Job& job) const override {
    if (job.settings.parameters.contains("refuse")) throw InputError("refused");
  }
  Result execute(const Job& job, JobControl& control) override {
    if (job.settings.parameters.contains("fail")) throw Error("it broke");
    Result result;
    control.total = *job.settings.steps;
    while (control.progress < control.total) {
      if (control.cancel) {
        result.interrupted = true;
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ++control.progress;
      control.offer_energy(-static_cast<double>(control.progress));
    }
    result.steps = control.progress;
    for (const auto& [name, value] : job.settings.parameters) result.parameters[name] = {value, ""};
    return result;
  }
};

Job counting_job(std::int64_t steps, std::map<std::string, std::string> parameters = {}) {
  auto problem = std::make_shared<Problem>();
  problem->ising = IsingModel(2, {{0, 1, 1.0}});
  Job job;
  job.problem = problem;
  job.settings.steps = steps;
  job.settings.parameters = std::move(parameters);
  return job;
}

}  // namespace

TEST_CASE("a local job runs beside its caller and is answered once") {
  CountingDevice device("count:?a=1&b=2");
  const std::string first = device.submit(counting_job(3, {{"b", "3"}}));
  const std::string second = device.submit(counting_job(5));
  CHECK(first != second);
  CHECK(device.result(second).steps == 5);
  Progress progress;
  CHECK(device.wait(first, 60, &progress) == JobStatus::done);
  CHECK(progress.fraction == 1);
  CHECK(progress.best_energy == -3.0);
  const Result result = device.result(first);
  CHECK(result.device_uri == "count:?a=1&b=2");
  CHECK(result.parameters.at("a").value == "1");
  CHECK(result.parameters.at("b").value == "3");  // the job's own value wins over the URI's
  CHECK_THROWS_AS(device.result(first), InputError);
  CHECK_THROWS_AS(device.poll("local-99"), InputError);
}

TEST_CASE("a cancelled job answers with what is done") {
  CountingDevice device("count:");
  const std::string id = device.submit(counting_job(1'000'000'000));
  CHECK(device.poll(id) == JobStatus::running);
  device.cancel(id);
  const JobStatus status = device.wait(id, 60);
  CHECK(status == JobStatus::cancelled);
  const Result result = device.result(id);
  CHECK(result.interrupted);
  CHECK(result.steps < 1'000'000'000);
}

TEST_CASE("run reports progress and passes failures on") {
  CountingDevice device("count:");
  int calls = 0;
  double last = 0;
  const Result result = device.run(counting_job(300), [&](const Progress& p) {
    ++calls;
    CHECK(p.fraction >= last);
    last = p.fraction;
  });
  CHECK(result.steps == 300);
  CHECK(calls >= 1);  // at least 0.3 s of sleeping, a report every 0.1 s
  CHECK_THROWS_WITH(device.run(counting_job(1, {{"fail", ""}})), "it broke");
  CHECK_THROWS_WITH(device.run(counting_job(1, {{"refuse", ""}})), "refused");
}

TEST_CASE("a device that goes away stops its jobs") {
  CountingDevice device("count:");
  device.submit(counting_job(1'000'000'000));
  device.submit(counting_job(1'000'000'000));
}

TEST_CASE("settings no device can take are refused before the job starts") {
  CountingDevice device("count:");
  const auto refused = [&](auto change) {
    Job job = counting_job(1);
    change(job);
    CHECK_THROWS_AS(device.submit(job), InputError);
  };
  refused([](Job& j) { j.problem = nullptr; });
  refused([](Job& j) { j.settings.runs = 0; });
  refused([](Job& j) { j.settings.steps = 0; });
  refused([](Job& j) { j.settings.threads = 0; });
  refused([](Job& j) { j.settings.time_limit_s = 0; });
  refused([](Job& j) { j.settings.time_limit_s = std::numeric_limits<double>::quiet_NaN(); });
  refused([](Job& j) { j.settings.target_energy = std::numeric_limits<double>::quiet_NaN(); });
  refused([](Job& j) { j.settings.until_target = true; });
  refused([](Job& j) { j.settings.log_trajectories = 1; });
  auto large = std::make_shared<Problem>();
  large->ising = IsingModel(5, {});
  Job job = counting_job(1);
  job.problem = large;
  CHECK_THROWS_WITH(device.submit(job), Contains("5 spins") && Contains("at most 4"));
}

TEST_CASE("parameters are checked by name, form and range") {
  const std::vector<ParameterHelp> known = {{"dt", "", "1", "time step"}, {"k", "", "3", "a count"}};
  const std::map<std::string, std::string> given = {{"dt", "0.5"}, {"k", "7"}};
  const ParameterReader reader("dsb", given, known);
  CHECK(reader.number("dt", 1, 0, 2) == 0.5);
  CHECK(reader.integer("k", 3, 1, 10) == 7);
  CHECK(reader.number("absent", 0.25, 0, 1) == 0.25);
  CHECK_THROWS_WITH(reader.number("dt", 1, 1, 2), Contains("dt = '0.5'") && Contains("[1, 2]"));
  CHECK_THROWS_WITH(reader.integer("k", 3, 8, 9), Contains("k = '7'"));
  CHECK_THROWS_WITH(reader.integer("dt", 3, 0, 9), Contains("expected an integer"));
  const std::map<std::string, std::string> unknown = {{"speed", "1"}};
  CHECK_THROWS_WITH(ParameterReader("dsb", unknown, known), Contains("'speed'") && Contains("dt, k"));
  for (const std::string bad : {"nan", "inf", "-inf", "", "1x", "x", " 1"}) {
    const std::map<std::string, std::string> wrong = {{"dt", bad}};
    CHECK_THROWS_AS(ParameterReader("dsb", wrong, known).number("dt", 1, 0, 2), InputError);
  }
}
