#include "driver/kaiwu_device.h"

#include <signal.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <sstream>
#include <thread>

#include "core/error.h"
#include "driver/child_process.h"
#include "hamiltonian/brute_force.h"
#include "hamiltonian/formats/file_bytes.h"
#include "tests/driver/device_suite.h"
#include "tests/driver/scoped_variables.h"
#include "tests/driver/temporary_folder.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using test::ScopedVariables;
using test::TemporaryFolder;

namespace {

/// The environment of a computer that has the SDK: the stand-in of tests/driver/kaiwu_standin.
struct Sdk {
  explicit Sdk(const std::string& version = "1.3")
      : variables({{"OPOLOOP_PYTHON", OPOLOOP_TEST_PYTHON},
                   {"PYTHONPATH", OPOLOOP_KAIWU_STANDIN},
                   {"OPOLOOP_KAIWU_FOLDER", folder / "jobs"},
                   {"KAIWU_STANDIN", version},
                   {"KAIWU_STANDIN_CLOUD", folder.path()},
                   {"KAIWU_STANDIN_FAIL", ""},
                   {"KAIWU_USER_ID", "user-7"},
                   {"KAIWU_SDK_CODE", "code-secret"}}) {}

  /// How many tasks the cloud was given.
  int tasks() const {
    if (!std::filesystem::exists(folder / "tasks")) return 0;
    const std::string text = read_file_bytes(folder / "tasks", 1 << 20);
    return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  }

  TemporaryFolder folder;
  ScopedVariables variables;
};

Job four_spins() {
  auto problem = std::make_shared<Problem>();
  problem->ising = IsingModel(4, {{0, 1, 1.0}, {1, 2, -2.5}, {0, 3, 0.5}}, {0.5, 0, -1, 0}, 3.0);
  Job job;
  job.problem = problem;
  job.settings.runs = 3;
  return job;
}

const char* const kMachine = "kaiwu:CPQC-550?poll=0.01";

}  // namespace

TEST_CASE("a machine behind the Kaiwu SDK behaves like a device") {
  const Sdk sdk;
  check_device_behaviour({kMachine, false, "poll"});
}

TEST_CASE("every version of the SDK is spoken to in its own words") {
  for (const std::string version : {"1.2", "1.3", "1.4"}) {
    INFO(version);
    const Sdk sdk(version);
    const Job job = four_spins();
    const Result result = make_device(kMachine)->run(job);
    REQUIRE_FALSE(result.samples.empty());
    CHECK(result.samples.size() == (version == "1.2" ? 10 : 3));  // 1.2 takes no number
    CHECK(result.samples[0].energy_best == brute_force(job.problem->ising).energy);
    CHECK(result.parameters.at("kaiwu_sdk").value == version + ".1");
    CHECK(sdk.tasks() == 1);
    const bool ignored = std::any_of(result.warnings.begin(), result.warnings.end(), [](const auto& w) {
      return w.find("takes no sample_number") != std::string::npos;
    });
    CHECK(ignored == (version == "1.2"));
  }
}

TEST_CASE("errors of the vendor become ours, in one line without the secret") {
  Sdk sdk;
  const auto message = [&](const std::string& uri = kMachine) -> std::string {
    try {
      make_device(uri)->run(four_spins());
    } catch (const Error& error) {
      const std::string what = error.what();
      CHECK(what.find('\n') == std::string::npos);
      CHECK(what.find("code-") == std::string::npos);
      return (dynamic_cast<const InputError*>(&error) != nullptr ? "input: " : "error: ") + what;
    }
    return "no error";
  };
  sdk.variables.set("KAIWU_STANDIN_FAIL", "quota");
  CHECK_THAT(message(), Contains("error: kaiwu: the quota is used up") && Contains("真机配额不足"));
  sdk.variables.set("KAIWU_STANDIN_FAIL", "precision");
  CHECK_THAT(message(), Contains("input: kaiwu: the matrix was refused for its precision"));
  sdk.variables.set("KAIWU_STANDIN_FAIL", "garbage");
  CHECK_THAT(message(), Contains("error: kaiwu: the SDK failed") && Contains("shape (2, 3)"));
  sdk.variables.set("KAIWU_STANDIN_FAIL", "die");
  CHECK_THAT(message(), Contains("ended without an answer (exit code 11") && Contains("segmentation fault"));
  sdk.variables.set("KAIWU_STANDIN_FAIL", "print");
  CHECK(message() == "no error");
  CHECK_THAT(message(std::string(kMachine) + "&task_name=" + std::string(60, 'x')),
             Contains("input: kaiwu: the task's name was refused"));
  CHECK_THAT(message(std::string(kMachine) + "&task_mode=fast"), Contains("task_mode fast is not known"));
  sdk.variables.set("KAIWU_SDK_CODE", "code-wrong");
  CHECK_THAT(message(), Contains("input: kaiwu: the licence was refused") && Contains("***"));
  sdk.variables.unset("KAIWU_SDK_CODE");  // the SDK asks, and nobody is there
  sdk.variables.unset("KAIWU_USER_ID");
  CHECK_THAT(message(), Contains("input: kaiwu: the licence was refused"));
  sdk.variables.set("PYTHONPATH", sdk.folder.path());
  CHECK_THAT(message(), Contains("has no Kaiwu SDK"));
  sdk.variables.set("OPOLOOP_KAIWU_BRIDGE", sdk.folder / "nothing.py");
  CHECK_THAT(message(), Contains("input:") && Contains("nothing.py"));
  sdk.variables.set("OPOLOOP_PYTHON", "no-such-python");
  CHECK_THAT(message(), Contains("input:") && Contains("there is no no-such-python"));
}

TEST_CASE("a Kaiwu task outlives this process and is submitted once") {
  const Sdk sdk;
  sdk.folder.file("busy", "");
  std::string id;
  const Job job = four_spins();
  {
    const auto device = make_device(kMachine);
    id = device->submit(job);
    while (sdk.tasks() == 0) device->wait(id, 0.01);
    CHECK(device->wait(id, 0.05) == JobStatus::running);
  }
  std::filesystem::remove(sdk.folder / "busy");
  const auto later = make_device(kMachine);
  later->attach(id, job);
  const Result result = later->finish(id);
  CHECK(result.samples.size() == 3);
  CHECK(result.samples[0].energy_best == brute_force(job.problem->ising).energy);
  CHECK(sdk.tasks() == 1);
  Job other = four_spins();
  other.settings.runs = 4;
  CHECK_THROWS_WITH(later->attach(id, other), Contains("is another one"));
  CHECK_THROWS_AS(later->attach("0123", job), InputError);
  CHECK_THROWS_WITH(later->attach(std::string(32, 'a'), job), Contains("has no job"));
}

TEST_CASE("a cancelled Kaiwu job ends its bridge, even one that does not listen") {
  Sdk sdk;
  sdk.variables.set("KAIWU_STANDIN_FAIL", "hang");
  const auto device = make_device("kaiwu:CPQC-550?poll=0.01");
  const std::string id = device->submit(four_spins());
  CHECK(device->wait(id, 0.3) == JobStatus::running);
  device->cancel(id);
  const Result result = device->result(id);
  CHECK(result.interrupted);
  CHECK(result.samples.empty());
  REQUIRE_FALSE(result.warnings.empty());
  CHECK_THAT(result.warnings.back(), Contains("--resume-job " + id));
}

TEST_CASE("what a Kaiwu machine cannot take") {
  const Sdk sdk;
  CHECK_THROWS_AS(make_device("kaiwu:"), InputError);
  CHECK_THROWS_AS(make_device("kaiwu:a b"), InputError);
  CHECK(make_device("kaiwu:CPQC-550")->capabilities().max_spins == 550);
  CHECK(make_device("kaiwu:CPQC-550")->capabilities().coupling_bits == 8);
  CHECK(make_device("kaiwu:some")->capabilities().max_spins == 0);
  // Four spins and an ancilla.
  CHECK_THROWS_WITH(make_device("kaiwu:X-4")->check(four_spins()), Contains("needs 5 spins"));
  CHECK_NOTHROW(make_device("kaiwu:X-5")->check(four_spins()));
  // The folder of a job is nobody else's, and holds no secret.
  const auto device = make_device(kMachine);
  const std::string id = device->submit(four_spins());
  device->result(id);
  struct stat info{};
  REQUIRE(::stat((sdk.folder / ("jobs/" + id)).c_str(), &info) == 0);
  CHECK((info.st_mode & 077) == 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(sdk.folder.path())) {
    if (!entry.is_regular_file()) continue;
    CHECK(read_file_bytes(entry.path(), 1 << 20).find("code-secret") == std::string::npos);
  }
}

TEST_CASE("a child process is spoken to, stopped and reaped") {
  const TemporaryFolder folder;
  const std::string log = folder / "log";
  SECTION("lines go both ways, and its end is seen") {
    ChildProcess cat({"/bin/sh", "-c", "while read line; do echo \"<$line>\"; done; exit 3"}, log);
    CHECK(cat.send_line("one", 10));
    CHECK(cat.send_line("two", 10));
    CHECK(cat.read_line(10, 100) == std::optional<std::string>("<one>"));
    CHECK(cat.read_line(10, 100) == std::optional<std::string>("<two>"));
    CHECK_FALSE(cat.read_line(0.01, 100));
    CHECK_FALSE(cat.ended());
    cat.stop(0);
    CHECK(cat.ending() == "killed by signal 9");
  }
  SECTION("one that has gone takes no input, without a signal to this process") {
    ChildProcess gone({"/bin/sh", "-c", "echo why >&2; exit 3"}, log);
    CHECK_FALSE(gone.read_line(10, 100));
    CHECK(gone.ended());
    CHECK_FALSE(gone.send_line(std::string(1 << 20, 'x'), 10));
    CHECK(gone.ending() == "exit code 3");
    CHECK(read_file_bytes(log, 100) == "why\n");
  }
  SECTION("one that does not exist") {
    ChildProcess none({folder / "nothing"}, log);
    CHECK_FALSE(none.read_line(10, 100));
    CHECK(none.ending() == "exit code 127");
  }
  SECTION("its own children go with it, and nothing stays behind") {
    pid_t grandchild = 0;
    pid_t child = 0;
    {
      ChildProcess parent({"/bin/sh", "-c", "sleep 600 & echo $!; trap '' TERM; wait"}, log);
      child = parent.pid();
      grandchild = std::stoi(parent.read_line(10, 100).value());
      CHECK(::kill(grandchild, 0) == 0);
      parent.stop(0.05);
    }
    CHECK(::kill(child, 0) != 0);
    // Whoever inherited it reaps it soon.
    const auto state = [&] {
      std::string text;
      try {
        text = read_file_bytes("/proc/" + std::to_string(grandchild) + "/stat", 1 << 16);
      } catch (const InputError&) {
        return 'X';
      }
      return text.at(text.rfind(')') + 2);
    };
    for (int k = 0; k < 1000 && state() != 'X' && state() != 'Z'; ++k) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    const char last = state();
    CHECK((last == 'X' || last == 'Z'));
  }
  SECTION("a line that never ends is refused") {
    ChildProcess chatter({"/bin/sh", "-c", "while :; do printf xxxxxxxxxxxxxxxxxxxx; done"}, log);
    CHECK_THROWS_AS(chatter.read_line(10, 1000), Error);
  }
}
