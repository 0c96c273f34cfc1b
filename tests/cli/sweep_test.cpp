#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/command_fixture.h"

using namespace opoloop::test;

namespace {

constexpr const char* kConfig = R"(
metrics = ["p_success", "tts_steps"]
[[instances]]
generate = "sk"
n = 8
count = 3
[[instances]]
files = "missing.txt"
name = "lost"
[settings]
runs = 8
steps = [5, 50]
[[devices]]
uri = "annealing:"
name = "SA"
)";

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("experiment sweep: table, JSON, page and CSV, with what failed") {
  const TemporaryFolder folder;
  const std::string config = folder.file("a.toml", kConfig);
  const Ran ran =
      call({"experiment", "sweep", config, "--out", folder / "a.h5", "--report", folder / "a.html"});
  CHECK(ran.code == 1);
  CHECK(ran.out_has("p_success"));
  CHECK(ran.out_has("SA steps=50"));
  CHECK(ran.out_has("6 of 8 points measured, 2 failed"));
  CHECK(ran.err_has("2 of 8 points failed"));
  CHECK(ran.err_has("missing.txt, SA steps=5: "));
  const std::string page = text_of(folder / "a.html");
  CHECK(page.find("p_success of 2 settings on 4 instances") != std::string::npos);
  CHECK(page.find("2 of 8 points failed") != std::string::npos);
  CHECK(text_of(folder / "a.csv").starts_with("device,setting,class,metric"));
  const std::string points = text_of(folder / "a.points.csv");
  CHECK(std::count(points.begin(), points.end(), '\n') == 9);

  // The file appears where it was; --retry-failed measures what failed and nothing else.
  folder.file("missing.txt", moebius16());
  const Ran mended =
      call({"experiment", "sweep", config, "--resume", folder / "a.h5", "--retry-failed", "--json"});
  CHECK(mended.code == 0);
  CHECK(mended.err.empty());
  const auto json = nlohmann::json::parse(mended.out);
  CHECK(json["complete"] == true);
  CHECK(json["failed"] == 0);
  CHECK(json["points"] == 8);
  REQUIRE(json["rows"].size() == 4);
  CHECK(json["rows"][0]["class"] == "sk");
  CHECK(json["rows"][3]["metrics"]["p_success"]["points"] == 1);
  CHECK_FALSE(std::filesystem::exists(folder / "a.h5.parts"));
}

TEST_CASE("experiment sweep: bad use is one line") {
  const TemporaryFolder folder;
  CHECK(call({"experiment", "sweep"}).err_has("CONFIG.toml is missing"));
  const Ran bad = call({"experiment", "sweep", folder.file("a.toml", "seed = 1\n")});
  CHECK(bad.code == 2);
  CHECK(bad.one_error_line());
  CHECK(bad.err_has("a.toml:1: 'seed'"));
}
