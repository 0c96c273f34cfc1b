#include "driver/quanfluence_device.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "core/error.h"
#include "hamiltonian/brute_force.h"
#include "tests/driver/device_suite.h"
#include "tests/driver/quanfluence_fake.h"
#include "tests/driver/scoped_variables.h"
#include "tests/driver/server_fixture.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using test::FakeQuanfluence;
using test::Json;
using test::ScopedVariables;

namespace {

struct Account : ScopedVariables {
  Account() : ScopedVariables({{"QUANFLUENCE_USERNAME", "ada"}, {"QUANFLUENCE_PASSWORD", "pass-secret"}}) {
    unset("QUANFLUENCE_USERNAME_FILE");
    unset("QUANFLUENCE_PASSWORD_FILE");
  }
};

Job three_spins(int runs = 1) {
  auto problem = std::make_shared<Problem>();
  problem->ising = IsingModel(3, {{0, 1, 1.0}, {1, 2, -2.0}}, {0.5, 0, -1}, 7.0);
  Job job;
  job.problem = problem;
  job.settings.runs = runs;
  return job;
}

std::string failure_of(const std::string& uri, const Job& job) {
  try {
    make_device(uri)->run(job);
  } catch (const Error& error) {
    const std::string what = error.what();
    CHECK(what.find('\n') == std::string::npos);
    CHECK(what.find("pass-secret") == std::string::npos);
    return (dynamic_cast<const InputError*>(&error) != nullptr ? "input: " : "error: ") + what;
  }
  return "none";
}

}  // namespace

TEST_CASE("a machine behind Quanfluence's interface behaves like a device") {
  const Account account;
  const FakeQuanfluence service;
  check_device_behaviour({service.uri(), false, "noise_stdev"});
}
TEST_CASE("the device and the server's own imitation of the service understand each other") {
  const Account account;
  const test::TemporaryFolder folder;
  const test::Server server(test::service_options(folder.path()));
  const std::string uri = "quanfluence://127.0.0.1:" + std::to_string(server.service->port()) + "/device/1";
  // Not the suite: every job there has a random stream of its own, whatever the seed.
  const Job job = three_spins();
  const Result result = make_device(uri + GENERATE("", "?submit=direct"))->run(job);
  REQUIRE(result.samples.size() == 1);
  const double energy = job.problem->ising.energy(result.samples[0].spins_best);
  CHECK(result.samples[0].energy_best == Approx(energy));
  CHECK(energy == Approx(brute_force(job.problem->ising, 1, 1).energy));
}
TEST_CASE("direct requests carry data.zip and give a solution each") {
  const Account account;
  FakeQuanfluence service;
  const Job job = three_spins(4);
  const Result result = make_device(service.uri("?submit=direct"))->run(job);
  CHECK(result.samples.size() == 4);
  CHECK(result.samples[0].energy_best == brute_force(job.problem->ising).energy);
  CHECK(service.count("POST /api/execute/device/16") == 4);
  CHECK(Json::parse(service.last_data) ==
        Json::parse("[[0,0,1.0],[1,1,-2.0],[2,2,-2.0],[0,1,-4.0],[1,2,8.0]]"));
  CHECK_FALSE(make_device(service.uri("?submit=direct"))->capabilities().resumable);
}

TEST_CASE("answers to direct requests are kept where a later one fails") {
  const Account account;
  FakeQuanfluence service;
  service.executes = 2;
  const Result result = make_device(service.uri("?submit=direct"))->run(three_spins(4));
  CHECK(result.samples.size() == 2);
  REQUIRE_FALSE(result.warnings.empty());
  CHECK_THAT(result.warnings.back(), Contains("the laser is off") && Contains("2 of 4 answers had come"));
  service.executes = 0;
  CHECK_THAT(failure_of(service.uri("?submit=direct"), three_spins(4)), Contains("the laser is off"));
}

TEST_CASE("a job is the exchange of the public client") {
  const Account account;
  FakeQuanfluence service;
  service.pending = 2;
  Job job = three_spins();
  job.settings.steps = 60;
  job.settings.parameters = {{"alpha", "2"}, {"device_runs", "3"}};
  const Result result = make_device(service.uri())->run(job);
  CHECK(service.seen() == std::vector<std::string>{"POST /api/clients/signin", "GET /api/devices/16",
                                                   "PUT /api/devices/16", "POST /api/devices/16/qubo/upload",
                                                   "POST /api/jobs", "GET /api/jobs/1", "GET /api/jobs/1",
                                                   "GET /api/jobs/1", "GET /api/devices/16"});
  CHECK(service.last_upload == "0.000000\n0 0 1\n1 1 -2\n2 2 -2\n0 1 -4\n1 2 8\n");
  CHECK(service.record.at("iters") == 60);
  CHECK(service.record.at("runs") == 3);
  CHECK(service.record.at("alpha") == 2.0);
  CHECK(result.parameters.at("device_alpha").value == "2");
  REQUIRE(result.samples.size() == 1);
  CHECK(result.samples[0].energy_best == brute_force(job.problem->ising).energy);
  CHECK(result.warnings.empty());
  CHECK(result.adaptations.empty());
}

TEST_CASE("answers inside the record, and in other numbers, are read") {
  const Account account;
  FakeQuanfluence service;
  service.nested = true;
  CHECK(make_device(service.uri())->run(three_spins()).samples.size() == 1);
}

TEST_CASE("coefficients are sent as the service takes them, and the run file says so") {
  const Account account;
  FakeQuanfluence service;
  Job job = three_spins();
  auto problem = std::make_shared<Problem>();
  problem->ising = IsingModel(3, {{0, 1, 0.1}});  // spin 2 stands alone
  job.problem = problem;
  const Result result = make_device(service.uri())->run(job);
  CHECK(service.last_upload == "0.000000\n0 0 0.2\n1 1 0.2\n0 1 -0.4\n2 2 0.4\n");
  REQUIRE(result.adaptations.size() == 2);
  CHECK_THAT(result.adaptations[0], Contains("3 QUBO coefficients rounded to 32-bit floats"));
  CHECK_THAT(result.adaptations[1], Contains("1 spins without couplings and field"));
  CHECK(result.samples.at(0).energy_best == -0.1);
}

TEST_CASE("a token that has run out is renewed, a service that is busy is asked again") {
  const Account account;
  FakeQuanfluence service;
  const auto device = make_device(service.uri());
  const std::string id = device->submit(three_spins());
  device->result(id);
  service.wrong_tokens = 1;
  service.busy = 2;
  CHECK(device->run(three_spins()).samples.size() == 1);
  CHECK(service.count("POST /api/clients/signin") == 2);
  CHECK(service.count("POST /api/jobs") == 2);
}

TEST_CASE("Quanfluence jobs are resumed by their ids") {
  const Account account;
  FakeQuanfluence service;
  service.pending = 3;
  const Job job = three_spins(3);
  std::string id;
  {
    const auto device = make_device(service.uri());
    id = device->submit(job);
  }
  CHECK(id == "1,2,3");
  const auto later = make_device(service.uri());
  later->attach(id, job);
  CHECK(later->finish(id).samples.size() == 3);
  CHECK(service.count("POST /api/jobs") == 3);
  CHECK_THROWS_WITH(later->attach("1,2", job), Contains("has 2 runs, not 3"));
  CHECK_THROWS_WITH(later->attach("1,2,99", job), Contains("Job not found"));
  CHECK_THROWS_AS(later->attach("1,../devices/16,2", job), InputError);
  // Another problem of as many spins shows in the energy.
  Job other = three_spins(3);
  auto problem = std::make_shared<Problem>();
  problem->ising = IsingModel(3, {{0, 1, -1.0}, {1, 2, -2.0}}, {0.5, 0.25, -1}, 7.0);
  other.problem = problem;
  later->attach(id, other);
  CHECK_THROWS_WITH(later->finish(id), Contains("is this the job's problem?"));
}

TEST_CASE("a job that is given up goes on there") {
  const Account account;
  FakeQuanfluence service;
  service.status = "RUNNING";
  const auto device = make_device(service.uri());
  const std::string id = device->submit(three_spins(2));
  device->cancel(id);
  const Result result = device->result(id);
  CHECK(result.interrupted);
  CHECK(result.samples.empty());
  CHECK_THAT(result.warnings.at(0), Contains("2 jobs go on there; --resume-job " + id));
}

TEST_CASE("what a Quanfluence service says wrong") {
  const Account account;
  FakeQuanfluence service;
  const auto failure = [&] { return failure_of(service.uri(), three_spins()); };
  service.status = "FAILED";
  CHECK(failure() == "error: quanfluence: job 1 failed: the laser was off");
  service.status = "CANCELLED";
  CHECK_THAT(failure(), Contains("error: quanfluence: job 2 was cancelled there"));
  service.status = "";
  for (const auto& [spoil, words] : std::vector<std::pair<Json, std::string>>{
           {{{"result", {{"0", 1}, {"1", 1}}}}, "has 2 variables, 3 were sent"},
           {{{"result", {{"0", 1}, {"1", 1}, {"3", 1}}}}, "for each variable 0 to 2"},
           {{{"result", {{"0", 1}, {"1", 1}, {"two", 1}}}}, "for each variable 0 to 2"},
           {{{"result", {{"0", 1}, {"1", 1}, {"2", 0.5}}}}, "0 or 1, or every one -1 or +1"},
           {{{"result", {{"0", 1}, {"1", -1}, {"2", 0}}}}, "0 or 1, or every one -1 or +1"},
           {{{"result", {{"0", 1}, {"1", "up"}, {"2", 1}}}}, "for each variable 0 to 2"},
           {{{"result", {1, 1, 1}}}, "expected {\"result\""},
           {{{"result", "not json"}}, "is not JSON"}}) {
    service.spoil = spoil;
    CHECK_THAT(failure(), Contains("input: quanfluence: job") && Contains(words));
  }
  service.spoil = nullptr;
  service.energy_error = 1;
  const Result result = make_device(service.uri())->run(three_spins());
  CHECK_THAT(result.warnings.at(0), Contains("the service says energy"));
}

TEST_CASE("whom a Quanfluence service lets in, and where it is") {
  Account account;
  const FakeQuanfluence service;
  const std::string base = service.uri().substr(0, service.uri().rfind('/'));
  CHECK_THAT(failure_of(base + "/17", three_spins()),
             Contains("input: quanfluence: /api/devices/17 answered 404"));
  CHECK_THAT(failure_of(service.uri("?iters=7"),
                        [] {
                          Job job = three_spins();
                          job.settings.steps = 5;
                          return job;
                        }()),
             Contains("give one"));
  account.set("QUANFLUENCE_PASSWORD", "wrong");
  CHECK_THAT(failure_of(service.uri(), three_spins()), Contains("Invalid username or password"));
  account.unset("QUANFLUENCE_PASSWORD");
  CHECK_THAT(failure_of(service.uri(), three_spins()),
             Contains("input: quanfluence: set QUANFLUENCE_USERNAME"));
  for (const char* bad :
       {"quanfluence:", "quanfluence://", "quanfluence://h", "quanfluence://h/device/",
        "quanfluence://h/device/../1", "quanfluence://h/device/..", "quanfluence://a@h/device/1",
        "quanfluence://h:0/device/1", "quanfluence://h/other/1"}) {
    INFO(bad);
    CHECK_THROWS_AS(make_device(bad), InputError);
  }
  for (const char* good : {"quanfluence://h/device/1", "quanfluence+https://h/device/a-1?alpha=1"}) {
    CHECK_NOTHROW(make_device(good));
  }
}

TEST_CASE("a request that may have arrived is repeated only where that is safe") {
  // Takes connections, reads what comes, and hangs up without an answer.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(listener, 8) == 0);
  REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  std::atomic<int> arrived{0};
  std::thread server([&] {
    for (;;) {
      const int connection = ::accept(listener, nullptr, nullptr);
      if (connection < 0) return;
      char buffer[4096];
      if (::recv(connection, buffer, sizeof buffer, 0) > 0) ++arrived;
      ::close(connection);
    }
  });
  HttpClient client("127.0.0.1", ntohs(address.sin_port));
  OutgoingRequest request{"POST", "/api/jobs", {}, {}, 5, false};
  CHECK_THROWS_AS(send_patiently(client, request, 0.3), ConnectionError);
  CHECK(arrived == 1);
  request.repeatable = true;
  CHECK_THROWS_AS(send_patiently(client, request, 2), ConnectionError);
  CHECK(arrived >= 3);
  ::shutdown(listener, SHUT_RDWR);
  ::close(listener);
  server.join();
  CHECK_THROWS_AS(client.send("GET", "/", {}, {}, 5), NotConnected);
}

TEST_CASE("a server that says no time to come again is asked more and more rarely") {
  std::atomic<int> asked{0};
  Route busy;
  busy.method = "GET";
  busy.path = "/busy";
  busy.handle = [&](const HttpRequest&) {
    ++asked;
    HttpResponse response;
    response.status = 503;
    response.body = "{}";
    return response;
  };
  HttpServer server({}, {busy});
  server.start();
  HttpClient client("127.0.0.1", server.port());
  // Pauses of 50, 100, 200 and 400 ms fit, with one request more; of 50 ms each 16 would.
  CHECK(send_patiently(client, {"GET", "/busy", {}, {}, 5, true}, 0.8).status == 503);
  CHECK(asked >= 2);
  CHECK(asked <= 5);
}
