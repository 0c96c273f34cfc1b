#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "driver/run_file.h"
#include "tests/cli/command_fixture.h"

using nlohmann::json;
using opoloop::test::call;
using opoloop::test::moebius16;
using opoloop::test::TemporaryFolder;

namespace {

/// Parses what a command with --json printed: exactly one object on one line.
json parsed(const opoloop::test::Ran& ran) {
  INFO(ran.out << ran.err);
  REQUIRE(ran.code == 0);
  REQUIRE(ran.out.find('\n') == ran.out.size() - 1);
  return json::parse(ran.out);
}

}  // namespace

TEST_CASE("solve --json has every promised key and the right answer") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const json j =
      parsed(call({"solve", file, "--device", "exact:", "--json", "--threads", "1", "--seed", "7"}));
  for (const char* key :
       {"problem", "device", "model", "law", "runs", "steps", "dt", "seed", "threads", "best_energy",
        "best_cut", "p_success", "tts", "wall_s", "us_per_round_trip", "gflops", "run_file"}) {
    CAPTURE(key);
    CHECK(j.contains(key));
  }
  for (const char* key : {"name", "n", "couplings", "sha256", "best_known"}) {
    CAPTURE(key);
    CHECK(j["problem"].contains(key));
  }
  for (const char* key : {"final", "best", "low", "high"}) CHECK(j["p_success"].contains(key));
  for (const char* key :
       {"round_trips", "matrix_products", "wall_s", "machine_s", "low", "high", "lower_bound"}) {
    CAPTURE(key);
    CHECK(j["tts"].contains(key));
  }
  CHECK(j["problem"]["n"] == 16);
  CHECK(j["problem"]["couplings"] == 24);
  CHECK(j["problem"]["sha256"].get<std::string>().size() == 64);
  CHECK(j["device"] == "exact:");
  CHECK(j["seed"] == 7);
  CHECK(j["best_cut"] == 22);
  CHECK(j["best_energy"] == 24 - 2 * 22);  // E = W − 2 cut, W = 24
  CHECK(j["p_success"]["best"] == 1.0);
  CHECK(j["run_file"].is_null());
}

TEST_CASE("solve finds the max-cut of the ladder by annealing and explains it in words") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const auto ran = call({"solve", file, "--device", "annealing:", "--target", "cut=22", "--seed", "3"});
  INFO(ran.out << ran.err);
  CHECK(ran.code == 0);
  CHECK(ran.err.empty());  // no progress line in a pipe
  for (const char* text : {"max-cut, 16 spins, 24 couplings", "best cut", "22", "a cut of 22 or more",
                           "95% interval", "sweeps", "Time to solution"}) {
    CAPTURE(text);
    CHECK(ran.out_has(text));
  }
}

TEST_CASE("a run that a limit stopped says how far it came") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const auto ran = call({"solve", file, "--runs", "1", "--steps", "1000000000", "--time-limit", "0.05"});
  INFO(ran.out << ran.err);
  CHECK(ran.code == 0);
  CHECK(ran.out_has("1 run of 1,000,000,000 round trips"));
  CHECK(ran.out_has("stopped           by the time limit after "));
  CHECK(ran.out_has(" in the mean of the 1 of 1 runs that had begun: longer runs may find better states"));
}

TEST_CASE("the run file of a job that its time limit ended says how much was asked for") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const std::string out = folder / "run.h5";
  REQUIRE(call({"solve", file, "--runs", "3", "--steps", "1000000000", "--threads", "1", "--time-limit",
                "0.05", "--out", out})
              .code == 0);
  const opoloop::RunFileContents run = opoloop::read_run_file(out);
  CHECK(run.complete);
  CHECK(run.stopped_by == "time limit");
  CHECK(run.runs_asked == 3);
  const auto checked = call({"check", out});
  CHECK(checked.code == 0);
  CHECK(checked.out_has("complete: yes, up to its time limit"));
  REQUIRE(call({"solve", file, "--runs", "3", "--steps", "10", "--out", out}).code == 0);
  CHECK(opoloop::read_run_file(out).stopped_by.empty());
  CHECK(call({"check", out}).out_has("complete: yes\n"));
}

TEST_CASE("what exact: proves is not told as chance") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const std::string out = folder / "run.h5";
  const auto ran = call({"solve", file, "--device", "exact:", "--out", out});
  CHECK(ran.code == 0);
  CHECK(ran.out_has("the best energy is that of the ground state"));
  CHECK_FALSE(ran.out_has("P = "));
  CHECK(opoloop::read_run_file(out).statistic.at("target_is_best_found").values[0] == 0);
}

TEST_CASE("an unreached target gives a lower bound, printed as such") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const std::vector<std::string> command = {"solve", file,      "--device", "emulator:", "--runs",
                                            "8",     "--steps", "20",       "--target",  "cut=23"};
  auto with_json = command;
  with_json.push_back("--json");
  const json j = parsed(call(with_json));
  CHECK(j["p_success"]["best"] == 0.0);
  CHECK(j["tts"]["lower_bound"] == true);
  CHECK(j["tts"]["high"].is_null());
  CHECK(call(command).out_has("lower bound"));
}

TEST_CASE("the same seed gives the same answer whatever the threads") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const auto answer = [&](const char* threads) {
    json j = parsed(call({"solve", file, "--device", "emulator:", "--runs", "20", "--steps", "3", "--seed",
                          "5", "--target", "cut=22", "--json", "--threads", threads}));
    return std::make_tuple(j["best_energy"], j["p_success"]["best"], j["p_success"]["final"]);
  };
  CHECK(answer("1") == answer("3"));
}

TEST_CASE("solve writes a run file that check accepts, and a report") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const std::string run = folder / "run.h5", page = folder / "run.html", again = folder / "again.html";
  const json j =
      parsed(call({"solve", file, "--device", "emulator:", "--out", run, "--report", page, "--json"}));
  CHECK(j["run_file"] == run);
  const auto checked = call({"check", run});
  CHECK(checked.code == 0);
  CHECK(checked.out_has("valid and complete"));
  const auto reported = call({"report", run, "--out", again});
  CHECK(reported.code == 0);
  for (const auto& path : {page, again}) {
    std::ostringstream html;
    html << std::ifstream(path).rdbuf();
    CHECK(html.str().find("<svg") != std::string::npos);
    CHECK(html.str().find("moebius") != std::string::npos);
  }
}

TEST_CASE("what a machine's converters could not hold is in summary, JSON, check and report") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const auto twin = folder.file("twin.toml", "adc_bits = 8\nadc_full_scale = 0.2\n");
  const auto run = folder / "run.h5";
  const auto page = folder / "page.html";
  const std::vector<std::string> command = {"solve",  file, "--device", "emulator:" + twin,
                                            "--runs", "4",  "--steps",  "100"};
  auto words = command;
  words.insert(words.end(), {"--out", run, "--report", page});
  CHECK(call(words).out_has("measured values ("));
  auto with_json = command;
  with_json.push_back("--json");
  const json j = parsed(call(with_json));
  CHECK(j["clipping"]["adc_saturations"].get<std::int64_t>() > 100);
  CHECK(j["clipping"]["dac_saturations"] == 0);
  CHECK(
      call({"check", run})
          .out_has("clipped values: " + std::to_string(j["clipping"]["adc_saturations"].get<std::int64_t>()) +
                   " of the measurement"));
  std::stringstream text;
  text << std::ifstream(page).rdbuf();
  CHECK(text.str().find("measured values beyond adc_full_scale") != std::string::npos);

  // A machine that holds everything says nothing of it; one without converters has nothing to count.
  auto wide = with_json;
  wide.insert(wide.end(), {"--set", "adc_full_scale=100"});
  CHECK(parsed(call(wide))["clipping"]["adc_saturations"] == 0);
  const auto ideal = parsed(call({"solve", file, "--runs", "4", "--steps", "10", "--json"}));
  CHECK(ideal["clipping"].is_null());
}

TEST_CASE("flag --quiet prints nothing, and the report of --json is the only thing on standard output") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const auto ran = call({"solve", file, "--device", "exact:", "--quiet"});
  CHECK(ran.code == 0);
  CHECK(ran.out.empty());
  CHECK(ran.err.empty());
}

TEST_CASE("flag --config fills in what the command line leaves open") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const auto config =
      folder.file("solve.toml", "# a comment\nfile = \"" + file +
                                    "\"\nruns = 12  # each\nseed = 4\njson = true\n"
                                    "[solve]\ndevice = \"emulator:\"\nsteps = 30\nuntil-target = false\n");
  const json j = parsed(call({"solve", "--config", config, "--seed", "9"}));
  CHECK(j["runs"] == 12);
  CHECK(j["steps"] == 30);
  CHECK(j["seed"] == 9);
  CHECK(j["device"] == "emulator:");
}

TEST_CASE("flag --config names file, line and key of what it cannot use") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  struct Case {
    const char* text;
    const char* line;
    const char* token;
  };
  for (const Case& c :
       {Case{"runs = 3\nrunz = 12\n", ":2:", "'runz'"}, Case{"runs = \"many\"\n", ":1:", "'runs'"},
        Case{"json = 3\n", ":1:", "'json'"}, Case{"seed = 1\nruns = = 3\n", ":2:", ""},
        Case{"config = \"other.toml\"\n", ":1:", "'config'"}, Case{"[bench]\nruns = 3\n", ":1:", "'bench'"},
        Case{"runs = { a = 1 }\n", ":1:", "'runs'"}}) {
    const auto config = folder.file("bad.toml", c.text);
    const auto ran = call({"solve", file, "--device", "exact:", "--config", config});
    CAPTURE(c.text, ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
    CHECK(ran.err_has(config + c.line));
    CHECK(ran.err_has(c.token));
  }
  CHECK(call({"solve", file, "--config", folder / "missing.toml"}).code == 2);
}

TEST_CASE("table [parameters] of --config reach the device as --set does, and --set goes before them") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const auto config =
      folder.file("solve.toml", "device = \"annealing:\"\n[parameters]\nno_such_parameter = 0.25\n");
  for (const auto& ran :
       {call({"solve", file, "--config", config}),
        call({"solve", file, "--device", "annealing:", "--set", "no_such_parameter=0.25"})}) {
    CAPTURE(ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.err_has("no_such_parameter"));
  }
}

TEST_CASE("bad problem files: one line naming file, line and token, code 2, no run file") {
  const TemporaryFolder folder;
  struct Case {
    const char* what;
    const char* name;
    const char* text;
    const char* where;  ///< expected after the path
  };
  const Case cases[] = {
      {"truncated", "truncated.txt", "4 3\n1 2 1\n2 3 1\n", ""},
      {"not a number", "nan.txt", "3 2\n1 2 1\n2 3 nan\n", ":3:"},
      {"infinite", "inf.txt", "3 2\n1 2 inf\n2 3 1\n", ":2:"},
      {"duplicate edge", "duplicate.txt", "3 3\n1 2 1\n2 3 1\n2 1 1\n", ":4:"},
      {"self loop", "loop.mc", "3 2\n1 2 1\n3 3 1\n", ":3:"},
      {"index out of range", "range.txt", "3 2\n1 2 1\n2 9 1\n", ":3:"},
      {"too many lines", "counts.txt", "3 1\n1 2 1\n2 3 1\n", ":3:"},
      {"empty", "empty.txt", "", ""},
      {"another kind", "picture.png", "\x89PNG\r\n\x1a\n0000", ""},
      {"asymmetric", "asymmetric.csv", "0,1\n2,0\n", ""},
      {"too large for memory", "huge.txt", "2000000000 1999999999999\n1 2 1\n", ""},
  };
  const std::string run = folder / "run.h5";
  for (const Case& c : cases) {
    const auto path = folder.file(c.name, c.text);
    const auto ran = call({"solve", path, "--device", "emulator:", "--out", run});
    CAPTURE(c.what, ran.out, ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(ran.one_error_line());
    CHECK(ran.err_has(path + c.where));
    CHECK_FALSE(std::filesystem::exists(run));
  }
  std::filesystem::create_directory(folder / "directory");
  for (const std::string name : {"directory", "missing.txt"}) {
    const auto ran = call({"solve", folder / name, "--device", "emulator:", "--out", run});
    CAPTURE(name, ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
    CHECK(ran.err_has(name));
    CHECK_FALSE(std::filesystem::exists(run));
  }
}

TEST_CASE("impossible parameters: one line naming the parameter, code 2, no run file") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const std::string run = folder / "run.h5";
  struct Case {
    std::vector<std::string> arguments;
    const char* named;
  };
  const Case cases[] = {
      {{"--runs", "0"}, "--runs"},
      {{"--runs", "-3"}, "--runs"},
      {{"--runs", "three"}, "--runs"},
      {{"--seed", "-1"}, "--seed"},
      {{"--steps", "0"}, "--steps"},
      {{"--threads", "0"}, "--threads"},
      {{"--dt", "-0.1"}, "--dt"},
      {{"--dt", "nan"}, "--dt"},
      {{"--time-limit", "0"}, "--time-limit"},
      {{"--target", "soon"}, "soon"},
      {{"--target", "cut=many"}, "cut=many"},
      {{"--target", "best"}, "best"},
      {{"--until-target"}, "--until-target"},
      {{"--device", "quantum:"}, "quantum"},
      {{"--device", "nothing"}, "nothing"},
      {{"--device", "exact:?depth=3"}, "depth"},
      {{"--set", "pump=-1:nan"}, "pump"},
      {{"--set", "beta=-0.5"}, "beta"},
      {{"--law", "nothing"}, "nothing"},
      {{"--model", "nothing"}, "nothing"},
      {{"--preset", "nothing"}, "nothing"},
      {{"--set", "nonsense"}, "nonsense"},
      {{"--set", "a=1", "--set", "a=2"}, "a is set twice"},
      {{"--law", "cac", "--set", "law=cfc"}, "--law"},
      {{"--log-trajectories", "2", "--device", "exact:"}, "trajectories"},
  };
  for (const Case& c : cases) {
    std::vector<std::string> command = {"solve", file, "--out", run};
    command.insert(command.end(), c.arguments.begin(), c.arguments.end());
    const auto ran = call(command);
    CAPTURE(c.arguments, ran.out, ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(ran.one_error_line());
    CHECK(ran.err_has(c.named));
    CHECK_FALSE(std::filesystem::exists(run));
  }
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--out", folder / "no/such/folder/run.h5"},
        {"--report", folder / "page.html"},
        {"--log-trajectories", "2"}}) {
    std::vector<std::string> command = {"solve", file, "--device", "emulator:"};
    command.insert(command.end(), more.begin(), more.end());
    const auto ran = call(command);
    CAPTURE(more, ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
  }
  CHECK(folder.names() == std::vector<std::string>{"moebius.txt"});
}

TEST_CASE("runs whose results no machine's memory holds: one line with what they need, code 2, no run file") {
  const TemporaryFolder folder;
  const auto file = folder.file("pair.txt", "4096 1\n1 2 1\n");
  const auto ran = call({"solve", file, "--out", folder / "run.h5", "--runs", "2147483647"});
  CAPTURE(ran.out, ran.err);
  CHECK(ran.code == 2);
  CHECK(ran.out.empty());
  CHECK(ran.one_error_line());
  CHECK(ran.err_has("runs = 2147483647: their results need 16."));
  CHECK(ran.err_has("TiB"));
  CHECK(folder.names() == std::vector<std::string>{"pair.txt"});
}

TEST_CASE("a refused run leaves no run file behind, not even a stub") {
  const TemporaryFolder folder;
  std::ostringstream large;  // 30 spins: more than exact: takes
  large << "30 29\n";
  for (int i = 1; i < 30; ++i) large << i << ' ' << i + 1 << " 1\n";
  const auto file = folder.file("path.txt", large.str());
  const auto ran = call({"solve", file, "--device", "exact:", "--out", folder / "run.h5"});
  CAPTURE(ran.err);
  CHECK(ran.code == 2);
  CHECK(ran.err_has("30"));
  CHECK(folder.names() == std::vector<std::string>{"path.txt"});
  // Nor does it cost an earlier run its file.
  const auto earlier = folder.file("run.h5", "an earlier answer");
  for (const std::vector<std::string>& bad :
       {std::vector<std::string>{"solve", file, "--device", "exact:", "--out", earlier},
        std::vector<std::string>{"solve", file, "--set", "dt=-1", "--out", earlier},
        // Refused only when the log is laid out, after the new run file has taken the name.
        std::vector<std::string>{"solve", file, "--log-trajectories", "9", "--steps", "100000000000", "--out",
                                 earlier}}) {
    CAPTURE(bad);
    CHECK(call(bad).code == 2);
    CHECK(std::filesystem::file_size(earlier) == 17);
  }
  std::string text;
  std::getline(std::ifstream(earlier) >> std::ws, text);
  CHECK(text == "an earlier answer");
  CHECK(folder.names().size() == 2);
}

TEST_CASE("success does not depend on the unit of the problem, and what floats cannot hold is refused") {
  const TemporaryFolder folder;
  const auto scaled = [&](const std::string& weight) {
    std::string text = moebius16();
    for (auto at = text.find(" 1\n"); at != std::string::npos; at = text.find(" 1\n", at + 1)) {
      text.replace(at, 3, " " + weight + "\n");
    }
    return folder.file("weight_" + weight + ".txt", text);
  };
  for (const char* device : {"emulator:", "annealing:", "dsb:"}) {
    // Four steps: far from certain, so that an absolute tolerance would show as P = 1 for small units.
    const auto p_success = [&](const std::string& weight) {
      return parsed(call(
          {"solve", scaled(weight), "--device", device, "--steps", "4", "--json"}))["p_success"]["best"]
          .get<double>();
    };
    CAPTURE(device);
    const double p = p_success("1");
    CHECK(p > 0);
    CHECK(p < 1);
    CHECK(p_success("8.271806125530277e-25") == p);  // 2^-80: the same numbers but for their exponents
    CHECK(p_success("1.2089258196146292e24") == p);  // 2^80
  }
  for (const char* weight : {"1e300", "1e-300"}) {
    const auto ran = call({"solve", scaled(weight), "--out", folder / "run.h5"});
    CAPTURE(ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
    CHECK_FALSE(std::filesystem::exists(folder / "run.h5"));
  }
}

TEST_CASE("Ctrl-C saves what is done and ends with code 130") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const std::string run = folder / "run.h5";
  // A process of its own, because the flag that a signal sets is never cleared.
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto ran =
        call({"solve", file, "--device", "emulator:", "--runs", "100000", "--steps", "100000", "--out", run});
    _exit(ran.code == 130 && ran.err_has("interrupted") ? 130 : 99);
  }
  for (int i = 0; i < 600 && !std::filesystem::exists(run); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  REQUIRE(std::filesystem::exists(run));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  REQUIRE(kill(child, SIGINT) == 0);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 130);
  const auto checked = call({"check", run});
  INFO(checked.out << checked.err);
  CHECK(checked.code == 0);
  CHECK(checked.out_has("did not finish"));
}
