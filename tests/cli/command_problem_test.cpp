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
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
  }
  CHECK(folder.names() == std::vector<std::string>{"moebius.txt"});
}

TEST_CASE("convert names the flags that would do it, and counts the ancilla that it added") {
  const TemporaryFolder folder;
  const auto spins = folder.file("spins.coo", "# vartype=SPIN\n0 0 1\n0 1 1\n");
  const auto bits = folder.file("bits.coo", "# vartype=BINARY\n0 0 1\n0 1 1\n");
  const std::string out = folder / "out.mtx";
  const auto refused = call({"convert", spins, out});
  CHECK(refused.code == 2);
  CHECK(refused.one_error_line());
  CHECK(refused.err_has("add an ancilla spin: --add-ancilla\n"));
  CHECK(call({"convert", bits, out}).err_has(": --add-ancilla and --drop-offset\n"));
  CHECK(call({"convert", bits, out, "--add-ancilla"}).err_has(": --drop-offset\n"));
  CHECK_FALSE(std::filesystem::exists(out));
  const auto made = call({"convert", spins, out, "--add-ancilla"});
  CHECK(made.code == 0);
  CHECK(made.out_has("3 spins, 2 couplings, the last spin an ancilla"));
  CHECK(json::parse(call({"info", out, "--json"}).out)["n"] == 3);
  // Where the format holds the linear term nothing is added.
  CHECK(call({"convert", spins, folder / "out.npz", "--add-ancilla"}).out_has("2 spins, 1 couplings\n"));
}

TEST_CASE("a flag about reading is refused where the file's format does not know it") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  for (const char* flag : {"--weights", "--last-is-ancilla"}) {
    const auto ran = call({"info", file, flag});
    CAPTURE(flag, ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
    CHECK(ran.err_has(std::string(flag) + ": is for "));
    CHECK(ran.err_has("is rudy"));
  }
  const auto csv = folder.file("m.csv", "0,1,1\n1,0,1\n1,1,0\n");
  CHECK(call({"info", csv, "--last-is-ancilla"}).code == 0);
  CHECK(call({"info", csv, "--weights"}).err_has("is kaiwu-csv"));
  CHECK(call({"convert", file, folder / "m.mtx"}).code == 0);
  CHECK(call({"info", folder / "m.mtx", "--weights"}).out_has("max-cut"));
}
