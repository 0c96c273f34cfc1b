#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "driver/http_client.h"
#include "driver/server/service.h"
#include "tests/cli/command_fixture.h"

using namespace opoloop;
using test::call;
using test::Ran;
using test::TemporaryFolder;
using Json = nlohmann::json;

namespace {

ServiceOptions service_options(const TemporaryFolder& folder) {
  ServiceOptions options;
  options.engine.journal = folder / "journal";
  options.engine.devices = {"emulator:"};
  options.grace_s = 0;
  return options;
}

}  // namespace

TEST_CASE("solve gives through a server what it gives in this process") {
  const TemporaryFolder folder;
  const Service service(service_options(folder));
  const std::string file = folder.file("g.txt", test::moebius16());
  std::vector<std::string> arguments = {"solve", file,      "--seed", "1",     "--runs",
                                        "8",     "--steps", "50",     "--json"};
  const Ran here = call(arguments);
  arguments.insert(arguments.end(), {"--device", "opoloop://127.0.0.1:" + std::to_string(service.port())});
  const Ran there = call(arguments);
  REQUIRE(here.code == 0);
  REQUIRE(there.code == 0);
  const Json a = Json::parse(here.out);
  const Json b = Json::parse(there.out);
  for (const char* key : {"best_energy", "best_cut", "p_success", "runs", "steps", "dt", "law"})
    CHECK(a.at(key) == b.at(key));

  // The id it told belongs to that job, and to no other.
  REQUIRE(there.err.starts_with("job "));
  const std::string id = there.err.substr(4, 32);
  arguments.insert(arguments.end(), {"--resume-job", id});
  const Ran resumed = call(arguments);
  CHECK(resumed.code == 0);
  CHECK(Json::parse(resumed.out).at("best_energy") == a.at("best_energy"));
  arguments[3] = "2";
  const Ran other = call(arguments);
  CHECK(other.code == 2);
  CHECK(other.one_error_line());
  CHECK(call({"solve", file, "--resume-job", id}).code == 2);  // not a device that keeps jobs
}

TEST_CASE("serve refuses what it cannot keep") {
  const TemporaryFolder folder;
  const auto refused = [&](std::vector<std::string> arguments, const std::string& word) {
    arguments.insert(arguments.begin(), "serve");
    const Ran ran = call(arguments);
    INFO(ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
    CHECK(ran.err_has(word));
  };
  refused({"--port", "70000"}, "--port");
  refused({"--max-queue", "0"}, "--max-queue");
  refused({"--max-body", "-1"}, "--max-body");
  refused({"--bind", "0.0.0.0", "--port", "0", "--journal", folder / "j"}, "token");
  const std::string token = folder.file("token", "secret\n");
  ::chmod(token.c_str(), 0644);
  refused({"--token-file", token}, "chmod 600");
  refused({"--device", "toaster:", "--journal", folder / "j"}, "toaster");
  const Service service(service_options(folder));
  refused({"--port", "0", "--journal", folder / "journal"}, "in use by another server");
  refused({"--port", std::to_string(service.port()), "--journal", folder / "j"}, "cannot listen");
}

TEST_CASE("serve prints its address, stops on SIGTERM and says nothing else in a pipe") {
  const TemporaryFolder folder;
  int channel[2];
  REQUIRE(::pipe(channel) == 0);
  std::cout.flush();  // the child would say it again
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(channel[1], STDOUT_FILENO);
    ::dup2(channel[1], STDERR_FILENO);
    ::close(channel[0]);
    ::close(channel[1]);
    int code = 9;
    try {
      code = run_command(
          std::vector<std::string>{"serve", "--port", "0", "--journal", folder / "j", "--grace", "0"},
          std::cout, std::cerr);
    } catch (...) {
    }
    ::_exit(code);
  }
  ::close(channel[1]);
  std::string said;
  char c = 0;
  while (::read(channel[0], &c, 1) == 1 && c != '\n') said.push_back(c);
  CHECK(said.starts_with("http://127.0.0.1:"));
  HttpClient client("127.0.0.1", std::stoi(said.substr(said.rfind(':') + 1)));
  CHECK(client.send("GET", "/healthz", {}, {}, 10).status == 200);
  ::kill(child, SIGTERM);
  said.clear();
  while (::read(channel[0], &c, 1) == 1) said.push_back(c);
  ::close(channel[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(said.empty());
}

TEST_CASE("serve takes a certificate only with its key, and qubits within bounds") {
  const TemporaryFolder folder;
  const auto refused = [&](const std::vector<std::string>& flags, const std::string& word) {
    std::vector<std::string> arguments = {"serve", "--port", "0", "--journal", folder / "j"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Ran ran = call(arguments);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
    CHECK(ran.err.find(word) != std::string::npos);
  };
  const std::string none = folder / "none.pem";
  refused({"--tls-cert", none}, "--tls-key");
  refused({"--tls-key", none}, "--tls-cert");
  refused({"--tls-cert", none, "--tls-key", none}, "none.pem");
  refused({"--sapi-qubits", "4097"}, "--sapi-qubits");
}
