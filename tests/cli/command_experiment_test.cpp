#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>

#include "driver/sweep_file.h"
#include "tests/cli/command_fixture.h"

using namespace opoloop;
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

TEST_CASE("experiment sparsity, inference-time: Ctrl-C within a batch saves and says how to go on") {
  for (const char* name : {"sparsity", "inference-time"}) {
    CAPTURE(name);
    const TemporaryFolder folder;
    const std::string file = folder / "a.h5", said = folder / "said";
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      int code = 9;
      {
        std::ofstream out(said);
        code = run_command(std::vector<std::string>{"experiment", name, "--threads", "1", "--out", file}, out,
                           out);
      }
      ::_exit(code);
    }
    // The file is there once signals are caught; soon after that a device is at work.
    while (!std::filesystem::exists(file)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    REQUIRE(::kill(child, SIGINT) == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 130);
    std::ifstream text(said);
    const std::string all{std::istreambuf_iterator<char>(text), std::istreambuf_iterator<char>()};
    CHECK(all.find("interrupted: ") != std::string::npos);
    CHECK(all.find("go on with --resume") != std::string::npos);
    CHECK_FALSE(read_sweep_header(file).complete);
  }
}

TEST_CASE(
    "experiment accuracy: without LibTorch it says how to get it, bad options are refused before that") {
  const TemporaryFolder folder;
  const std::string own = "own=" + folder.file("own.csv", "text,label\na,x\nb,y\nc,x\n");
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"experiment", "accuracy"});
    return call(more);
  };
  const Ran missing = with({"--data", own, "--no-ablations"});
  CHECK(missing.code == 1);
  CHECK(missing.one_error_line());
  CHECK(missing.err_has("libtorch-dev"));
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& because) {
    const Ran ran = with(arguments);
    CAPTURE(because, ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
    CHECK(ran.err_has(because));
  };
  refused({"--data", own, "--forms", "linear"}, "linear");
  refused({"--data", own, "--infer", "nothing:"}, "nothing");
  refused({"--data", own, "--quick", "--full"}, "contradict");
  refused({"--data", "sst-2"}, "--data sst-2=PATH");
  refused({"--data", "own=" + folder.file("none.csv")}, "no such file");
  refused({"--data", own, "--rate", "-1"}, "--rate");
  const Ran other = call({"experiment", "sparsity", "--forms", "v2"});
  CHECK(other.code == 2);
  CHECK(other.err_has("is not an option of it"));
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
  refused({"experiment", "nonsense"}, "gap-tts, tts, sparsity");
  refused({"experiment", "gap-tts", "--only", "nonsense"}, "wishart");
  refused({"experiment", "gap-tts", "--spins", "17"}, "--spins");
  refused({"experiment", "gap-tts", "--device", "dsb:"}, "--device is not an option");
  refused({"experiment", "published", "--instances", "3"}, "--instances is not an option");
  refused({"experiment", "sparsity", "--device", "nonsense:"}, "nonsense");
  refused({"experiment", "sparsity", "--only", "sk"}, "--only is not an option");
  refused({"experiment", "sweep", "s.toml", "--quick"}, "--quick is not an option of it");
  refused({"experiment", "merge", "a.h5", "--report", folder / "a.html"}, "--report is not an option of it");
  refused({"experiment", "inference-time", "--seeds", "3"}, "inference-time: --seeds is not an option of it");
  refused({"experiment", "published", "--threads", "0"}, "--threads");
  refused({"experiment", "published", "--seed", "-1"}, "--seed");
  refused({"experiment", "published", "--resume", folder / "absent.h5"}, "absent.h5");
  refused({"experiment", "published", "--out", folder / "no/such/folder.h5"}, "does not exist");
  // A file of another kind, and one of another seed.
  refused({"experiment", "published", "--resume", folder.file("text.h5", "text")}, "text.h5");
  const Ran made = call({"experiment", "published", "--quick", "--only", "moebius", "--threads", "1", "--out",
                         folder / "a.h5"});
  REQUIRE(made.code == 0);
  refused({"experiment", "published", "--quick", "--seed", "2", "--resume", folder / "a.h5"}, "--seed 1");
  refused({"experiment", "published", "--resume", folder / "a.h5"}, "with --quick");
}

TEST_CASE(
    "experiment tts: the answer, tables and page; a file that is gone on with; another target from the same "
    "points") {
  const TemporaryFolder folder;
  const std::vector<std::string> arguments = {
      "experiment", "tts",           "--only",    "sk",     "--spins", "10,12,14", "--instances",
      "2",          "--lengths",     "4:32",      "--runs", "8",       "--device", "cfc",
      "--device",   "sa=annealing:", "--threads", "1"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), arguments.begin(), arguments.end());
    return call(more);
  };
  const Ran first = with({"--out", folder / "a.h5", "--report", folder / "a.html"});
  INFO(first.err);
  REQUIRE(first.code == 0);
  CHECK(first.err.empty());
  CHECK(first.out.starts_with("Fastest to the best energy in seconds of one thread"));
  CHECK(first.out_has("SK N=14 (2 instances)"));
  for (const char* name : {"a.html", "a-times.csv", "a-scaling.csv", "a-profiles.csv", "a-success.csv"})
    CHECK(std::filesystem::exists(folder / name));

  const Ran second = with({"--resume", folder / "a.h5", "--target", "0.8", "--json"});
  REQUIRE(second.code == 0);
  const auto json = nlohmann::json::parse(second.out);
  CHECK(json["complete"] == true);
  CHECK(json["points"] == 6 * (1 + 2 * 4));
  bool asked = false;
  for (const auto& table : json["tables"]) asked = asked || table["share"] == 0.8;
  CHECK(asked);

  const Ran other = with({"--resume", folder / "a.h5", "--seed", "2"});
  CHECK(other.code == 2);
  CHECK(other.one_error_line());
}

TEST_CASE("experiment tts: a device that cannot take an instance fails its points, the others stand") {
  const TemporaryFolder folder;
  const Ran ran =
      call({"experiment", "tts", "--generate", "regular:n=30,d=3", "--instances", "1", "--lengths", "8",
            "--runs", "4", "--device", "dsb:", "--device", "all=exact:", "--threads", "1", "--json"});
  CHECK(ran.code == 1);
  const auto json = nlohmann::json::parse(ran.out);
  REQUIRE(json["failed"].size() == 1);
  CHECK(json["failed"][0].get<std::string>().find("all") != std::string::npos);
  CHECK(json["tables"][0]["classes"][0]["devices"].contains("dsb:"));
}

TEST_CASE("experiment tts: bad options are a line and code 2") {
  const auto refused = [](std::vector<std::string> more, const std::string& part) {
    more.insert(more.begin(), {"experiment", "tts"});
    const Ran ran = call(more);
    INFO(ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
    CHECK(ran.err_has(part));
  };
  refused({"--target", "1.5"}, "a share of the best energy");
  refused({"--only", "nothing"}, "must be one of sk");
  refused({"--lengths", "8:2"}, "8 is above 2");
  refused({"--device", "nothing:"}, "nothing");
  refused({"--generate", "regular:n=x"}, "n = 'x'");
  refused({"--problem", "/nowhere/at/all.txt"}, "/nowhere/at/all.txt");
}

TEST_CASE("tune: a device file that solve takes, and a search that is gone on with") {
  const TemporaryFolder folder;
  const std::vector<std::string> arguments = {"tune",
                                              "--device",
                                              "emulator:?law=cac",
                                              "--vary",
                                              "dt=0.05:0.5,log",
                                              "--vary",
                                              "steps=8:64",
                                              "--spins",
                                              "12",
                                              "--train",
                                              "2",
                                              "--test",
                                              "2",
                                              "--runs",
                                              "8",
                                              "--test-runs",
                                              "8",
                                              "--threads",
                                              "1"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), arguments.begin(), arguments.end());
    return call(more);
  };
  const Ran first = with({"--evaluations", "6", "--file", folder / "t.h5"});
  if (first.code == 1 && first.err_has("built without NLopt")) {
    WARN("built without NLopt: not tested");
    return;
  }
  INFO(first.err);
  REQUIRE(first.code == 0);
  CHECK(first.out.starts_with("The tuned setting"));
  const Ran second = with({"--evaluations", "9", "--resume", folder / "t.h5", "--out", folder / "tuned.toml",
                           "--report", folder / "t.html"});
  INFO(second.err);
  REQUIRE(second.code == 0);
  CHECK(std::filesystem::exists(folder / "t.html"));
  const std::string problem = folder.file("m.txt", moebius16());
  const Ran solved = call({"solve", problem, "--device", "emulator:" + folder / "tuned.toml", "--runs", "4",
                           "--steps", "20", "--json"});
  INFO(solved.err);
  CHECK(solved.code == 0);

  const auto refused = [&](std::vector<std::string> more, const std::string& part) {
    const Ran ran = with(std::move(more));
    INFO(ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
    CHECK(ran.err_has(part));
  };
  refused({"--vary", "dt=1:2"}, "--vary dt: is given twice");
  refused({"--steps", "5"}, "steps is also set");
  refused({"--out", folder / "tuned.txt"}, "ends in .toml");
  refused({"--method", "newton"}, "must be one of crs2");
  refused({"--resume", folder / "t.h5", "--seed", "2"}, "was made with --seed");
}
