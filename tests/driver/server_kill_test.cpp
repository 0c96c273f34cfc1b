#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <mutex>
#include <thread>

#include "core/random.h"
#include "tests/driver/server_fixture.h"

using namespace opoloop;
using test::Json;
using test::TemporaryFolder;

namespace {

/// A server in a process of its own. Fork only while this process has no other thread.
struct Child {
  pid_t process = -1;
  int port = 0;
};

Child start_server(const std::string& journal) {
  int channel[2];
  REQUIRE(::pipe(channel) == 0);
  const pid_t process = ::fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    try {
      Service service(test::service_options(journal));
      const int port = service.port();
      if (::write(channel[1], &port, sizeof port) == sizeof port) ::pause();
    } catch (...) {
    }
    ::_exit(3);
  }
  ::close(channel[1]);
  Child child{process, 0};
  const bool told = ::read(channel[0], &child.port, sizeof child.port) == sizeof child.port;
  ::close(channel[0]);
  REQUIRE(told);
  return child;
}

/// What clients know: accepted jobs by id, their requests, and the first answer seen.
struct Known {
  std::mutex mutex;
  std::map<std::string, std::string> request_of;
  std::map<std::string, std::string> answer_of;
};

/// Spins and energies: what a seed promises. (Wall times differ.)
std::string promised(const std::string& answer) {
  return Json::parse(answer).at("samples").dump();
}

/// Submits and fetches until the server dies; returns what contradicts what was known, or nothing.
std::string load(int port, int client_number, Known& known, std::atomic<int>& next) {
  HttpClient client("127.0.0.1", port);
  try {
    for (;;) {
      const int seed = next.fetch_add(1);
      const std::string request = test::ring_job(10, seed);
      // Every third is sent twice with its key: still one job.
      std::string key = std::to_string(client_number);
      key += '-';
      key += std::to_string(seed);
      std::string id;
      for (int times = 0; times < (seed % 3 == 0 ? 2 : 1); ++times) {
        const HttpReply reply = client.send("POST", "/v1/jobs", {{"", "", "application/json", request}},
                                            {{"Idempotency-Key", key}}, 20);
        if (reply.status != 202 && reply.status != 200) return "status " + std::to_string(reply.status);
        const std::string got = Json::parse(reply.body).at("id");
        if (!id.empty() && got != id) return "one key, two jobs";
        id = got;
        const std::lock_guard lock(known.mutex);
        known.request_of[id] = request;
      }
      if (seed % 2 == 0) continue;
      client.send("GET", "/v1/jobs/" + id + "?wait=5", {}, {}, 20);
      const HttpReply reply = client.send("GET", "/v1/jobs/" + id + "/result", {}, {}, 20);
      if (reply.status != 200) continue;
      const std::lock_guard lock(known.mutex);
      known.answer_of[id] = promised(reply.body);
    }
  } catch (const ConnectionError&) {
  }
  return {};
}

}  // namespace

TEST_CASE("kill -9 of a server under load loses no accepted job and never gives two answers") {
  constexpr int kKills = 20;
  constexpr int kClients = 3;
  const TemporaryFolder folder;
  Known known;
  std::atomic<int> next{0};
  RandomSequence random(77, Stream::bootstrap);
  // On a slow or busy computer a server is often killed before it has accepted anything: more kills, then.
  for (int kill = 0; kill < kKills || (known.request_of.size() < kKills && kill < 20 * kKills); ++kill) {
    const Child child = start_server(folder.path());
    std::vector<std::thread> clients;
    std::vector<std::string> wrong(kClients);
    for (std::size_t c = 0; c < kClients; ++c) {
      clients.emplace_back([&, c] { wrong[c] = load(child.port, static_cast<int>(c), known, next); });
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(30000)));
    ::kill(child.process, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child.process, &status, 0) == child.process);
    for (std::thread& client : clients) client.join();
    REQUIRE(WIFSIGNALED(status));
    for (const std::string& text : wrong) REQUIRE(text.empty());
  }
  // Whatever the last one left is finished by the next.
  test::Server server(test::service_options(folder.path()));
  INFO(known.request_of.size() << " jobs accepted, " << known.answer_of.size()
                               << " answers seen before a kill");
  CHECK(known.request_of.size() >= kKills);
  for (const auto& [id, request] : known.request_of) {
    INFO(server.get("/v1/jobs/" + id + "?wait=10").body);
    REQUIRE(server.ended(id).at("state") == "done");
    const std::string answer = promised(server.get("/v1/jobs/" + id + "/result").body);
    const auto seen = known.answer_of.find(id);
    if (seen != known.answer_of.end()) REQUIRE(answer == seen->second);
    REQUIRE(Json::parse(answer).size() == 4);
  }
  // And it is the answer: one of them computed anew.
  const auto& [id, request] = *known.request_of.begin();
  const std::string again = server.submit(request);
  server.ended(again);
  CHECK(promised(server.get("/v1/jobs/" + again + "/result").body) ==
        promised(server.get("/v1/jobs/" + id + "/result").body));
}
