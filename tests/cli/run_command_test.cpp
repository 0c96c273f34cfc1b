#include "cli/run_command.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "core/version.h"
#include "tests/cli/command_fixture.h"

using opoloop::test::call;

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

TEST_CASE("docs/cli-reference.md is what help --all prints") {
  std::ifstream file("docs/cli-reference.md");
  REQUIRE(file);
  std::ostringstream page;
  page << file.rdbuf();
  const auto ran = call({"help", "--all"});
  CHECK(ran.code == 0);
  CHECK(page.str() == ran.out);
}
