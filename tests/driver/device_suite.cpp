#include "tests/driver/device_suite.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <memory>

#include "core/error.h"
#include "core/random.h"
#include "driver/device.h"
#include "driver/statistics.h"
#include "hamiltonian/brute_force.h"

namespace opoloop {
namespace {

using Catch::Matchers::Contains;

Job job_of(IsingModel model, int runs) {
  auto problem = std::make_shared<Problem>();
  problem->ising = std::move(model);
  Job job;
  job.problem = std::move(problem);
  job.settings.runs = runs;
  return job;
}

IsingModel random_model(int n, bool integers, bool field) {
  RandomSequence random(static_cast<std::uint64_t>(n) + (integers ? 100 : 0), Stream::generator);
  const auto value = [&] { return integers ? (random.below(2) == 0 ? -1.0 : 1.0) : random.normal(); };
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) edges.push_back({i, j, value()});
  }
  std::vector<double> h;
  for (int i = 0; field && i < n; ++i) h.push_back(value());
  return {n, edges, h, -1.5};
}

double best_energy(const Result& result) {
  double best = INFINITY;
  for (const Sample& sample : result.samples) best = std::min(best, sample.energy_best);
  return best;
}

/// Energies are those of the spins that come with them, and best is not above final.
void check_samples(const Result& result, const IsingModel& model) {
  for (const Sample& sample : result.samples) {
    REQUIRE(sample.spins_best.size() == static_cast<std::size_t>(model.size()));
    REQUIRE(sample.spins_final.size() == static_cast<std::size_t>(model.size()));
    CHECK(sample.energy_best == model.energy(sample.spins_best));
    CHECK(sample.energy_final == model.energy(sample.spins_final));
    CHECK(sample.energy_best <= sample.energy_final);
    CHECK(sample.round_best <= sample.rounds);
    CHECK_FALSE(sample.diverged);
  }
}

void finds_ground_state(Device& device, const IsingModel& model) {
  const Result result = device.run(job_of(model, 32));
  check_samples(result, model);
  CHECK(reaches(best_energy(result), brute_force(model).energy));
}

bool same_samples(const Result& a, const Result& b) {
  return std::equal(a.samples.begin(), a.samples.end(), b.samples.begin(), b.samples.end(),
                    [](const Sample& s, const Sample& t) {
                      return s.trajectory == t.trajectory && s.energy_best == t.energy_best &&
                             s.energy_final == t.energy_final && s.round_best == t.round_best &&
                             s.rounds == t.rounds && s.spins_best == t.spins_best &&
                             s.spins_final == t.spins_final;
                    });
}

void check_ground_states(Device& device) {
  SECTION("two spins: the sign of J") {
    const Result ferro = device.run(job_of(IsingModel(2, {{0, 1, 1.0}}), 8));
    CHECK(best_energy(ferro) == -1);
    const Result anti = device.run(job_of(IsingModel(2, {{0, 1, -1.0}}), 8));
    CHECK(best_energy(anti) == -1);
    for (const Sample& s : ferro.samples) {
      if (s.energy_best == -1) CHECK(s.spins_best[0] == s.spins_best[1]);
    }
    for (const Sample& s : anti.samples) {
      if (s.energy_best == -1) CHECK(s.spins_best[0] == -s.spins_best[1]);
    }
  }
  SECTION("fields alone: the sign of h") {
    const Result result = device.run(job_of(IsingModel(3, {}, {1.0, -2.0, 0.5}, 10.0), 8));
    CHECK(best_energy(result) == 6.5);
  }
  SECTION("couplings and fields compete, either wins") {
    finds_ground_state(device, IsingModel(2, {{0, 1, 1.0}}, {2.0, -0.5}));
    finds_ground_state(device, IsingModel(2, {{0, 1, 1.0}}, {2.0, -1.5}));
    finds_ground_state(device, IsingModel(3, {{0, 1, -1.0}, {1, 2, -1.0}, {0, 2, -1.0}}, {0.0, 0.25, -0.5}));
  }
  SECTION("twelve spins, integer and real, with and without field, at any scale") {
    for (const bool integers : {true, false}) {
      for (const bool field : {true, false}) finds_ground_state(device, random_model(12, integers, field));
    }
    for (const double scale : {1e-6, 1e6}) {
      std::vector<IsingEdge> edges = random_model(12, false, false).edges();
      for (IsingEdge& e : edges) e.J *= scale;
      finds_ground_state(device, IsingModel(12, edges));
    }
  }
  SECTION("one spin, and spins without couplings") {
    finds_ground_state(device, IsingModel(1, {}, {-1.0}));
    finds_ground_state(device, IsingModel(1, {}));
    finds_ground_state(device, IsingModel(5, {}));
    finds_ground_state(device, IsingModel(5, {{1, 3, 2.0}}));
  }
}

void check_settings_obeyed(Device& device, const DeviceTraits& traits) {
  SECTION("runs, steps, numbering and the report") {
    Job job = job_of(random_model(10, false, true), 5);
    if (traits.sampler) job.settings.steps = 7;
    const Result result = device.run(job);
    CHECK(result.runs == 5);
    CHECK(result.steps == (traits.sampler ? 7 : 1));
    REQUIRE(result.samples.size() == 5);
    for (std::size_t k = 0; k < 5; ++k) {
      CHECK(result.samples[k].trajectory == k);
      CHECK(result.samples[k].rounds == result.steps);
    }
    check_samples(result, job.problem->ising);
    CHECK(result.device_uri == traits.uri);
    CHECK(result.timing.wall_s > 0);
    CHECK_FALSE(result.parameters.empty());
    CHECK_FALSE(result.interrupted);
    CHECK_FALSE(result.time_limited);
  }
  SECTION("a seed gives the same samples for any number of threads") {
    for (const bool integers : {true, false}) {
      Job job = job_of(random_model(20, integers, true), 37);
      if (traits.sampler) job.settings.steps = 20;
      const Result one = device.run(job);
      job.settings.threads = 3;
      const Result three = device.run(job);
      CHECK(same_samples(one, three));
      job.settings.seed = 2;
      if (traits.sampler) CHECK_FALSE(same_samples(one, device.run(job)));
    }
  }
  SECTION("a trajectory does not depend on how many run beside it") {
    Job job = job_of(random_model(20, false, false), 40);
    if (traits.sampler) job.settings.steps = 20;
    Result many = device.run(job);
    job.settings.runs = 3;
    many.samples.resize(3);
    CHECK(same_samples(many, device.run(job)));
  }
}

void check_stopping(Device& device, const DeviceTraits& traits) {
  constexpr std::int64_t kForever = 1'000'000'000;
  SECTION("cancel answers with what is done") {
    Job job = job_of(random_model(24, false, true), 3);
    if (traits.sampler) job.settings.steps = kForever;
    const std::string id = device.submit(job);
    device.cancel(id);
    const Result result = device.result(id);
    if (traits.sampler) CHECK(result.interrupted);
    check_samples(result, job.problem->ising);
  }
  SECTION("a time limit ends the run") {
    Job job = job_of(random_model(24, false, true), 3);
    if (traits.sampler) job.settings.steps = kForever;
    job.settings.time_limit_s = traits.sampler ? 0.05 : 1e-6;
    const Result result = device.run(job);
    CHECK(result.time_limited);
    CHECK_FALSE(result.interrupted);
    check_samples(result, job.problem->ising);
    for (const Sample& sample : result.samples) {
      if (traits.sampler) CHECK(sample.rounds < kForever);
    }
  }
  SECTION("until target stops once it is reached") {
    Job job = job_of(random_model(12, false, true), 200);
    if (traits.sampler) job.settings.steps = 20000;
    job.settings.target_energy = brute_force(job.problem->ising).energy;
    job.settings.until_target = true;
    const Result result = device.run(job);
    CHECK(reaches(best_energy(result), *job.settings.target_energy));
    CHECK_FALSE(result.interrupted);
    check_samples(result, job.problem->ising);
    std::int64_t rounds = 0;
    for (const Sample& sample : result.samples) rounds += sample.rounds;
    if (traits.sampler) CHECK(rounds < 200 * 20000);
  }
  SECTION("a start that is the target already is a success, and the statistics count it") {
    Job job = job_of(IsingModel(2, {{0, 1, 1.0}}), 4);
    job.settings.target_energy = -1;
    job.settings.until_target = true;
    const Result result = device.run(job);
    check_samples(result, job.problem->ising);
    const SolveStatistics statistics = solve_statistics(result, job.settings.target_energy);
    CHECK(statistics.successes_best > 0);
    CHECK(statistics.trials <= 4);
    CHECK(statistics.round_trips.value > 0);
  }
}

void check_refusals(Device& device, const DeviceTraits& traits) {
  SECTION("unknown parameters and impossible values are refused by name") {
    Job job = job_of(random_model(4, true, false), 1);
    job.settings.parameters.emplace("no-such-thing", "1");
    CHECK_THROWS_AS(device.submit(job), InputError);
    CHECK_THROWS_WITH(device.submit(job), Contains("no-such-thing"));
    if (!traits.number_parameter.empty()) {
      for (const std::string value : {"nan", "inf", "-1", "much"}) {
        job.settings.parameters = {{traits.number_parameter, value}};
        CHECK_THROWS_AS(device.submit(job), InputError);
        CHECK_THROWS_WITH(device.submit(job), Contains(traits.number_parameter));
      }
    }
    CHECK_THROWS_AS(device.result("local-0"), InputError);
  }
}

}  // namespace

void check_device_behaviour(const DeviceTraits& traits) {
  const std::unique_ptr<Device> device = make_device(traits.uri);
  CHECK(device->uri() == traits.uri);
  check_ground_states(*device);
  check_settings_obeyed(*device, traits);
  check_stopping(*device, traits);
  check_refusals(*device, traits);
}

}  // namespace opoloop
