#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/command_fixture.h"

using namespace opoloop::test;

TEST_CASE("experiment published: a table, one JSON object, a file that is gone on with and a page") {
  const TemporaryFolder folder;
  const std::vector<std::string> arguments = {"experiment", "published", "--quick", "--only",
                                              "moebius",    "--threads", "1"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), arguments.begin(), arguments.end());
    return call(more);
  };
  const Ran first = with({"--out", folder / "a.h5", "--report", folder / "a.html"});
  REQUIRE(first.code == 0);
  CHECK(first.err.empty());  // no progress line outside a terminal
  CHECK(first.out_has("Möbius ladder N=16, CAC: success"));
  CHECK(first.out_has("ours [95%]"));
  CHECK(std::filesystem::exists(folder / "a.html"));

  const Ran second = with({"--resume", folder / "a.h5", "--json"});
  REQUIRE(second.code == 0);
  const auto json = nlohmann::json::parse(second.out);
  CHECK(json["experiment"] == "published");
  CHECK(json["complete"] == true);
  REQUIRE(json["rows"].size() == 4);
  for (const auto& row : json["rows"]) {
    CHECK(row["ours"]["value"].get<double>() > 0.9);
    CHECK(row["theirs"]["value"] == 0.996);
  }
  CHECK(folder.names().size() == 2);  // no .part left behind
}

TEST_CASE("experiment gap-tts: the answer first, one JSON object, a file that is gone on with and a page") {
  const TemporaryFolder folder;
  const std::vector<std::string> arguments = {"experiment", "gap-tts",     "--quick", "--only",
                                              "sk,mis",     "--instances", "3",       "--spins",
                                              "5,6",        "--threads",   "1"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), arguments.begin(), arguments.end());
    return call(more);
  };
  const Ran first = with({"--out", folder / "a.h5", "--report", folder / "a.html"});
  REQUIRE(first.code == 0);
  CHECK(first.err.empty());
  CHECK(first.out.starts_with("Does the gap predict the time to solution"));
  CHECK(first.out_has("12 instances"));
  CHECK(first.out_has("The bound holds"));
  const Ran second = with({"--resume", folder / "a.h5", "--json"});
  REQUIRE(second.code == 0);
  const auto json = nlohmann::json::parse(second.out);
  CHECK(json["experiment"] == "gap-tts");
  CHECK(json["complete"] == true);
  CHECK(json["instances"] == 12);
  CHECK(json["chain"]["violated"] == 0);
  CHECK(json["families"].size() == 2);
  CHECK(json["pooled"]["1/chain gap"].contains("annealing"));
  CHECK(folder.names().size() == 2);

  const Ran other = call({"experiment", "gap-tts", "--quick", "--resume", folder / "a.h5"});
  CHECK(other.code == 2);
  CHECK(other.err_has("another plan"));
}

TEST_CASE("experiment sparsity: the answer first, one JSON object, a file that is gone on with and a page") {
  const TemporaryFolder folder;
  const std::vector<std::string> arguments = {"experiment", "sparsity",  "--quick", "--instances",
                                              "1",          "--threads", "1"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), arguments.begin(), arguments.end());
    return call(more);
  };
  const Ran first = with({"--out", folder / "a.h5", "--report", folder / "a.html"});
  REQUIRE(first.code == 0);
  CHECK(first.err.empty());
  CHECK(first.out.starts_with("Does sparsity emerge from the optimisation here?"));
  CHECK(first.out_has("c_m = 0.8"));
  const Ran second = with({"--resume", folder / "a.h5", "--json"});
  REQUIRE(second.code == 0);
  const auto json = nlohmann::json::parse(second.out);
  CHECK(json["experiment"] == "sparsity");
  CHECK(json["complete"] == true);
  CHECK(json["settings"].size() == 23);
  CHECK(json["settings"][0]["heads"].size() == 8);
  const Ran other = call({"experiment", "sparsity", "--quick", "--instances", "1", "--device",
                          "dsb:", "--resume", folder / "a.h5"});
  CHECK(other.code == 2);
  CHECK(other.err_has("another plan (device=annealing:"));
}

TEST_CASE("experiment: bad usage is one line and exit code 2") {
  const TemporaryFolder folder;
  const auto refused = [](const std::vector<std::string>& arguments, const std::string& what) {
    const Ran ran = call(arguments);
    INFO(ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
    CHECK(ran.err_has(what));
  };
  refused({"experiment"}, "NAME");
  refused({"experiment", "nonsense"}, "published");
  refused({"experiment", "published", "--only", "nonsense"}, "k2000");
  refused({"experiment", "nonsense"}, "gap-tts, sparsity");
  refused({"experiment", "gap-tts", "--only", "nonsense"}, "wishart");
  refused({"experiment", "gap-tts", "--spins", "17"}, "--spins");
  refused({"experiment", "gap-tts", "--device", "dsb:"}, "--device is not an option");
  refused({"experiment", "published", "--instances", "3"}, "--instances is not an option");
  refused({"experiment", "sparsity", "--device", "nonsense:"}, "nonsense");
  refused({"experiment", "sparsity", "--only", "sk"}, "--only is not an option");
  refused({"experiment", "published", "--threads", "0"}, "--threads");
  refused({"experiment", "published", "--seed", "-1"}, "--seed");
  refused({"experiment", "published", "--resume", folder / "absent.h5"}, "absent.h5");
  refused({"experiment", "published", "--out", folder / "no/such/folder.h5"}, "no such folder");
  // A file of another kind, and one of another seed.
  refused({"experiment", "published", "--resume", folder.file("text.h5", "text")}, "text.h5");
  const Ran made = call({"experiment", "published", "--quick", "--only", "moebius", "--threads", "1", "--out",
                         folder / "a.h5"});
  REQUIRE(made.code == 0);
  refused({"experiment", "published", "--quick", "--seed", "2", "--resume", folder / "a.h5"}, "--seed 1");
  refused({"experiment", "published", "--resume", folder / "a.h5"}, "with --quick");
}
