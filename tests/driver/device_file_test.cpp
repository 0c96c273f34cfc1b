#include "driver/device_file.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <memory>
#include <set>

#include "core/error.h"
#include "driver/device.h"
#include "driver/emulator_parameters.h"
#include "driver/imperfection_parameters.h"
#include "driver/run_file.h"
#include "driver/statistics.h"
#include "temporary_folder.h"

using namespace opoloop;
using opoloop::test::TemporaryFolder;

namespace {

std::string write(const TemporaryFolder& folder, const std::string& text) {
  const std::string path = folder.file("twin.toml");
  std::ofstream(path) << text;
  return path;
}

Job job_of(int n) {
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i)
    for (int j = i + 1; j < n; ++j) edges.push_back({i, j, (i * 7 + j * 3) % 5 < 2 ? -1.0 : 0.5});
  auto problem = std::make_shared<Problem>();
  problem->name = "toy";
  problem->ising = IsingModel(n, edges);
  Job job;
  job.problem = problem;
  job.settings.runs = 3;
  job.settings.steps = 50;
  return job;
}

}  // namespace

TEST_CASE("a device file sets what a URI sets, by the same names; the URI and the job go before it") {
  const TemporaryFolder folder;
  const std::string path = write(folder, R"(
format = 1
description = "loop 3"
machine = "ntt-2021"
adc_bits = 10
adc_full_scale = 2.5
pump = "-1:1@0.9"
dead_pulses = [3, 5]
feedback_delay = 2
)");
  const DeviceFile file = read_device_file(path);
  CHECK(file.machine == "ntt-2021");
  CHECK(file.description == "loop 3");
  CHECK(file.parameters.at("dead_pulses") == "3,5");
  CHECK(file.parameters.at("adc_full_scale") == "2.5");

  const auto in_force = [&](const std::string& uri, const std::string& name, const Job& job) {
    return make_device(uri)->run(job).parameters.at(name).value;
  };
  const Job job = job_of(12);
  CHECK(in_force("emulator:" + path, "adc_bits", job) == "10");
  CHECK(in_force("emulator:" + path, "dead_pulses", job) == "3,5");
  CHECK(in_force("emulator:" + path, "machine", job) == "ntt-2021");
  CHECK(in_force("emulator:" + path, "device_file", job) == path);
  CHECK(in_force("emulator:" + path + "?adc_bits=8", "adc_bits", job) == "8");
  Job given = job;
  given.settings.parameters["adc_bits"] = "ideal";
  CHECK(in_force("emulator:" + path + "?adc_bits=8", "adc_bits", given) == "ideal");
  // The data sheet comes last.
  CHECK(in_force("emulator:ntt-2021", "adc_bits", job) == "14");
  CHECK(in_force("emulator:ntt-2016", "adc_bits", job) == "ideal");
}

TEST_CASE("a device file gives the run that the same parameters in the URI give") {
  const TemporaryFolder folder;
  const std::string path =
      write(folder, "pump_noise = 0.1\ngain_spread = 0.05\ndac_bits = 8\ninjection_phase = 0.2\n");
  const Job job = job_of(20);
  const Result a = make_device("emulator:" + path)->run(job);
  const Result b =
      make_device("emulator:?pump_noise=0.1&gain_spread=0.05&dac_bits=8&injection_phase=0.2")->run(job);
  const Result ideal = make_device("emulator:")->run(job);
  bool differs = false;
  for (std::size_t r = 0; r < a.samples.size(); ++r) {
    CHECK(a.samples[r].spins_final == b.samples[r].spins_final);
    CHECK(a.samples[r].energy_best == b.samples[r].energy_best);
    differs |= a.samples[r].spins_final != ideal.samples[r].spins_final ||
               a.samples[r].round_best != ideal.samples[r].round_best;
  }
  CHECK(differs);
  CHECK(a.counts_clipping);
  CHECK_FALSE(ideal.counts_clipping);
}

TEST_CASE("what is wrong in a device file is said with file, line and key") {
  const TemporaryFolder folder;
  const auto says = [&](const std::string& text, const std::string& words) {
    const std::string path = write(folder, text);
    INFO(text);
    CHECK_THROWS_AS(read_device_file(path), InputError);
    CHECK_THROWS_WITH(read_device_file(path), Catch::Contains(path) && Catch::Contains(words));
  };
  says("# a comment\nadc_bit = 8\n", ":2: 'adc_bit': emulator: has no parameter 'adc_bit'");
  says("adc_bits = 0\n", ":1: 'adc_bits': adc_bits = 0: must be 1 to 24 bits");
  says("\n\nadc_bits = 8.5\n", ":3: 'adc_bits'");
  says("detection_efficiency = 2\n", ":1: 'detection_efficiency'");
  says("feedback_delay = -1\n", "feedback_delay = -1: must be 0 to 1000000 round trips");
  says("pump_noise = nan\n", ":1: 'pump_noise'");
  says("dead_pulses = [1, 2.5]\n", "expected pulse numbers with commas between");
  says("gain_map = [0.1, true]\n", "expected a list of numbers");
  says("dead_pulses = \"1;2\"\n", "expected pulse numbers with commas between");
  says("adc_bits = true\n", "expected a number, a string or a list of numbers");
  says("machine = \"ntt-2020\"\n", ":1: 'machine'");
  says("format = 2\n", "this program reads format 1");
  says("adc_bits = \n", ":1:");
  says("adc_bits = 8\nadc_bits = 9\n", ":2:");
  says("storage = \"bits\"\n", ":1: 'storage'");
  says("coupling_bits = 1\n", ":1: 'coupling_bits'");
  says("[electronics]\nadc_bits = 8\n", ":1: 'electronics'");
  CHECK_THROWS_WITH(read_device_file(folder.file("none.toml")), Catch::Contains("is not a readable file"));
  CHECK_THROWS_WITH(make_device("emulator:" + folder.file("none.toml")), Catch::Contains("none.toml"));
}

TEST_CASE("every imperfection is in the help, takes its own default and is described with its unit") {
  const auto described = describe(LoopParameters());
  std::set<std::string> names;
  for (const ImperfectionParameter& p : imperfection_parameters()) {
    INFO(p.help.name);
    CHECK(names.insert(p.help.name).second);
    CHECK(described.at(p.help.name).unit == p.help.unit);
    Imperfections i;
    p.set(i, described.at(p.help.name).value);
    CHECK(p.get(i) == described.at(p.help.name).value);
    CHECK_THROWS_AS(p.set(i, "much"), InputError);
  }
  CHECK(names.size() == 20);
}

TEST_CASE("dead pulses beyond the problem are refused before a run") {
  CHECK_THROWS_WITH(make_device("emulator:?dead_pulses=12")->check(job_of(12)),
                    Catch::Contains("dead_pulses = 12: must be a pulse, 0 to 11"));
  CHECK_NOTHROW(make_device("emulator:?dead_pulses=11")->check(job_of(12)));
}

TEST_CASE("coupling bits round J for the loop, energies stay those of the problem") {
  const Job job = job_of(12);
  const Result r = make_device("emulator:?coupling_bits=2&law=cac")->run(job);
  REQUIRE(r.adaptations.size() == 1);
  CHECK(r.adaptations[0].find("2-bit integers") != std::string::npos);
  for (const Sample& s : r.samples) CHECK(s.energy_best == job.problem->ising.energy(s.spins_best));
  CHECK(make_device("emulator:ntt-2016")->run(job).parameters.at("coupling_bits").value == "2");
  CHECK(make_device("emulator:ntt-2016?coupling_bits=ideal")->run(job).adaptations.empty());
}

TEST_CASE("clipped values go into the run file, are read back and checked") {
  const TemporaryFolder folder;
  Job job = job_of(12);
  const Result r =
      make_device("emulator:?adc_bits=8&adc_full_scale=0.2&dac_bits=8&dac_full_scale=0.1")->run(job);
  REQUIRE(r.counts_clipping);
  std::int64_t adc = 0;
  for (const Sample& s : r.samples) adc += s.clipping.adc_saturations;
  CHECK(adc > 0);
  const std::string path = folder.file("run.h5");
  {
    RunFile file(path, *job.problem, {"test", 1, "emulator:", 2.0});
    file.finish(r, solve_statistics(r, std::nullopt, 1));
  }
  const RunFileContents c = read_run_file(path);
  REQUIRE(c.clipping.size() == 3);
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(c.clipping[k].adc_saturations == r.samples[k].clipping.adc_saturations);
    CHECK(c.clipping[k].dac_saturations == r.samples[k].clipping.dac_saturations);
    CHECK(c.clipping[k].fixed_point_overflows == 0);
  }
  const RunFileCheck check = check_run_file(path);
  CHECK(check.ok);
  bool said = false;
  for (const std::string& line : check.lines) said |= line.starts_with("clipped values: ");
  CHECK(said);

  Result broken = r;
  broken.samples[1].clipping.dac_saturations = 1'000'000;
  {
    RunFile file(path, *job.problem, {"test", 1, "emulator:", 2.0});
    file.finish(broken, solve_statistics(broken, std::nullopt, 1));
  }
  CHECK_FALSE(check_run_file(path).ok);
}

TEST_CASE("a time step beyond what explicit steps follow is in the warnings with the stable bound") {
  Job job = job_of(12);
  CHECK(make_device("emulator:?preset=sk-cac")->run(job).warnings.empty());
  const Result r = make_device("emulator:?preset=sk-cac&dt=2")->run(job);
  REQUIRE_FALSE(r.warnings.empty());
  CHECK(r.warnings[0].find("dt = 2 with 1 step a round trip") != std::string::npos);
  CHECK(r.warnings[0].find("stable up to dt = ") != std::string::npos);
}
