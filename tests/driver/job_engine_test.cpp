#include "driver/server/job_engine.h"

#include <sys/resource.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <future>
#include <semaphore>
#include <thread>

#include "driver/run_file.h"
#include "driver/server/http_server.h"
#include "tests/driver/temporary_folder.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using test::TemporaryFolder;

namespace {

JobRequest ring(std::uint64_t seed, std::int64_t steps = 20) {
  JobRequest r;
  r.problem.ising =
      IsingModel(8, {{0, 1, -1.0}, {1, 2, 1.0}, {2, 3, 1.0}, {4, 5, 0.5}, {6, 7, -0.25}}, {}, 2.0);
  r.problem.name = "ring";
  r.description.settings.seed = seed;
  r.description.settings.runs = 3;
  r.description.settings.steps = steps;
  return r;
}
constexpr std::int64_t kForever = 1'000'000'000'000;

JobEngineOptions options_in(const TemporaryFolder& folder) {
  JobEngineOptions o;
  o.journal = folder.path();
  o.devices = {"emulator:", "annealing:"};
  return o;
}

JobView ended(const JobEngine& engine, const std::string& id) {
  for (;;) {
    const auto view = engine.wait(id, 10);
    REQUIRE(view);
    if (view->status != JobStatus::queued && view->status != JobStatus::running) return *view;
  }
}

/// Waits until a job is being computed.
void begun(const JobEngine& engine, const std::string& id) {
  auto view = engine.find(id);
  while (view && view->status == JobStatus::queued) view = engine.wait(id, 10, view->version);
  REQUIRE(view);
  REQUIRE(view->status == JobStatus::running);
}

}  // namespace

TEST_CASE("a job goes from the queue to its answer, which is that of the device itself") {
  const TemporaryFolder folder;
  JobEngine engine(options_in(folder));
  const Submission submission = engine.submit(ring(5), "");
  CHECK(submission.created);
  CHECK(engine.find(submission.id)->status == JobStatus::queued);
  CHECK(engine.counts().queued == 1);
  CHECK_THROWS_AS(engine.result(submission.id), JobConflict);
  CHECK_THROWS_AS(engine.forget(submission.id), JobConflict);
  engine.start();
  CHECK(ended(engine, submission.id).status == JobStatus::done);
  const Result remote = parse_result(engine.result(submission.id));
  const JobRequest request = ring(5);
  const Result local =
      make_device("emulator:")
          ->run({std::make_shared<const Problem>(request.problem), request.description.settings, nullptr});
  REQUIRE(remote.samples.size() == local.samples.size());
  for (std::size_t k = 0; k < local.samples.size(); ++k) {
    CHECK(remote.samples[k].spins_best == local.samples[k].spins_best);
    CHECK(remote.samples[k].energy_final == local.samples[k].energy_final);
  }
  // The run file is made from the same answer.
  engine.write_run_file(submission.id, folder.file("out.h5"));
  CHECK(check_run_file(folder.file("out.h5")).ok);
  CHECK(engine.forget(submission.id));
  CHECK_FALSE(engine.find(submission.id));
  CHECK_FALSE(engine.forget(submission.id));
  CHECK_FALSE(engine.cancel("no such id"));
}

TEST_CASE("what was accepted and not finished runs after a restart, what was finished keeps its answer") {
  const TemporaryFolder folder;
  std::string done, waiting, forgotten;
  std::string answer;
  {
    JobEngine engine(options_in(folder));
    engine.start();
    done = engine.submit(ring(1), "key-1").id;
    ended(engine, done);
    answer = engine.result(done);
    forgotten = engine.submit(ring(2), "").id;
    ended(engine, forgotten);
    engine.forget(forgotten);
  }
  {
    JobEngine engine(options_in(folder));  // not started: this one stays in the queue
    CHECK(engine.result(done) == answer);
    waiting = engine.submit(ring(3), "").id;
  }
  {
    JobEngine engine(options_in(folder));
    CHECK(engine.counts().queued == 1);
    CHECK(engine.find(waiting)->problem_name == "ring");
    CHECK_FALSE(engine.find(forgotten));
    // The key outlives the process too.
    CHECK(engine.submit(ring(1), "key-1").id == done);
    engine.start();
    CHECK(ended(engine, waiting).status == JobStatus::done);
    CHECK(engine.result(done) == answer);
  }
}

TEST_CASE("a server does not start without the devices that accepted jobs wait for") {
  const TemporaryFolder folder;
  JobRequest request = ring(1);
  request.description.device = "annealing:";
  std::string waiting;
  {
    JobEngine engine(options_in(folder));
    waiting = engine.submit(request, "").id;
  }
  JobEngineOptions fewer = options_in(folder);
  fewer.devices = {"emulator:"};
  CHECK_THROWS_AS(JobEngine(fewer), InputError);
  CHECK_THROWS_WITH(JobEngine(fewer), Contains("annealing:") && Contains("--device"));
  {
    JobEngine engine(options_in(folder));
    engine.start();
    CHECK(ended(engine, waiting).status == JobStatus::done);
  }
  // A job that has its answer needs no device.
  CHECK(JobEngine(fewer).find(waiting)->status == JobStatus::done);
}

TEST_CASE("a job that runs when the server stops runs again, and gives what it would have given") {
  const TemporaryFolder folder;
  std::string id;
  {
    JobEngine engine(options_in(folder));
    engine.start();
    id = engine.submit(ring(7, kForever), "").id;
    begun(engine, id);
    engine.stop(0);
    CHECK(engine.find(id)->status == JobStatus::queued);
    CHECK_THROWS_AS(engine.submit(ring(1), ""), Stopping);
  }
  JobEngine engine(options_in(folder));
  CHECK(engine.counts().queued == 1);
  engine.cancel(id);
  CHECK(ended(engine, id).status == JobStatus::cancelled);
  CHECK(parse_result(engine.result(id)).interrupted);
}

TEST_CASE("cancel stops a job that runs, with what is done, and one that waits") {
  const TemporaryFolder folder;
  JobEngine engine(options_in(folder));
  engine.start();
  const std::string running = engine.submit(ring(1, kForever), "").id;
  const std::string waiting = engine.submit(ring(2, kForever), "").id;
  begun(engine, running);
  CHECK(engine.cancel(waiting));
  CHECK(ended(engine, waiting).status == JobStatus::cancelled);
  CHECK(parse_result(engine.result(waiting)).samples.empty());
  CHECK(engine.find(running)->status == JobStatus::running);
  // Only runs that have begun are in the answer.
  auto view = engine.find(running);
  while (view && view->progress.fraction == 0) view = engine.wait(running, 10, view->version);
  CHECK(engine.cancel(running));
  CHECK(engine.cancel(running));
  CHECK(ended(engine, running).status == JobStatus::cancelled);
  CHECK(parse_result(engine.result(running)).interrupted);
  CHECK(parse_result(engine.result(running)).samples.size() == 3);
}

TEST_CASE("limits of the engine") {
  const TemporaryFolder folder;
  JobEngineOptions options = options_in(folder);
  options.max_queue = 2;
  options.max_finished = 2;
  options.max_job_s = 0.05;
  options.max_log_bytes = 1000;
  JobEngine engine(options);
  SECTION("queue") {
    engine.submit(ring(1), "");
    const std::string second = engine.submit(ring(2), "second").id;
    CHECK_THROWS_AS(engine.submit(ring(3), ""), QueueFull);
    CHECK(engine.submit(ring(2), "second").id == second);  // no new job
    CHECK(engine.counts().refused_full == 1);
  }
  SECTION("time") {
    engine.start();
    const std::string id = engine.submit(ring(1, kForever), "").id;
    CHECK(ended(engine, id).status == JobStatus::done);
    CHECK(parse_result(engine.result(id)).time_limited);
  }
  SECTION("answers kept") {
    engine.start();
    std::vector<std::string> ids;
    for (std::uint64_t k = 0; k < 4; ++k) {
      ids.push_back(engine.submit(ring(k), "").id);
      ended(engine, ids.back());
    }
    CHECK_FALSE(engine.find(ids[0]));
    CHECK_FALSE(engine.find(ids[1]));
    CHECK(engine.find(ids[2]));
    CHECK(engine.find(ids[3]));
  }
  SECTION("amplitudes") {
    engine.start();
    JobRequest request = ring(1, 500);
    request.description.settings.log_trajectories = 3;
    const std::string id = engine.submit(request, "").id;
    const JobView view = ended(engine, id);
    CHECK(view.status == JobStatus::failed);
    CHECK_THAT(view.error, Contains("log_trajectories"));
    CHECK_THROWS_AS(engine.result(id), JobConflict);
  }
  SECTION("devices") {
    JobRequest request = ring(1);
    request.description.device = "emulator:/etc/passwd.toml";
    CHECK_THROWS_AS(engine.submit(request, ""), InputError);
  }
}

TEST_CASE("a key stands for one job") {
  const TemporaryFolder folder;
  JobEngine engine(options_in(folder));
  const Submission first = engine.submit(ring(1), "k");
  const Submission again = engine.submit(ring(1), "k");
  CHECK(again.id == first.id);
  CHECK_FALSE(again.created);
  CHECK_THROWS_AS(engine.submit(ring(2), "k"), JobConflict);
  CHECK(engine.counts().accepted == 1);
}

TEST_CASE("a full disk refuses jobs, and a finished one waits until its answer can be kept") {
  const TemporaryFolder folder;
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  JobEngineOptions options = options_in(folder);
  options.workers = 1;
  JobEngine engine(options);
  const std::string id = engine.submit(ring(1), "").id;
  const rlimit small{1, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  std::string message;
  try {
    engine.submit(ring(2), "");
  } catch (const Error& error) {
    message = error.what();
  }
  engine.start();
  while (engine.find(id)->progress.fraction < 1) engine.wait(id, 0.01, engine.find(id)->version);
  const auto meanwhile = engine.wait(id, 0.05);
  const std::string trouble = engine.counts().disk_trouble;
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old_handler);
  CHECK_THAT(message, Contains("cannot write the journal"));
  CHECK(meanwhile->status == JobStatus::running);  // computed, but not answered
  CHECK_THAT(trouble, Contains("cannot write the journal"));
  CHECK(ended(engine, id).status == JobStatus::done);
  CHECK(engine.counts().disk_trouble.empty());
  CHECK(parse_result(engine.result(id)).samples.size() == 3);
}

namespace {

/// A server whose only job runs for ever. It answers to cancelling when it is let go, and to nothing when it
/// is broken.
struct FarMachine {
  FarMachine() {
    const auto answer = [this](const char* body, int status = 200) {
      HttpResponse response;
      response.status = broken ? 500 : status;
      response.body = broken ? R"({"error":{"code":"broken","message":"the laser is off"}})" : body;
      return response;
    };
    const char* job = R"({"id":"0a","state":"running",)"
                      R"("progress":{"fraction":0,"rate_per_s":0,"best_energy":null}})";
    const char* devices = R"({"default":"far:","devices":[{"uri":"far:","capabilities":{"max_spins":0,)"
                          R"("coupling_bits":null,"linear_term":true,"trajectories":false,"exact":false,)"
                          R"("structured_couplings":false}}]})";
    std::vector<Route> routes(4);
    const auto route = [&](std::size_t k, const char* method, const char* path, auto handle) {
      routes[k].method = method;
      routes[k].path = path;
      routes[k].handle = [handle](const HttpRequest& request) { return handle(request); };
    };
    route(0, "GET", "/v1/devices", [=](const HttpRequest&) { return answer(devices); });
    route(1, "POST", "/v1/jobs", [=](const HttpRequest& request) {
      return answer(job, request.query.contains("check") ? 200 : 202);
    });
    route(2, "GET", "/v1/jobs/{id}", [=](const HttpRequest&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      return answer(job);
    });
    route(3, "DELETE", "/v1/jobs/{id}", [=, this](const HttpRequest&) {
      asked.release();
      // In an engine that waits for this answer the test ends all the same.
      (void)let_go.try_acquire_for(std::chrono::seconds(20));
      return answer(job);
    });
    server = std::make_unique<HttpServer>(HttpOptions{}, routes);
    server->start();
  }
  std::string uri() const { return "opoloop://127.0.0.1:" + std::to_string(server->port()); }

  std::atomic<bool> broken{false};
  std::counting_semaphore<> asked{0}, let_go{0};
  std::unique_ptr<HttpServer> server;
};

/// Submits a job, and waits until the machine has it.
std::string running_there(JobEngine& engine) {
  const std::string id = engine.submit(ring(1), "").id;
  begun(engine, id);
  for (auto view = engine.find(id); view->version < 3;) view = engine.wait(id, 10, view->version);
  return id;
}

}  // namespace

TEST_CASE("while a remote machine is asked to cancel, others are served") {
  const TemporaryFolder folder;
  FarMachine machine;
  JobEngineOptions options = options_in(folder);
  options.devices = {machine.uri()};
  JobEngine engine(options);
  engine.start();
  const std::string id = running_there(engine);
  std::thread cancelling([&] { engine.cancel(id); });
  machine.asked.acquire();
  auto look = std::async(std::launch::async, [&] { return engine.counts().running; });
  CHECK(look.wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  machine.let_go.release();
  CHECK(look.get() == 1);
  cancelling.join();
  machine.broken = true;
  machine.let_go.release();
  engine.stop(0);
}

TEST_CASE("a server whose remote machine fails while it stops leaves the job to its next start") {
  const TemporaryFolder folder;
  FarMachine machine;
  JobEngineOptions options = options_in(folder);
  options.devices = {machine.uri()};
  const double grace_s = GENERATE(0, 60);
  std::string id;
  {
    JobEngine engine(options);
    engine.start();
    id = running_there(engine);
    std::thread stopping([&] { engine.stop(grace_s); });
    if (grace_s == 0) {
      machine.asked.acquire();
    } else {
      const auto refused = [&] {
        try {
          engine.submit(ring(2), "");
          return false;
        } catch (const Stopping&) {
          return true;
        }
      };
      while (!refused()) std::this_thread::yield();
    }
    machine.broken = true;
    machine.let_go.release();
    stopping.join();
  }
  const JobEngine next(options);
  REQUIRE(next.find(id));
  CHECK(next.find(id)->status == JobStatus::queued);
}
