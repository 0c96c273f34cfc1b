#include "driver/opoloop_device.h"

#include <catch2/catch.hpp>
#include <thread>

#include "core/error.h"
#include "driver/run_file.h"
#include "tests/driver/device_suite.h"
#include "tests/driver/server_fixture.h"
#include "tests/driver/toy_run.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using test::Server;
using test::TemporaryFolder;

namespace {

std::string address(const Server& server) {
  return "opoloop://127.0.0.1:" + std::to_string(server.service->port());
}

Job toy_job() {
  Job job;
  job.problem = std::make_shared<Problem>(test::toy_problem({.n = 12}));
  job.settings.runs = 5;
  job.settings.steps = 40;
  job.settings.seed = 11;
  return job;
}

}  // namespace

TEST_CASE("an emulator behind a server behaves like a device") {
  const TemporaryFolder folder;
  const Server server(test::service_options(folder.path()));
  check_device_behaviour({address(server), true, "dt"});
}
TEST_CASE("a baseline behind a server behaves like a device") {
  const TemporaryFolder folder;
  const Server server(test::service_options(folder.path()));
  check_device_behaviour({address(server) + "/annealing", true, "t_cold"});
}
TEST_CASE("an exact device behind a server behaves like a device") {
  const TemporaryFolder folder;
  const Server server(test::service_options(folder.path()));
  check_device_behaviour({address(server) + "/exact:", false, ""});
}

TEST_CASE("a job gives over the network what it gives in this process") {
  const TemporaryFolder folder;
  const Server server(test::service_options(folder.path()));
  for (const std::string name : {"emulator:", "annealing:", "dsb:"}) {
    const Job job = toy_job();
    const Result here = make_device(name)->run(job);
    const Result there = make_device(address(server) + "/" + name)->run(job);
    REQUIRE(there.samples.size() == here.samples.size());
    for (std::size_t k = 0; k < here.samples.size(); ++k) {
      CHECK(there.samples[k].spins_best == here.samples[k].spins_best);
      CHECK(there.samples[k].spins_final == here.samples[k].spins_final);
      CHECK(there.samples[k].energy_best == here.samples[k].energy_best);
      CHECK(there.samples[k].round_best == here.samples[k].round_best);
    }
    CHECK(there.parameters.size() == here.parameters.size());
    CHECK(there.steps == here.steps);
  }
}

TEST_CASE("amplitudes of a remote run are those of a run in this process") {
  const TemporaryFolder folder;
  const Server server(test::service_options(folder.file("journal")));
  const auto logged = [&](const std::string& uri, const std::string& path) {
    Job job = toy_job();
    job.settings.runs = 20;  // more than a tile
    job.settings.log_trajectories = 18;
    job.settings.log_every = 7;
    job.settings.parameters = {{"law", "cac"}};  // with error variables
    RunFile file(path, *job.problem, {"", job.settings.seed, uri});
    job.recorder = &file;
    const Result result = make_device(uri)->run(job);
    file.finish(result, solve_statistics(result, std::nullopt));
    return read_run_file(path);
  };
  const RunFileContents here = logged("emulator:", folder.file("here.h5"));
  const RunFileContents there = logged(address(server), folder.file("there.h5"));
  CHECK(here.logged_trajectories == 18);
  CHECK(there.log_rounds == here.log_rounds);
  CHECK(there.log_pump == here.log_pump);
  CHECK(there.amplitude == here.amplitude);
  CHECK(there.energy == here.energy);
  CHECK(check_run_file(folder.file("there.h5")).ok);
}

TEST_CASE("a job is resumed by its id by another process' device, if it is that job") {
  const TemporaryFolder folder;
  const Server server(test::service_options(folder.path()));
  const Job job = toy_job();
  const std::string id = make_device(address(server))->submit(job);
  const auto device = make_device(address(server));
  device->attach(id, job);
  const Result resumed = device->finish(id);
  CHECK(resumed.samples.size() == 5);
  Job other = toy_job();
  other.settings.seed = 12;
  CHECK_THROWS_AS(device->attach(id, other), InputError);
  CHECK_THROWS_WITH(device->attach(id, other), Contains("is another one"));
  CHECK_THROWS_AS(device->attach("0123456789abcdef", job), InputError);
  CHECK_THROWS_AS(device->attach("../../healthz", job), InputError);
  CHECK_THROWS_AS(make_device("emulator:")->attach(id, job), InputError);
}

TEST_CASE("a client waits for a server that restarts, and submits once") {
  const TemporaryFolder folder;
  auto server = std::make_unique<Server>(test::service_options(folder.path()));
  const int port = server->service->port();
  const auto device = make_device(address(*server));
  const std::string id = device->submit(toy_job());
  server.reset();
  std::thread later([&] {
    ServiceOptions options = test::service_options(folder.path());
    options.http.port = port;
    server = std::make_unique<Server>(options);
  });
  const Result result = device->result(id);
  later.join();
  CHECK(result.samples.size() == 5);
}

TEST_CASE("addresses of servers") {
  for (const char* bad : {"opoloop:", "opoloop:localhost", "opoloop://", "opoloop://:1", "opoloop://h:0",
                          "opoloop://h:x", "opoloop://h:70000", "opoloop://token@h:1", "opoloop://[::1"}) {
    INFO(bad);
    CHECK_THROWS_AS(make_device(bad), InputError);
  }
  for (const char* good :
       {"opoloop://h", "opoloop://h:1", "opoloop://[::1]:1", "opoloop://h:1/annealing?t_cold=1"}) {
    CHECK_NOTHROW(make_device(good));
  }
  const TemporaryFolder folder;
  const Server server(test::service_options(folder.path()));
  CHECK_THROWS_AS(make_device(address(server) + "/toaster")->capabilities(), InputError);
  CHECK(make_device(address(server) + "/exact")->capabilities().max_spins == 24);
}
