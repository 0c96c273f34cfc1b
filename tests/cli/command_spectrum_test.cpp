// opoloop spectrum: options, refusals, outputs.

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>

#include "tests/cli/command_fixture.h"

using nlohmann::json;
using opoloop::test::call;
using opoloop::test::moebius16;
using opoloop::test::TemporaryFolder;

TEST_CASE("spectrum prints its three parts, JSON, and a page") {
  const TemporaryFolder folder;
  // A max-cut triangle: J = −1, three broken bonds to choose from, even sector of four states.
  const auto file = folder.file("triangle.txt", "3 3\n1 2 1\n2 3 1\n1 3 1\n");
  const auto ran =
      call({"spectrum", file, "--points", "5", "--beta", "0.5,1", "--report", folder / "page.html"});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  for (const char* text :
       {"Classical", "Quantum", "Machine", "metropolis", "glauber", "3-fold", "threshold"}) {
    CAPTURE(text);
    CHECK(ran.out_has(text));
  }
  std::ifstream page(folder / "page.html");
  const std::string html((std::istreambuf_iterator<char>(page)), {});
  CHECK(html.find("<h1>triangle.txt</h1>") != std::string::npos);

  const auto as_json =
      call({"spectrum", file, "--points", "5", "--beta", "0.5,1", "--rule", "glauber", "--json"});
  REQUIRE(as_json.code == 0);
  const json j = json::parse(as_json.out);
  CHECK(j["classical"].size() == 2);
  CHECK(j["classical"][1]["rule"] == "glauber");
  CHECK(j["quantum"]["final_degeneracy"] == 3);
  CHECK(j["machine"]["coupling_eigenvalues"][0] == Approx(1));
}

TEST_CASE("spectrum --only, --scaling and --pump choose what is computed") {
  const TemporaryFolder folder;
  const auto file = folder.file("pair.txt", "2 1\n1 2 3\n");
  const auto quantum =
      call({"spectrum", file, "--only", "quantum", "--scaling", "none", "--points", "3", "--json"});
  INFO(quantum.err);
  REQUIRE(quantum.code == 0);
  const json j = json::parse(quantum.out);
  CHECK(j["classical"].empty());
  CHECK(j["machine"].is_null());
  CHECK(j["quantum"]["curve"][2]["gap"] == Approx(6));
  const auto machine = call({"spectrum", file, "--only", "machine", "--pump", "0,0.5", "--json"});
  REQUIRE(machine.code == 0);
  CHECK(json::parse(machine.out)["machine"]["jacobian"][0]["pump"] == Approx(0).margin(1e-12));
}

TEST_CASE("spectrum refuses what it cannot do in one line") {
  const TemporaryFolder folder;
  std::string ring = "24 24\n";
  for (int i = 0; i < 24; ++i)
    ring += std::to_string(i + 1) + " " + std::to_string((i + 1) % 24 + 1) + " 1\n";
  const auto large = folder.file("ring.txt", ring);
  const auto small = folder.file("moebius.txt", moebius16());
  const auto refused = call({"spectrum", large});
  CHECK(refused.code == 2);
  CHECK(refused.one_error_line());
  CHECK(refused.err_has("24"));
  CHECK(refused.err_has("--only machine"));
  const auto machine = call({"spectrum", large, "--only", "machine"});
  CHECK(machine.code == 0);
  CHECK(machine.out_has("lambda_max"));
  const std::vector<std::vector<std::string>> bad = {
      {"--beta", "-1"},      {"--only", "gaps"}, {"--rule", "kawasaki"},
      {"--scaling", "unit"}, {"--points", "1"},  {"--success", "1"},
      {"--pump", "1"},       {"--threads", "0"}, {"--beta", "warm"},
  };
  for (const auto& extra : bad) {
    std::vector<std::string> arguments = {"spectrum", small};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    const auto ran = call(arguments);
    CAPTURE(extra[0], extra[1], ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
    CHECK(ran.out.empty());
  }
  CHECK(call({"spectrum", folder / "missing.txt"}).code == 2);
}
