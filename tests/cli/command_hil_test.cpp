#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "tests/cli/command_fixture.h"

using namespace opoloop::test;

namespace {

std::string shm_name(const char* what) {
  return "shm:test-" + std::to_string(::getpid()) + "-cli-" + what;
}

struct Both {
  Ran plant, controller;
};

/// `opoloop hil` twice: the plant here, the controller in a thread beside it.
Both close_loop(std::vector<std::string> plant, const std::string& carrier) {
  Both both;
  std::thread other([&] { both.controller = call({"hil", "controller", carrier, "--json", "--wait", "5"}); });
  plant.insert(plant.begin(), {"hil", "plant"});
  both.plant = call(plant);
  other.join();
  return both;
}

}  // namespace

TEST_CASE("hil plant and controller close the loop, compare, and write file and page") {
  const TemporaryFolder folder;
  const std::string problem = folder.file("m16.txt", moebius16());
  const std::string carrier = shm_name("both");
  const Both both =
      close_loop({problem, carrier, "--law", "cac", "--steps", "200", "--runs", "3", "--delay", "1",
                  "--compare", "--json", "--out", folder / "run.h5", "--report", folder / "page.html"},
                 carrier);
  INFO(both.plant.err << both.controller.err);
  REQUIRE(both.plant.code == 0);
  REQUIRE(both.controller.code == 0);
  const auto plant = nlohmann::json::parse(both.plant.out);
  const auto controller = nlohmann::json::parse(both.controller.out);
  CHECK(plant["same_as_law_in_process"] == true);
  CHECK(plant["rounds"] == 600);
  CHECK(plant["turnaround"]["count"] == 600);
  CHECK(plant["turnaround"]["p50_ns"] <= plant["turnaround"]["p99_9_ns"]);
  CHECK(plant["misses"] == 0);
  REQUIRE(plant["success"].size() == 3);  // over the wire, in process, in process without the delay
  CHECK(plant["success"][0]["successes"] == plant["success"][1]["successes"]);
  CHECK(controller["law"] == "cac");
  CHECK(controller["rounds"] == 600);
  CHECK(call({"check", folder / "run.h5"}).code == 0);
  std::stringstream page;
  page << std::ifstream(folder / "page.html").rdbuf();
  CHECK(page.str().find("<h2>Turnaround</h2>") != std::string::npos);
  CHECK(page.str().find("same result") != std::string::npos);
}

TEST_CASE("hil plant in free-run counts what a slow round trip leaves over: nothing") {
  const TemporaryFolder folder;
  const std::string problem = folder.file("m16.txt", moebius16());
  const std::string carrier = shm_name("free");
  // A round-trip time that even a loaded machine keeps; --on-miss stall keeps the result whatever happens.
  const Both both = close_loop({problem, carrier, "--steps", "20", "--free-run", "--round-trip-us", "5000",
                                "--on-miss", "stall", "--samples", "i16", "--json"},
                               carrier);
  INFO(both.plant.err);
  REQUIRE(both.plant.code == 0);
  const auto plant = nlohmann::json::parse(both.plant.out);
  CHECK(plant["clock"] == "free-run");
  CHECK(plant["rounds"] == 20);
  CHECK(plant["answers_that_never_came"] == 0);
  CHECK(plant["real_time_factor"] <= 1.001);
}

TEST_CASE("hil refuses what makes no sense in one line, and ends where nobody comes") {
  const TemporaryFolder folder;
  const std::string problem = folder.file("m16.txt", moebius16());
  const auto refused = [&](std::vector<std::string> arguments, const std::string& why) {
    arguments.insert(arguments.begin(), "hil");
    const Ran ran = call(arguments);
    INFO(ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
    CHECK(ran.err_has(why));
  };
  refused({}, "plant or controller");
  refused({"plant", problem}, "CARRIER");
  refused({"plant", problem, "tcp:5"}, "must be shm:NAME");
  refused({"plant", problem, "shm:a", "--free-run"}, "round-trip time");
  refused({"plant", problem, "shm:a", "--machine", "qboson-550"}, "not published");
  refused({"plant", problem, "shm:a", "--law", "sfc"}, "linear, cac or cfc");
  refused({"plant", problem, "shm:a", "--loss", "1"}, "loss = 1");
  refused({"plant", problem, "shm:a", "--samples", "i9"}, "i8, i12, i16, f32");
  refused({"plant", problem, "shm:a", "--on-miss", "guess"}, "hold, zero, stall");
  refused({"plant", problem, "shm:a", "--cpu", "100000"}, "cpu = 100000");
  refused({"controller", "udp:0"}, "port of 1 to 65535");

  const Ran alone = call(
      {"hil", "plant", problem, shm_name("alone"), "--wait", "0.05", "--quiet", "--out", folder / "run.h5"});
  CHECK(alone.code == 1);
  CHECK(alone.one_error_line());
  CHECK(alone.err_has("no controller came within 0.05 s"));
  const Ran lonely = call({"hil", "controller", shm_name("lonely"), "--wait", "0.05"});
  CHECK(lonely.code == 1);
  CHECK(lonely.err_has("no plant serves this name"));
}
