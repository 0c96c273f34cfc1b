#include "driver/spool_device.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <thread>

#include "core/error.h"
#include "core/random.h"
#include "core/sha256.h"
#include "driver/batch.h"
#include "hamiltonian/brute_force.h"
#include "hamiltonian/problem_file.h"
#include "hamiltonian/qama/qama_problem.h"
#include "tests/driver/device_suite.h"
#include "tests/driver/spool_platform.h"
#include "tests/driver/temporary_folder.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using test::Json;
using test::SpoolPlatform;
using test::TemporaryFolder;

namespace {

Job three_spins(std::vector<double> h = {0.5, 0, -1.5}) {
  auto problem = std::make_shared<Problem>();
  problem->ising = IsingModel(3, {{0, 1, 2.0}, {1, 2, -1.0}}, std::move(h), 7.0);
  problem->name = "three";
  Job job;
  job.problem = problem;
  return job;
}

/// Sets a file's time back, as if it had been copied a while ago.
void settle(const std::string& path) {
  std::filesystem::last_write_time(path,
                                   std::filesystem::file_time_type::clock::now() - std::chrono::seconds(10));
}

}  // namespace

TEST_CASE("an offline machine behaves like a device, Ising matrices and JSON answers") {
  const TemporaryFolder folder;
  SpoolPlatform platform(folder / "jobs");
  platform.start();
  check_device_behaviour({"spool:" + (folder / "jobs") + "?wait=60", false, "wait"});
}
TEST_CASE("an offline machine behaves like a device, QUBO matrices and CSV answers") {
  const TemporaryFolder folder;
  SpoolPlatform platform(folder / "jobs", true);
  platform.start();
  check_device_behaviour({"spool:" + (folder / "jobs") + "?wait=60&form=qubo&bits=16", false, "wait"});
}

TEST_CASE("a spooled Ising matrix is the couplings, its last row the fields") {
  const TemporaryFolder folder;
  const auto device = make_device("spool:" + folder.path());
  const std::string id = device->submit(three_spins());
  const Json job = Json::parse(read_file_bytes(folder / (id + ".job.json"), 1 << 20));
  CHECK(job.at("last_row_is_ancilla") == true);
  CHECK(job.at("size") == 4);
  // Half units: 0.5 is the smallest value and all are its multiples.
  CHECK(SpoolPlatform::matrix_of(folder.path(), job) ==
        std::vector<std::vector<int>>{{0, 4, 0, 1}, {4, 0, -2, 0}, {0, -2, 0, -3}, {1, 0, -3, 0}});
  CHECK_FALSE(job.at("adaptations").empty());
  // The program's own reader of such matrices sees the same problem, in its own unit.
  LoadOptions options;
  options.kaiwu_last_is_ancilla = true;
  const Problem back = load_problem(folder / (id + ".csv"), options);
  const Job asked = three_spins();
  for (const std::vector<std::int8_t>& s :
       std::vector<std::vector<std::int8_t>>{{1, 1, 1}, {1, -1, 1}, {-1, -1, 1}}) {
    CHECK(back.ising.energy(s) == 4 * (asked.problem->ising.energy(s) - 7));
  }
}

TEST_CASE("a spooled QUBO matrix has the energies of the problem up to a constant") {
  const TemporaryFolder folder;
  const auto device = make_device("spool:" + folder.path() + "?form=qubo");
  const std::string id = device->submit(three_spins());
  const Json job = Json::parse(read_file_bytes(folder / (id + ".job.json"), 1 << 20));
  CHECK(job.at("last_row_is_ancilla") == false);
  const auto q = SpoolPlatform::matrix_of(folder.path(), job);
  const Job asked = three_spins();
  const auto energy = [&](const std::vector<std::int8_t>& s) {
    int sum = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) sum += q[i][j] * ((s[i] + 1) / 2) * ((s[j] + 1) / 2);
    }
    return sum;
  };
  const std::vector<std::int8_t> down = {-1, -1, -1};
  for (const std::vector<std::int8_t>& s :
       std::vector<std::vector<std::int8_t>>{{1, 1, 1}, {1, -1, 1}, {-1, 1, -1}}) {
    // The smallest coefficient is 1.
    CHECK(energy(s) == asked.problem->ising.energy(s) - asked.problem->ising.energy(down));
  }
}

TEST_CASE("a job without an answer ends with its id, and another process finishes it") {
  const TemporaryFolder folder;
  const std::string uri = "spool:" + (folder / "deep/er");
  Job job = three_spins();
  job.settings.runs = 2;
  std::string id;
  {
    const auto device = make_device(uri);
    id = device->submit(job);
    CHECK_THROWS_AS(device->finish(id), NotAnswered);
  }
  const auto later = make_device(uri);
  later->attach(id, job);
  CHECK_THROWS_WITH(later->finish(id), Contains("--resume-job " + id));
  SpoolPlatform platform(folder / "deep/er");
  CHECK(platform.answer_all() == 1);
  later->attach(id, job);
  const Result result = later->finish(id);
  REQUIRE(result.samples.size() == 2);
  CHECK(result.samples[0].energy_best == brute_force(job.problem->ising).energy);
  CHECK(result.adaptations.size() == 3);  // ancilla, integers, dense

  Job other = three_spins({0.5, 0, -1.25});
  other.settings.runs = 2;
  CHECK_THROWS_WITH(later->attach(id, other), Contains("is another one"));
  CHECK_THROWS_WITH(later->attach(std::string(32, '0'), job), Contains("has no job"));
  CHECK_THROWS_AS(later->attach("../" + id, job), InputError);
  CHECK_THROWS_AS(make_device(uri + "?form=qubo")->attach(id, job), InputError);
}

TEST_CASE("a job that goes away is not cancelled, one that is cancelled says so") {
  const TemporaryFolder folder;
  const std::string uri = "spool:" + folder.path() + "?wait=60";
  const auto cancelled = [&](const std::string& id) {
    return Json::parse(read_file_bytes(folder / (id + ".job.json"), 1 << 20)).at("cancelled") == true;
  };
  auto device = make_device(uri);
  const std::string left = device->submit(three_spins());
  const std::string given_up = device->submit(three_spins());
  device->cancel(given_up);
  const Result result = device->result(given_up);
  CHECK(result.interrupted);
  CHECK(result.samples.empty());
  device.reset();
  CHECK(cancelled(given_up));
  CHECK_FALSE(cancelled(left));
}

TEST_CASE("a process killed while it spools leaves whole jobs or none") {
  const TemporaryFolder folder;
  const auto manifests = [&] {
    const auto names = folder.names();
    return std::count_if(names.begin(), names.end(), [](const auto& n) { return n.ends_with(".job.json"); });
  };
  for (int round = 0; round < 4; ++round) {
    const auto before = manifests();
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      try {
        const auto device = make_device("spool:" + folder.path());
        for (;;) device->submit(three_spins());
      } catch (...) {
      }
      ::_exit(1);
    }
    while (manifests() == before) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(3 * round));
    ::kill(child, SIGKILL);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
  }
  for (const std::string& name : folder.names()) {
    if (!name.ends_with(".job.json")) continue;
    const Json job = Json::parse(read_file_bytes(folder / name, 1 << 20));
    const std::string matrix = read_file_bytes(folder / job.at("matrix").get<std::string>(), 1 << 20);
    Sha256 hash;
    hash.update(matrix.data(), matrix.size());
    CHECK(hash.hex_digest() == job.at("matrix_sha256"));
    const std::string id = job.at("id");
    CHECK_NOTHROW(make_device("spool:" + folder.path())->attach(id, three_spins()));
  }
  CHECK(manifests() >= 4);
}

TEST_CASE("answers of an offline machine that are not answers") {
  const TemporaryFolder folder;
  const std::string uri = "spool:" + folder.path() + "?wait=60";
  const auto message = [&](const std::string& ending, const std::string& text) -> std::string {
    const auto device = make_device(uri);
    const std::string id = device->submit(three_spins());
    const std::string path = folder.file(id + ending + ".part", text);
    settle(path);
    std::filesystem::rename(path, folder / (id + ending));
    try {
      device->result(id);
    } catch (const InputError& error) {
      const std::string what = error.what();
      CHECK(what.starts_with(folder / (id + ending)));
      CHECK(what.find('\n') == std::string::npos);
      return what;
    }
    return "accepted";
  };
  const std::string json = ".answer.json";
  CHECK_THAT(message(json, "[{\"solutionVector\": [1, 1, 1"), Contains("is not JSON"));
  CHECK_THAT(message(json, ""), Contains("is not JSON"));
  CHECK_THAT(message(json, "[]"), Contains("expected a list of solutions"));
  CHECK_THAT(message(json, "{}"), Contains("expected a list of solutions"));
  CHECK_THAT(message(json, "[{}]"), Contains("expected a list of solutions"));
  CHECK_THAT(message(json, R"([{"solutionVector": [1, 1, 1]}])"), Contains("has 3 values, 4 were sent"));
  CHECK_THAT(message(json, R"([{"solutionVector": [1, 1, 1, 2]}])"),
             Contains("0 or 1, or every one -1 or +1"));
  CHECK_THAT(message(json, R"([{"solutionVector": [0, 1, 1, -1]}])"), Contains("0 or 1"));
  CHECK_THAT(message(json, R"([{"solutionVector": [0, 1, 1, 1]}, {"solutionVector": [-1, 1, 1, 1]}])"),
             Contains("element 1"));
  CHECK_THAT(message(json, R"([{"solutionVector": "1,1,1,1"}])"), Contains("is not a list"));
  CHECK(message(json, R"([{"solutionVector": [0, 1, 1.0, 1]}, {"note": "second best"}])") == "accepted");
  const std::string csv = ".answer.csv";
  CHECK_THAT(message(csv, "\n"), Contains("is empty"));
  CHECK_THAT(message(csv, "1,1,1\n"), Contains(":1: the line has 3 values"));
  CHECK_THAT(message(csv, "1,1,1,1\n1,1,1,1,1\n"), Contains(":2:"));
  CHECK_THAT(message(csv, "1,1,one,1\n"), Contains("'one'"));
  CHECK_THAT(message(csv, "1,1,0,-1\n"), Contains("0 or 1"));
  CHECK(message(csv, "1,-1,-1,1\n-1,-1,-1,1\n") == "accepted");
}

TEST_CASE("an answer that is still being copied is waited for") {
  const TemporaryFolder folder;
  const auto device = make_device("spool:" + folder.path() + "?wait=60");
  Job job = three_spins();
  job.settings.runs = 2;
  const std::string id = device->submit(job);
  const std::string path = folder / (id + ".answer.csv");
  folder.file(id + ".answer.csv", "1,1,1");
  CHECK(device->wait(id, 0.05) == JobStatus::running);
  folder.file(id + ".answer.csv", "1,1,1,1\n");
  CHECK(device->wait(id, 0.05) == JobStatus::running);
  folder.file(id + ".answer.csv", "1,1,1,1\n1,1,1,-1\n");
  CHECK(device->result(id).samples.size() == 2);
  // After a while what is there is the answer, with a word about what is missing.
  const std::string short_id = device->submit(job);
  settle(folder.file(short_id + ".answer.csv", "1,1,1,1\n"));
  const Result result = device->result(short_id);
  CHECK(result.samples.size() == 1);
  REQUIRE_FALSE(result.warnings.empty());
  CHECK_THAT(result.warnings[0], Contains("gave 1 solutions, 2 were asked for"));
}

TEST_CASE("what a spool refuses before it writes anything") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(make_device("spool:"), InputError);
  const auto refused = [&](const std::string& query) {
    const auto device = make_device("spool:" + folder.path() + query);
    CHECK_THROWS_AS(device->check(three_spins()), InputError);
    CHECK_THROWS_AS(device->submit(three_spins()), InputError);
  };
  refused("?spins=3");  // an ancilla is needed
  refused("?form=qubo&spins=2");
  refused("?form=matrix");
  refused("?bits=1");
  refused("?wait=-1");
  CHECK(folder.names().empty());
  CHECK_NOTHROW(make_device("spool:" + folder.path() + "?form=qubo&spins=3")->check(three_spins()));
  const std::string file = folder.file("file", "");
  CHECK_THROWS_AS(make_device("spool:" + file)->submit(three_spins()), InputError);
}

TEST_CASE("a batch is spooled whole, and the same command again takes the answers") {
  const TemporaryFolder folder;
  std::vector<QamaProblem> problems;
  for (int k = 0; k < 3; ++k) {
    std::vector<float> J, h;
    RandomSequence random(static_cast<std::uint64_t>(k), Stream::generator);
    for (int i = 0; i < 36; ++i) J.push_back(static_cast<float>(random.normal()));
    for (int i = 0; i < 6; ++i) h.push_back(static_cast<float>(random.normal()));
    problems.emplace_back(QamaSpec{}, 1, 6, J, h);
  }
  JobSettings settings;
  settings.runs = 4;
  const std::string uri = "spool:" + (folder / "jobs") + "?form=qubo&bits=16";
  const BatchResult first = make_device(uri)->run_batch(problems, settings);
  CHECK(first.done() == 0);
  CHECK_THAT(first.failure, Contains("3 of 3 problems have no answer yet"));
  CHECK_THAT(make_device(uri)->run_batch(problems, settings).failure, Contains("(0 matrices written now)"));
  SpoolPlatform platform(folder / "jobs");
  CHECK(platform.answer_all() == 3);
  const BatchResult second = make_device(uri)->run_batch(problems, settings);
  CHECK(second.failure.empty());
  REQUIRE(second.done() == 3);
  for (std::size_t k = 0; k < 3; ++k) {
    const double best = brute_force(problems[k].to_dense()).energy;
    CHECK(second.answers[k]->energy == Approx(best));
    CHECK(second.answers[k]->energy == problems[k].energy(second.answers[k]->spins));
  }
}
