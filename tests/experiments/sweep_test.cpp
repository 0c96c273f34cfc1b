#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <iterator>
#include <set>

#include "core/error.h"
#include "experiments/sweep/sweep_plan.h"
#include "hamiltonian/brute_force.h"
#include "hamiltonian/generators.h"
#include "tests/driver/temporary_folder.h"

using namespace opoloop;
using test::TemporaryFolder;

namespace {

constexpr const char* kSmall = R"(
seeds = [3, 8]
[[instances]]
generate = "sk"
name = "SK"
n = [6, 7]
count = 2
[[instances]]
generate = "moebius"
n = 8
[settings]
runs = 4
steps = [10, 20]
[[devices]]
uri = "annealing:"
[[devices]]
uri = "emulator:"
name = "machine"
steps = 30
[[devices.settings]]
name = "plain"
law = "linear"
[[devices.settings]]
law = "cac"
dt = [0.1, 0.2]
)";

SweepConfig parse(const std::string& text) {
  return parse_sweep_config(text, "sweep.toml", 1);
}

double number(const SweepPlan& plan, const PointValues& values, const std::string& name) {
  for (std::size_t c = 0; c < values.size(); ++c) {
    if (plan.columns()[c].name == name) return std::get<double>(values[c]);
  }
  FAIL("no column " + name);
  return 0;
}

}  // namespace

TEST_CASE("sweep: every instance, setting and seed is one point, the last fastest") {
  const SweepPlan plan(parse(kSmall), 1);
  const SweepConfig& config = plan.config();
  CHECK(config.instance_count() == 5);
  REQUIRE(config.settings.size() == 5);
  CHECK(plan.size() == 5 * 5 * 2);
  CHECK(config.settings[0].label == "steps=10");
  CHECK(config.settings[0].runs == 4);
  CHECK(config.settings[2].device == "machine");
  CHECK(config.settings[2].label == "plain");
  CHECK(config.settings[2].steps == 30);
  CHECK(config.settings[2].parameters == std::map<std::string, std::string>{{"law", "linear"}});
  CHECK(config.settings[4].label == "dt=0.2 law=cac");
  std::set<std::string> names;
  for (std::uint64_t i = 0; i < plan.size(); ++i) names.insert(plan.name(i));
  CHECK(names.size() == plan.size());
  CHECK(plan.name(0) == "sk n=6 seed=1, annealing: steps=10, seed 3");
  CHECK(plan.name(1) == "sk n=6 seed=1, annealing: steps=10, seed 8");
  CHECK(plan.name(2) == "sk n=6 seed=1, annealing: steps=20, seed 3");
  CHECK(plan.name(10) == "sk n=6 seed=2, annealing: steps=10, seed 3");
  CHECK(plan.name(20) == "sk n=7 seed=1, annealing: steps=10, seed 3");
  CHECK(plan.name(40) == "moebius n=8, annealing: steps=10, seed 3");
  // What does not decide a number is not part of the plan.
  CHECK(describe(parse(std::string("metrics = [\"gap_best\"]\n# words\n") + kSmall)) == plan.description());
  CHECK(describe(parse(std::string("target_gap = 0.1\n") + kSmall)) != plan.description());
}

TEST_CASE("sweep: a point's numbers do not depend on what was measured before, nor on threads") {
  const SweepPlan forwards(parse(kSmall), 1), backwards(parse(kSmall), 1);
  PointContext one, three;
  three.threads = 3;
  std::vector<PointValues> first(forwards.size());
  for (std::uint64_t i = 0; i < forwards.size(); ++i) first[i] = *forwards.measure(i, one);
  for (std::uint64_t i = backwards.size(); i-- > 0;) {
    const PointValues values = *backwards.measure(i, three);
    for (std::size_t c = 0; c < values.size(); ++c) {
      if (forwards.columns()[c].name.find("wall") != std::string::npos) continue;
      INFO(forwards.name(i) << ", " << forwards.columns()[c].name);
      if (std::holds_alternative<double>(values[c]) && std::isnan(std::get<double>(values[c]))) {
        CHECK(std::isnan(std::get<double>(first[i][c])));
      } else {
        CHECK(values[c] == first[i][c]);
      }
    }
  }
  // The reference of a small instance is its ground energy.
  const Problem problem = generate_problem("sk", {{"n", "6"}, {"seed", "2"}});
  CHECK(number(forwards, first[10], "reference_energy") == brute_force(problem.ising).energy);
  CHECK(number(forwards, first[10], "gap_best") >= 0);
  CHECK(number(forwards, first[10], "runs") == 4);
}

TEST_CASE("sweep: without a reference there is no success, a stated one and a gap decide it") {
  const std::string head = "[[instances]]\ngenerate = \"sk\"\nn = 10\n";
  const std::string tail = "[[devices]]\nuri = \"annealing:\"\nruns = 5\nsteps = 20\n";
  const SweepPlan none(parse("brute_force_spins = 9\n" + head + tail), 1);
  const PointValues unknown = *none.measure(0, {});
  CHECK(std::isnan(number(none, unknown, "p_success")));
  CHECK(std::isnan(number(none, unknown, "tts_steps")));
  CHECK(std::isnan(number(none, unknown, "gap_best")));
  const double best = number(none, unknown, "energy_best");
  const SweepPlan beyond(parse(head + "best_known = -1000\n" + tail), 1);
  const PointValues never = *beyond.measure(0, {});
  CHECK(number(beyond, never, "p_success") == 0);
  CHECK(std::isinf(number(beyond, never, "tts_steps")));
  CHECK(number(beyond, never, "tts_steps_low") > 0);
  CHECK(number(beyond, never, "gap_best") == Approx((best + 1000) / 1000));
  const SweepPlan near(parse("target_gap = 1\n" + head + "best_known = -1000\n" + tail), 1);
  CHECK(number(near, *near.measure(0, {}), "p_success") == 1);
}

TEST_CASE("sweep: what cannot be measured throws its reason, what is stopped gives nothing") {
  const TemporaryFolder folder;
  folder.file("bad.txt", "not a graph\n");
  folder.file("b.mc", "3 1\n1 2 1\n");
  folder.file("a.mc", "2 1\n1 2 1\n");
  const std::string path = folder.file("sweep.toml", R"(
[[instances]]
files = ["missing.txt", "bad.txt", "*.mc"]
[[devices]]
uri = "annealing:"
runs = 2
)");
  const SweepPlan plan(read_sweep_config(path, 1), 1);
  REQUIRE(plan.size() == 4);
  CHECK_THROWS_WITH(plan.measure(0, {}), Catch::Contains("missing.txt"));
  CHECK_THROWS_WITH(plan.measure(1, {}), Catch::Contains("bad.txt"));
  CHECK(plan.name(2) == "a.mc, annealing:");
  CHECK(number(plan, *plan.measure(2, {}), "spins") == 2);
  CHECK(number(plan, *plan.measure(3, {}), "spins") == 3);
}

TEST_CASE("sweep: a bad configuration is refused with file, line and key") {
  const std::string instances = "[[instances]]\ngenerate = \"sk\"\nn = 8\n";
  const std::string devices = "[[devices]]\nuri = \"annealing:\"\n";
  const auto refused = [&](const std::string& text, const std::string& message) {
    INFO(text);
    try {
      parse(text);
      FAIL("accepted");
    } catch (const InputError& error) {
      CHECK_THAT(error.what(), Catch::Contains(message));
      CHECK(std::string(error.what()).find('\n') == std::string::npos);
    }
  };
  refused("seed = 3\n" + instances + devices,
          "sweep.toml:1: 'seed': unknown key; known here are brute_force_spins");
  refused(devices, "no [[instances]]");
  refused(instances, "no [[devices]]");
  refused(instances + "count = 0\n" + devices, "sweep.toml:4: 'count': expected a whole number from 1");
  refused(instances + "N = 9\n" + devices, "sweep.toml:4: 'N': sk takes n,");
  refused(instances + "files = \"a\"\n" + devices, "expected either files or generate");
  refused("[[instances]]\ngenerate = \"ising\"\n" + devices, "sweep.toml:2: 'ising': no such generator");
  refused("[[instances]]\ngenerate = \"sk\"\n" + devices, "'sk': needs n");
  refused("[[instances]]\ngenerate = \"moebius\"\nn = 8\ncount = 2\n" + devices, "has no seed");
  refused("[[instances]]\nfiles = \"no/such/*.txt\"\n" + devices,
          "sweep.toml:2: 'no/such/*.txt': no file matches");
  refused(instances + devices + "sweeeps = 3\n", "sweeeps");
  refused(instances + "[[devices]]\nuri = \"emulator:\"\ndt = [-1, 0.1]\n", "sweep.toml:6: 'dt': dt");
  refused(instances + "[[devices]]\nuri = \"emulator:\"\npump = 1\nfoo = 1\n",
          "sweep.toml:7: 'foo': emulator: has no parameter 'foo'");
  refused("[settings]\nfoo = 1\n" + instances + devices, "sweep.toml:2: 'foo': ");
  const std::string generate = "[[instances]]\ngenerate = \"sk\"\n";
  refused(generate + "n = \"a\"\n" + devices, "sweep.toml:3: 'n': sk: n = 'a': expected an integer");
  refused(generate + "n = [8, 10.5]\n" + devices, "sweep.toml:3: 'n': sk: n = '10.5': expected an integer");
  refused(generate + "n = -3\n" + devices, "sweep.toml:3: 'n': sk: n = '-3': expected a count");
  refused(generate + "n = 8\nvariance = 2\n" + devices, "'variance': sk: variance = '2': expected 1/n or 1");
  refused(generate + "n = -5000\n" + devices, "expected a count");
  // Nothing is generated for it.
  const std::string large =
      "[[instances]]\ngenerate = \"wishart\"\nn = 1000000000\nalpha = [1e17, 2.5]\n" + devices;
  CHECK(parse_sweep_config(large, "sweep.toml", 1).points() == 2);
  refused(generate + "n = 2000000000\ncouplings = 3\n" + devices, "sweep.toml:4: 'couplings': ");
  refused(
      instances + "[[devices]]\nuri = \"emulator:\"\n[[devices.settings]]\nwhat = 1\n[[devices.settings]]\n",
      "sweep.toml:7: 'what': emulator: has no parameter 'what'");
  refused(instances + devices + "steps = 1.5\n", "sweep.toml:6: 'steps': expected a whole number");
  refused(instances + devices + "steps = [5, 5]\n", "'steps': a value is given twice");
  refused(instances + devices + "steps = []\n", "at least one value");
  refused(instances + "[[devices]]\nuri = \"anealing:\"\n", "sweep.toml:5: 'anealing:': device");
  refused(instances + "[[devices]]\nname = \"x\"\n", "expected uri");
  refused("metrics = [\"speed\"]\n" + instances + devices, "'speed': no such metric; known are p_success");
  refused("target_gap = -1\n" + instances + devices, "'target_gap': expected a number from 0");
  refused("seeds = 0\n" + instances + devices, "'seeds'");
  refused("seeds = [1\n" + instances + devices, "sweep.toml:");
  refused(instances + "best_known = nan\n" + devices, "'best_known': expected a finite");
  refused("seeds = 100000\n" + instances + "count = 100000\n" + devices, "more than 4294967296 points");
  CHECK_THROWS_WITH(read_sweep_config("no/such.toml", 1), Catch::Contains("is not a readable file"));
}

TEST_CASE("sweep: the examples are read, and each device takes its settings") {
  CHECK(read_sweep_config("examples/sweeps/run_length.toml", 1).points() == 20 * 7);
  CHECK(read_sweep_config("examples/sweeps/devices.toml", 1).points() == (3 + 6) * 5 * 2);
}

TEST_CASE("sweep: the configuration of the documentation is one") {
  std::ifstream page("docs/sweeps.md");
  const std::string text{std::istreambuf_iterator<char>(page), std::istreambuf_iterator<char>()};
  const std::string fence = "```toml\n";
  const std::size_t begin = text.find(fence) + fence.size();
  REQUIRE(begin > fence.size());
  const SweepConfig config =
      parse_sweep_config(text.substr(begin, text.find("```", begin) - begin), "docs/sweeps.md", 1);
  CHECK(config.settings.size() == 2 * 2 * 3);
  CHECK(config.settings[4].label == "unsteady pump dt=0.1 pump_noise=0.01 steps=100");
  CHECK(config.instances[1].size() == 20);
}
