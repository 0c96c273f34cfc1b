#include <catch2/catch.hpp>
#include <fstream>
#include <string>

#include "driver/sweep_file.h"
#include "tests/cli/command_fixture.h"
#include "tests/driver/scoped_variables.h"

using namespace opoloop;
using test::call;
using test::Ran;
using test::TemporaryFolder;

namespace {

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("decode: generate, solve, and what the answer means") {
  const TemporaryFolder folder;
  const std::string problem = folder / "t.h5", run = folder / "run.h5";
  const Ran made = call({"generate", "tracking", "--objects", "2", "--frames", "4", "--out", problem});
  REQUIRE(made.code == 0);
  CHECK(made.out_has("optimum: energy"));
  CHECK(made.out_has("dynamic programming"));
  REQUIRE(call({"solve", problem, "--device", "annealing:", "--runs", "20", "--out", run}).code == 0);
  const Ran decoded = call({"decode", "tracking", run, "--objects", "2", "--frames", "4"});
  CHECK(decoded.code == 0);
  CHECK(decoded.out_has("track 1: frame "));
  CHECK(decoded.out_has("dynamic programming over frames"));
  CHECK(decoded.out_has("of 20 runs keep every constraint"));
  const Ran other = call({"decode", "tracking", run, "--objects", "2", "--frames", "4", "--seed", "2"});
  CHECK(other.code == 2);
  CHECK(other.one_error_line());
  const Ran unit =
      call({"decode", "tracking", run, "--objects", "2", "--frames", "4", "--appearance", "0.3"});
  CHECK(unit.code == 2);
  CHECK(unit.err_has("was run on another problem"));
  CHECK(call({"decode", "tracking", problem}).code == 2);
  CHECK(call({"decode", "nothing", run}).code == 2);
}

TEST_CASE("decode: an answer that breaks constraints says which, exit code 1") {
  const TemporaryFolder folder;
  const std::string problem = folder / "c.h5", run = folder / "run.h5";
  // Far below the bound: every ground state leaves points out.
  REQUIRE(call({"generate", "clustering", "--points", "8", "--clusters", "2", "--penalty", "0.01", "--out",
                problem})
              .code == 0);
  REQUIRE(call({"solve", problem, "--device", "exact:", "--out", run}).code == 0);
  const Ran decoded =
      call({"decode", "clustering", run, "--points", "8", "--clusters", "2", "--penalty", "0.01"});
  CHECK(decoded.code == 1);
  CHECK(decoded.out_has("NOT FEASIBLE"));
  CHECK(decoded.out_has("in no cluster"));
}

TEST_CASE("decode: an independent set of a graph file") {
  const TemporaryFolder folder;
  const std::string graph = folder / "path.gph", run = folder / "run.h5";
  std::ofstream(graph) << "p edge 4 3\ne 1 2\ne 2 3\ne 3 4\n";
  REQUIRE(call({"solve", graph, "--device", "exact:", "--out", run}).code == 0);
  const Ran decoded = call({"decode", "independent-set", run, "--graph", graph});
  CHECK(decoded.code == 0);
  CHECK(decoded.out_has("2 of 4 nodes"));
  CHECK(decoded.out_has("penalty 1.25, bound 1"));
}

TEST_CASE("generate: every application makes a problem, and bad options are one line") {
  const TemporaryFolder folder;
  for (const char* family : {"tracking", "clustering", "sparse-coding", "thin-film"}) {
    INFO(family);
    const Ran made = call({"generate", family, "--out", folder / "p.npz"});
    CHECK(made.code == 0);
    CHECK(made.out_has("spins"));
  }
  for (const std::vector<std::string>& options : {std::vector<std::string>{"tracking", "--miss", "1"},
                                                  {"clustering", "--encoding", "both"},
                                                  {"clustering", "--encoding", "spin"},
                                                  {"sparse-coding", "--patch", "1000"},
                                                  {"thin-film", "--layers", "20"},
                                                  {"tracking", "--penalty", "much"}}) {
    std::vector<std::string> arguments = {"generate"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {"--out", folder / "q.npz"});
    const Ran refused = call(arguments);
    INFO(refused.err);
    CHECK(refused.code == 2);
    CHECK(refused.one_error_line());
  }
}

TEST_CASE("experiment applications: file, page, pictures, and going on where nothing is left") {
  const TemporaryFolder folder;
  const test::ScopedVariables no_data({{"OPOLOOP_DATA", folder.path()}});
  const std::string file = folder / "a.h5", page = folder / "a.html", pictures = folder / "pictures";
  const Ran ran = call({"experiment", "applications", "--quick", "--only", "tracking,clustering",
                        "--instances", "1", "--out", file, "--report", page, "--pictures", pictures});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(ran.out_has("tracking on emulator:?dt=0.05"));
  CHECK(ran.out_has("left out"));
  const Sweep sweep = read_sweep_file(file);
  CHECK(sweep.complete);
  CHECK(sweep.rows() == 3);
  CHECK(sweep.words("application").front() == "tracking");
  CHECK(text_of(page).find("<svg") != std::string::npos);
  CHECK(text_of(pictures + "/tracking.svg").starts_with("<svg"));
  CHECK(text_of(pictures + "/clustering.svg").starts_with("<svg"));
  const Ran json = call({"experiment", "applications", "--quick", "--only", "tracking,clustering",
                         "--instances", "1", "--resume", file, "--json"});
  CHECK(json.code == 0);
  CHECK(json.out_has("\"experiment\":\"applications\""));
  const Ran bad = call({"experiment", "applications", "--only", "sudoku"});
  CHECK(bad.code == 2);
  CHECK(bad.err_has("independent-set"));
  CHECK(call({"experiment", "gap-tts", "--pictures", pictures}).code == 2);
}
