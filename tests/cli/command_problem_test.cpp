// info, convert and generate: the verbs that handle problem files.

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "hamiltonian/generators.h"
#include "hamiltonian/problem_file.h"
#include "tests/cli/command_fixture.h"

using nlohmann::json;
using opoloop::test::call;
using opoloop::test::moebius16;
using opoloop::test::TemporaryFolder;

TEST_CASE("info says what a file holds, in words and as JSON") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const auto text = call({"info", file});
  CHECK(text.code == 0);
  CHECK(text.out_has("max-cut"));
  CHECK(text.out_has("spins             16"));
  CHECK(text.out_has("all integers"));
  const json j = json::parse(call({"info", file, "--json"}).out);
  CHECK(j["n"] == 16);
  CHECK(j["couplings"] == 24);
  CHECK(j["kind"] == "max_cut");
  CHECK(j["coupling_min"] == -1);
  CHECK(j["coupling_max"] == -1);
  CHECK(j["total_weight"] == 24);
}

TEST_CASE("generate makes every family, info reads it back, and the seed decides") {
  const TemporaryFolder folder;
  for (const auto& family : opoloop::generator_families()) {
    std::vector<std::string> command = {"generate", family.name};
    for (const auto& option : family.options) {
      // Whatever has no default is given, but of p and m of a random graph only one.
      if (!option.default_value.empty() || option.name == "m") continue;
      command.push_back("--" + option.name);
      command.push_back(option.name == "p" || option.name == "alpha" ? "0.5"
                        : option.name == "d"                         ? "3"
                                                                     : "12");
    }
    const auto make = [&](const std::string& name) {
      auto full = command;
      full.insert(full.end(), {"--out", folder / name});
      return call(full);
    };
    const auto first = make("a.npz"), second = make("b.npz");
    CAPTURE(family.name, first.err);
    REQUIRE(first.code == 0);
    REQUIRE(second.code == 0);
    const json a = json::parse(call({"info", folder / "a.npz", "--json"}).out);
    const json b = json::parse(call({"info", folder / "b.npz", "--json"}).out);
    CHECK(a["n"] > 1);
    CHECK(a["sha256"] == b["sha256"]);
  }
}

TEST_CASE("generate refuses unknown options and values out of range") {
  const TemporaryFolder folder;
  const std::string out = folder / "x.npz";
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--n", "-4"}, {"--n", "many"}, {"--n", "10", "--colour", "blue"}}) {
    std::vector<std::string> command = {"generate", "sk", "--out", out};
    command.insert(command.end(), more.begin(), more.end());
    const auto ran = call(command);
    CAPTURE(more, ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
  }
  CHECK(folder.names().empty());
  CHECK(call({"generate", "sk", "--n", "10", "--out", out, "extra"}).err_has("extra"));
  CHECK(call({"generate", "glass", "--n", "10", "--out", out}).err_has("unknown family 'glass'"));
  CHECK(call({"generate"}).err_has("wishart"));
  CHECK(folder.names().empty());
}

TEST_CASE("convert keeps energies through every format that it writes") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  for (const auto format : opoloop::all_problem_formats()) {
    const bool read_only =
        format == opoloop::ProblemFormat::qplib || format == opoloop::ProblemFormat::dimacs;
    if (read_only) continue;
    const std::string name = opoloop::format_name(format);
    const std::string out = folder / ("converted-" + name);
    const auto ran = call({"convert", file, out, "--to", name, "--add-ancilla"});
    CAPTURE(name, ran.err);
    REQUIRE(ran.code == 0);
    const auto solved = call({"solve", out, "--format", name, "--device", "exact:", "--json"});
    CAPTURE(solved.err);
    REQUIRE(solved.code == 0);
    CHECK(json::parse(solved.out)["best_energy"] == -20);
  }
}

TEST_CASE("convert refuses what it cannot do and leaves no file") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  for (const std::vector<std::string>& more : {std::vector<std::string>{folder / "out.xyz"},
                                               {folder / "out.npz", "--to", "nonsense"},
                                               {folder / "out.qplib", "--to", "qplib"},
                                               {folder / "no/such/out.npz"}}) {
    std::vector<std::string> command = {"convert", file};
    command.insert(command.end(), more.begin(), more.end());
    const auto ran = call(command);
    CAPTURE(more, ran.err);
    CHECK(ran.code != 0);
    CHECK(ran.one_error_line());
  }
  CHECK(folder.names() == std::vector<std::string>{"moebius.txt"});
}
