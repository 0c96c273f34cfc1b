#include <catch2/catch.hpp>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "command_fixture.h"

using namespace opoloop;
using opoloop::test::call;
using opoloop::test::Ran;
using opoloop::test::TemporaryFolder;

namespace {

const char* kMachine =
    "model = \"truncated-wigner\"\nsubsteps = 1\nclamp = 0\ndt = 0.13\ng2 = 3e-4\nelectronic_noise = 0.01\n"
    "pump_unit = 1.2\nfeedback_gain = 0.8\nfeedback_delay = 1\n";

std::string text_of(const std::string& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

TEST_CASE("calibrate measures, keeps the records, and the records give the same twin") {
  const TemporaryFolder folder;
  const std::string machine = "emulator:" + folder.file("machine.toml", kMachine);
  const Ran measured = call({"calibrate",
                             "--device",
                             machine,
                             "--pulses",
                             "8",
                             "--runs",
                             "12",
                             "--threads",
                             "1",
                             "--out",
                             folder.file("twin.toml"),
                             "--acquire-to",
                             folder.file("bench.toml"),
                             "--report",
                             folder.file("page.html"),
                             "--against",
                             machine,
                             "--instances",
                             "2",
                             "--spins",
                             "8",
                             "--against-runs",
                             "40",
                             "--resamples",
                             "100",
                             "--json"});
  INFO(measured.err);
  REQUIRE(measured.code == 0);
  const auto json = nlohmann::json::parse(measured.out);
  CHECK(json.at("estimates").size() >= 8);
  CHECK(json.at("comparison").at("jobs").size() == 2);
  CHECK(text_of(folder.file("page.html")).find("Gain map") != std::string::npos);

  const Ran imported = call({"calibrate", "--records", folder.file("bench.toml"), "--out",
                             folder.file("again.toml"), "--resamples", "100"});
  INFO(imported.err);
  REQUIRE(imported.code == 0);
  CHECK(imported.out_has("pump_unit"));
  CHECK(text_of(folder.file("again.toml")) == text_of(folder.file("twin.toml")));
  CHECK(call({"devices", "--file", folder.file("twin.toml")}).code == 0);
}

TEST_CASE("the gain map's standard deviation is that of the pulses that live") {
  const TemporaryFolder folder;
  const std::string machine =
      "emulator:" + folder.file("machine.toml", std::string(kMachine) + "dead_pulses = [2]\n");
  const Ran measured = call({"calibrate", "--device", machine, "--pulses", "8", "--runs", "12", "--resamples",
                             "100", "--acquire-to", folder.file("bench.toml"), "--json"});
  INFO(measured.err);
  REQUIRE(measured.code == 0);
  const auto json = nlohmann::json::parse(measured.out);
  REQUIRE(json.at("dead_pulses").get<std::vector<int>>() == std::vector<int>{2});
  double sum = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == 2) continue;
    const auto deviation = json.at("gain_map").at(i).at("value").get<double>();
    sum += deviation * deviation;
  }
  const Ran printed = call({"calibrate", "--records", folder.file("bench.toml"), "--resamples", "100"});
  REQUIRE(printed.code == 0);
  const std::string words = "gain map of 7 pulses, standard deviation ";
  const std::size_t at = printed.out.find(words);
  REQUIRE(at != std::string::npos);
  CHECK(std::stod(printed.out.substr(at + words.size())) == Approx(std::sqrt(sum / 7)).epsilon(1e-3));
}

TEST_CASE("calibrate refuses what does not go together, in one line") {
  const TemporaryFolder folder;
  const auto refuses = [](const std::vector<std::string>& arguments, const std::string& words) {
    const Ran ran = call(arguments);
    INFO(ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
    CHECK(ran.err_has(words));
  };
  refuses({"calibrate"}, "--device URI");
  refuses({"calibrate", "--device", "emulator:", "--records", "x.toml"}, "--device URI");
  refuses({"calibrate", "--device", "annealing:"}, "returns samples only");
  refuses({"calibrate", "--device", "emulator:", "--against", "emulator:"}, "needs --out");
  refuses({"calibrate", "--device", "emulator:", "--out", "twin.txt"}, "ends in .toml");
  refuses({"calibrate", "--device", "emulator:", "--out", folder.file("none/twin.toml")}, "none");
  refuses({"calibrate", "--records", folder.file("none.toml")}, "none.toml");
  refuses({"calibrate", "--device", "emulator:", "--set", "dt"}, "expected name=value");
  refuses({"calibrate", "--device", "emulator:", "--runs", "2"}, "runs = 2");
  refuses({"calibrate", "--device", "emulator:", "--largest-delay", "-1"}, "--largest-delay = -1");
  refuses({"calibrate", "--device", "emulator:", "--seed", "-1"}, "--seed");
  refuses({"compare-devices", "emulator:", "emulator:", "--seed", "-1"}, "--seed");
  refuses({"compare-devices", "emulator:", "nothing:"}, "unknown scheme");
  refuses({"compare-devices", "emulator:", "exact:", "--runs", "0"}, "--runs = 0");
}

TEST_CASE("compare-devices tells two devices apart and finds no difference between one and itself") {
  const TemporaryFolder folder;
  const Ran same = call({"compare-devices", "emulator:", "emulator:", "--instances", "2", "--spins", "10",
                         "--runs", "100", "--report", folder.file("page.html")});
  INFO(same.err);
  CHECK(same.code == 0);
  CHECK(same.out_has("no difference beyond sampling error"));
  CHECK(text_of(folder.file("page.html")).find("Two devices") != std::string::npos);
  const std::string problem = folder.file("m.txt", opoloop::test::moebius16());
  const Ran other =
      call({"compare-devices", "emulator:?dead_pulses=3", "emulator:", problem, "--runs", "100", "--json"});
  INFO(other.err);
  REQUIRE(other.code == 0);
  CHECK(nlohmann::json::parse(other.out).at("agree") == false);
}
