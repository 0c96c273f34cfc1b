#include "cli/run_command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/version.h"
#include "tests/cli/command_fixture.h"

using nlohmann::json;
using opoloop::test::call;
using opoloop::test::moebius16;
using opoloop::test::Ran;
using opoloop::test::TemporaryFolder;

namespace {

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("the command without arguments explains itself and fails") {
  const auto ran = call({});
  CHECK(ran.code == 2);
  CHECK(ran.out.empty());
  for (const char* verb :
       {"solve", "info", "convert", "generate", "devices", "check", "report", "bench", "help"}) {
    CAPTURE(verb);
    CHECK(ran.err_has(std::string("\n  ") + verb));
  }
}

TEST_CASE("flag --version prints the version") {
  const auto ran = call({"--version"});
  CHECK(ran.code == 0);
  CHECK(ran.out == std::string("opoloop ") + opoloop::kVersion + "\n");
  CHECK(ran.err.empty());
}

TEST_CASE("unknown verbs and flags are errors of one line with code 2") {
  const std::vector<std::vector<std::string>> commands = {{"sovle", "x.txt"},
                                                          {"--frobnicate"},
                                                          {"solve", "x.txt", "--frobnicate"},
                                                          {"info", "x.txt", "--runs", "3"},
                                                          {"devices", "--json-x"},
                                                          {"bench", "--sizes"},
                                                          {"check"},
                                                          {"report"},
                                                          {"convert", "a.txt"},
                                                          {"generate"},
                                                          {"generate", "nonsense"},
                                                          {"help", "nonsense"},
                                                          {"solve"},
                                                          {"info"},
                                                          {"check", "a.h5", "b.h5"},
                                                          {"bench", "--threads", "0"},
                                                          {"generate", "sk"},
                                                          {"bench", "--law", "x"}};
  for (const auto& command : commands) {
    const auto ran = call(command);
    CAPTURE(command, ran.out, ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(ran.one_error_line());
    CHECK(ran.err.starts_with("opoloop: "));
  }
  CHECK(call({"sovle"}).err_has("'sovle'"));
  CHECK(call({"solve", "x", "--frobnicate"}).err_has("--frobnicate"));
}

TEST_CASE("help explains the program and every verb") {
  CHECK(call({"help"}).out_has("solve"));
  CHECK(call({"help"}).code == 0);
  for (const char* verb :
       {"solve", "info", "convert", "generate", "devices", "check", "report", "bench", "help"}) {
    const auto by_verb = call({"help", verb});
    const auto by_flag = call({verb, "--help"});
    CAPTURE(verb, by_verb.err);
    CHECK(by_verb.code == 0);
    CHECK(by_flag.code == 0);
    CHECK(by_flag.err.empty());
    CHECK(by_verb.out_has("--help"));
    CHECK(by_flag.out == by_verb.out);
  }
}

TEST_CASE("help explains the inner verb of a verb, and errors name its page") {
  const std::vector<std::vector<std::string>> nested = {
      {"generate", "sk"}, {"decode", "tracking"}, {"qama", "solve"}, {"hil", "plant"}};
  for (const auto& words : nested) {
    const Ran by_verb = call({"help", words[0], words[1]});
    CAPTURE(words[0], words[1], by_verb.err);
    CHECK(by_verb.code == 0);
    CHECK(by_verb.out_has("opoloop " + words[0] + " " + words[1]));
    CHECK(by_verb.out == call({words[0], words[1], "--help"}).out);
  }
  CHECK(call({"help", "generate", "sk"}).out_has("--seed"));
  const Ran unknown = call({"help", "generate", "glass"});
  CHECK(unknown.code == 2);
  CHECK(unknown.err_has("unknown verb 'glass' (see: opoloop help generate)"));
  CHECK(call({"generate", "sk", "--n", "10"})
            .err_has("generate sk: --out is required (see: opoloop help generate sk)"));
  const Ran family = call({"decode", "foo", "run.h5"});
  CHECK(family.code == 2);
  CHECK(family.one_error_line());
  CHECK(family.err_has("decode: unknown family 'foo'; known are "));
  CHECK(family.err_has("independent-set"));
  CHECK(call({"decode"}).err_has("decode: FAMILY is missing; known are "));
}

TEST_CASE("integers are decimal, and what is none or does not fit is refused with what was expected") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const auto solved = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"solve", file, "--steps", "5", "--json"});
    const Ran ran = call(more);
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    return json::parse(ran.out);
  };
  CHECK(solved({"--runs", "1", "--seed", "010"})["seed"] == 10);
  CHECK(solved({"--runs", "1", "--seed", "008"})["seed"] == 8);
  CHECK(solved({"--runs", "0011"})["runs"] == 11);
  CHECK(solved({"--runs", "+3", "--dt", "+0.1"})["dt"] == 0.1);
  CHECK(solved({"--runs", "1", "--seed", "18446744073709551615"})["seed"] ==
        std::numeric_limits<std::uint64_t>::max());
  struct Case {
    std::vector<std::string> arguments;
    const char* words;
  };
  const std::string seed = "--seed: expected an integer from 0 to 2^64 − 1, not ";
  const std::vector<Case> cases = {
      {{"solve", file, "--seed", "18446744073709551616"}, "2^64 − 1, not '18446744073709551616'"},
      {{"solve", file, "--seed", "-1"}, "--seed: expected an integer from 0 to 2^64 − 1, not '-1'"},
      {{"solve", file, "--seed", "0x10"}, "2^64 − 1, not '0x10'"},
      {{"solve", file, "--seed", ""}, "--seed: expected an integer from 0 to 2^64 − 1, not ''"},
      {{"solve", file, "--runs", "+"}, "not '+'"},
      {{"solve", file, "--runs", "+-3"}, "not '+-3'"},
      {{"solve", file, "--steps", "99999999999999999999"},
       "--steps: expected an integer up to 2^63 − 1, not '99999999999999999999'"},
      {{"solve", file, "--runs", "1e3"}, "--runs: expected an integer up to 2^31 − 1, not '1e3'"},
      {{"solve", file, "--runs", "0x10"}, "not '0x10'"},
      {{"solve", file, "--runs", "2147483648"}, "not '2147483648'"},
      {{"solve", file, "--dt", "fast"}, "--dt: expected a number, not 'fast'"},
      {{"solve", file, "--time-limit", "inf"}, "--time-limit: expected a number, not 'inf'"},
      {{"validate", "--seed", "-1"}, "--seed: expected an integer from 0 to 2^64 − 1, not '-1'"},
      {{"validate", "--threads", "0"}, "--threads: expected an integer from 1 to 2^31 − 1, not '0'"},
      {{"experiment", "gap-tts", "--instances", "0"}, "--instances: expected an integer from 1 to 2^31 − 1"},
      {{"experiment", "gap-tts", "--spins", "8,010x"}, "not '010x'"},
      {{"bench", "--sizes", "20,0x20"}, "--sizes: expected an integer up to 2^31 − 1, not '0x20'"},
      {{"bench", "--seconds", "0"}, "--seconds: expected a positive number, not '0'"},
      {{"tune", "--vary", "dt=0.1:0.2", "--seed", "-1"}, "not '-1'"},
      {{"hil", "controller", "shm:x", "--wait", "-2"}, "--wait: expected a positive number, not '-2'"},
      {{"qama", "solve", "--input", "x.npz", "--problem", "-1"}, "--problem: expected an integer from 0"},
      {{"serve", "--port", "0x50"}, "--port: expected an integer up to 2^31 − 1, not '0x50'"},
      {{"serve", "--max-queue", "many"}, "--max-queue: expected an integer"},
      {{"serve", "--max-body", "much"}, "--max-body: expected a number, not 'much'"}};
  for (const Case& c : cases) {
    const Ran ran = call(c.arguments);
    CAPTURE(c.arguments, ran.out, ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
    CHECK(ran.err_has(c.words));
  }
  const auto config = folder.file("seed.toml", "runs = 2\nseed = -1\n");
  const Ran ran = call({"solve", file, "--config", config});
  CHECK(ran.code == 2);
  CHECK(ran.err_has(config + ":2: 'seed': " + seed + "'-1'"));
}

TEST_CASE("no output is written over what a command reads, nor over another output") {
  const TemporaryFolder folder;
  const auto q = folder.file("q.txt", moebius16());
  const auto config = folder.file("c.toml", "runs = 2\n");
  const auto seed = folder.file("s.toml", "seed = 2\n");
  const auto twin = folder.file("twin.toml", "adc_bits = 12\n");
  const auto run = folder.file("run.h5", "a run");
  const auto page = folder.file("run.html", "a run, too");
  const auto batch = folder.file("batch.npz", "a batch");
  const std::string same = (std::filesystem::path(folder.path()) / "." / "q.txt").string();
  const std::string out = folder / "a.h5";
  std::filesystem::create_symlink(q, folder / "link.txt");
  const auto before = [&] {
    auto names = folder.names();
    std::sort(names.begin(), names.end());
    return names;
  };
  const auto names = before();
  struct Case {
    std::vector<std::string> arguments;
    std::string words;
  };
  const std::vector<Case> cases = {
      {{"solve", q, "--out", q}, "--out " + q + ": is the problem file itself"},
      {{"solve", q, "--out", same}, "is the problem file itself"},
      {{"solve", q, "--out", folder / "link.txt"}, "is the problem file itself"},
      {{"solve", q, "--out", out, "--report", q}, "--report " + q + ": is the problem file itself"},
      {{"solve", q, "--out", out, "--report", out}, "--report " + out + ": is the file of --out itself"},
      {{"solve", q, "--out", out, "--report", folder / "./a.h5"}, "is the file of --out itself"},
      {{"solve", q, "--config", config, "--out", config}, "is the file of --config itself"},
      {{"solve", q, "--device", "emulator:" + twin, "--out", twin}, "is the device file itself"},
      {{"convert", q, q}, "OUT " + q + ": is the problem file itself"},
      {{"report", run, "--out", run}, "--out " + run + ": is the run file itself"},
      {{"report", page}, "is the run file itself"},
      {{"report", run, "--csv", run}, "--csv " + run + ": is the run file itself"},
      {{"report", "--compare", run, page, "--out", page}, "is a file that is compared itself"},
      {{"spectrum", q, "--report", q}, "--report " + q + ": is the problem file itself"},
      {{"qama", "solve", "--input", batch, "--out", batch}, "is the file of --input itself"},
      {{"qama", "solve", "--input", batch, "--out", out, "--npz", out}, "is the file of --out itself"},
      {{"qama", "inspect", "--input", batch, "--report", batch}, "is the file of --input itself"},
      {{"qama", "export", "--input", batch, "--output", batch}, "is the file of --input itself"},
      {{"validate", "--config", seed, "--report", seed}, "is the file of --config itself"},
      {{"hil", "plant", q, "shm:none", "--out", q}, "is the problem file itself"},
      {{"hil", "plant", q, "shm:none", "--out", out, "--report", out}, "is the file of --out itself"},
      {{"compare-devices", "exact:", "exact:", q, "--report", q}, "is a problem file itself"},
      {{"calibrate", "--records", config, "--out", config}, "is the file of records itself"},
      {{"calibrate", "--device", "emulator:" + twin, "--out", twin}, "is the device file itself"},
      {{"experiment", "sweep", config, "--report", config}, "is the file of the sweep itself"},
      {{"experiment", "sweep", config, "--out", out, "--report", out}, "is the file of --out itself"},
      {{"experiment", "published", "--out", out, "--report", out}, "is the file of --out itself"},
      {{"experiment", "published", "--resume", run, "--report", run}, "is the file of --resume itself"},
      {{"experiment", "tts", "--problem", q, "--report", q}, "is a problem file itself"},
      {{"experiment", "sparsity", "--device", "emulator:" + twin, "--report", twin},
       "is the device file itself"},
      {{"experiment", "tts", "--device", "a=emulator:" + twin, "--report", twin},
       "is the device file itself"},
      {{"experiment", "accuracy", "--data", "own=" + (folder / "t.csv"), "--report", folder / "t.html"},
       "is a file of --data itself"}};
  for (const Case& c : cases) {
    const Ran ran = call(c.arguments);
    CAPTURE(c.arguments, ran.out, ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(ran.one_error_line());
    CHECK(ran.err_has(c.words));
    CHECK(before() == names);
  }
  CHECK(text_of(q) == moebius16());
  CHECK(text_of(run) == "a run");
  CHECK(text_of(page) == "a run, too");
  CHECK(text_of(batch) == "a batch");
}

TEST_CASE("a place that takes bytes as they come is written into, not replaced") {
  const TemporaryFolder folder;
  const auto q = folder.file("q.txt", moebius16());
  const std::string pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  // Opened for both, so that neither end waits for the other.
  const int end = ::open(pipe.c_str(), O_RDWR);
  REQUIRE(end >= 0);
  CHECK(call({"convert", q, pipe, "--to", "rudy"}).code == 0);
  std::string came(4096, '\0');
  const ssize_t got = ::read(end, came.data(), came.size());
  ::close(end);
  REQUIRE(got > 0);
  came.resize(static_cast<std::size_t>(got));
  const auto copy = folder / "copy.txt";
  REQUIRE(call({"convert", q, copy, "--to", "rudy"}).code == 0);
  CHECK(came == text_of(copy));
  CHECK(std::filesystem::is_fifo(pipe));
  // /dev/stdout leads to whatever the shell has opened, here as a link of our own to a file.
  const auto link = folder / "stdout";
  const int file = ::open(copy.c_str(), O_WRONLY);
  std::filesystem::create_symlink("/proc/self/fd/" + std::to_string(file), link);
  CHECK(call({"convert", q, link, "--to", "rudy"}).code == 0);
  CHECK(std::filesystem::is_symlink(link));
  ::close(file);
  CHECK(text_of(copy) == came);
}

TEST_CASE("an output without a folder is refused before anything is computed") {
  const TemporaryFolder folder;
  const auto q = folder.file("q.txt", moebius16());
  const auto run = folder.file("run.h5", "a run");
  const std::string lost = folder / "none/x.npz";
  const std::vector<std::vector<std::string>> commands = {{"solve", q, "--out", lost},
                                                          {"convert", q, lost},
                                                          {"generate", "sk", "--n", "10", "--out", lost},
                                                          {"report", run, "--out", lost},
                                                          {"report", "--compare", run, run, "--csv", lost},
                                                          {"spectrum", q, "--report", lost},
                                                          {"validate", "--report", lost},
                                                          {"hil", "plant", q, "shm:none", "--report", lost},
                                                          {"experiment", "published", "--report", lost}};
  for (const auto& command : commands) {
    const Ran ran = call(command);
    CAPTURE(command, ran.out, ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(ran.one_error_line());
    CHECK(ran.err_has("none does not exist"));
  }
  CHECK(call({"solve", q, "--out", folder.path()}).err_has("is a directory"));
}

TEST_CASE("parameters of --config are named with file and line, and flags go before them") {
  const TemporaryFolder folder;
  const auto file = folder.file("moebius.txt", moebius16());
  const auto with = [&](const std::string& text, std::vector<std::string> more) {
    more.insert(more.begin(),
                {"solve", file, "--runs", "1", "--steps", "5", "--config", folder.file("c.toml", text)});
    return call(more);
  };
  const std::string config = folder / "c.toml";
  const Ran unknown = with("# mine\n[parameters]\nfoo = 1\n", {});
  CHECK(unknown.code == 2);
  CHECK(unknown.one_error_line());
  CHECK(unknown.err_has(config + ":3: 'foo': emulator: has no parameter 'foo'"));
  CHECK(with("[parameters]\ndt = \"fast\"\n", {}).err_has(config + ":2: 'dt': "));
  // What the command line says is not looked at in the file.
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--dt", "0.2"}, {"--set", "dt=0.2"}, {"--law", "cfc", "--dt", "0.2"}}) {
    const Ran ran = with("[parameters]\ndt = \"fast\"\nlaw = \"cac\"\n", more);
    CAPTURE(more, ran.err);
    CHECK(ran.code == 0);
  }
  const Ran twice = with("dt = 0.1\n[parameters]\ndt = 0.2\n", {});
  CHECK(twice.code == 2);
  CHECK(twice.err_has(config + ":3: 'dt': is given outside [parameters], too"));
  // The parameter that an error is about, not another that it mentions.
  const Ran dt = with("[parameters]\nalpha = 1\ndt = -1\n", {});
  CHECK(dt.err_has(config + ":3: 'dt': "));
  CHECK_FALSE(with("[parameters]\nlaw = \"cac\"\n", {"--set", "alpha=-1"}).err_has(config));
  const Ran other = with("[parameters]\ndt = 0.2\n", {"--set", "foo=1"});
  CHECK(other.code == 2);
  CHECK_FALSE(other.err_has(config));
}

TEST_CASE("docs/cli-reference.md is what help --all prints") {
  std::ifstream file("docs/cli-reference.md");
  REQUIRE(file);
  std::ostringstream page;
  page << file.rdbuf();
  const auto ran = call({"help", "--all"});
  CHECK(ran.code == 0);
  CHECK(page.str() == ran.out);
}
