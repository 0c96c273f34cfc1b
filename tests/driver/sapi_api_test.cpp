#include "driver/server/sapi_api.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>

#include "driver/server/sapi_codec.h"
#include "tests/driver/raw_client.h"
#include "tests/driver/server_fixture.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using test::Json;
using test::replay;
using test::Server;
using test::TemporaryFolder;

namespace {

constexpr const char* kMedia = "application/vnd.dwave.sapi.";

ServiceOptions eight_qubits(const std::string& folder, const std::string& device = "exact:") {
  ServiceOptions options = test::service_options(folder);
  options.engine.devices = {device};
  options.sapi_qubits = 8;
  return options;
}

template <class T>
std::vector<T> numbers_of(const Json& text) {
  const std::string bytes = base64_decode(text.get<std::string>(), "answer");
  std::vector<T> numbers(bytes.size() / sizeof(T));
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

std::string doubles(const std::vector<double>& numbers) {
  std::string bytes(numbers.size() * sizeof(double), '\0');
  if (!numbers.empty()) std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return base64_encode(bytes);
}

/// A pair on qubits 1 and 6 that would rather differ: E = s1 s6.
Json pair_problem(const Json& params = Json::object()) {
  const double nan = std::nan("");
  return {
      {"solver", "opoloop-emulator"},
      {"type", "ising"},
      {"data",
       {{"format", "qp"}, {"lin", doubles({nan, 0, nan, nan, nan, nan, 0, nan})}, {"quad", doubles({1})}}},
      {"params", params}};
}

/// Every request as the vendor's client makes it: with the token in its own header.
class SapiClient {
 public:
  explicit SapiClient(Server& server, const std::string& token = "x") : server_(server), token_(token) {}

  HttpReply get(const std::string& path, const std::string& accept = "*/*") {
    return server_.client.send("GET", "/sapi/v2/" + path, {}, {{"X-Auth-Token", token_}, {"Accept", accept}},
                               20);
  }
  HttpReply send(const std::string& method, const std::string& path, const std::string& body,
                 const std::string& type = "application/json", const std::string& accept = "*/*") {
    return server_.client.send(method, "/sapi/v2/" + path, {{"", "", type, body}},
                               {{"X-Auth-Token", token_}, {"Accept", accept}}, 20);
  }
  std::string submit(const Json& problem) {
    return Json::parse(send("POST", "problems/", Json::array({problem}).dump()).body).at(0).at("id");
  }

 private:
  Server& server_;
  std::string token_;
};

void refused(const HttpReply& reply, int status, const std::string& word) {
  INFO(reply.body);
  CHECK(reply.status == status);
  const Json json = Json::parse(reply.body);
  CHECK(json.at("error_code") == status);
  CHECK_THAT(json.at("error_msg").get<std::string>(), Contains(word));
}

}  // namespace

TEST_CASE("D-Wave's client, as recorded, submits, polls, decodes and cancels") {
  const TemporaryFolder folder;
  ServiceOptions options = eight_qubits(folder.path());
  options.http.token = "correct-horse";
  const Server server(options);
  const int port = server.service->port();

  const HttpReply list = replay(port, "sapi/list_solvers.http");
  CHECK(list.status == 200);
  CHECK(list.header("content-type") == std::string(kMedia) + "solver-definition-list+json; version=2.1.0");
  CHECK(Json::parse(list.body).at(0).at("id") == "opoloop-emulator");
  const HttpReply definition = replay(port, "sapi/get_solver.http");
  CHECK(definition.header("content-type") == std::string(kMedia) + "solver-definition+json; version=2.1.0");
  const Json solver = Json::parse(definition.body);
  CHECK(solver == Json::parse(list.body).at(0));
  CHECK(solver.at("status") == "ONLINE");
  const Json& properties = solver.at("properties");
  CHECK(properties.at("category") == "qpu");
  CHECK(properties.at("topology") == Json{{"type", "clique"}, {"shape", {8}}});
  CHECK(properties.at("num_qubits") == 8);
  CHECK(properties.at("qubits") == Json{0, 1, 2, 3, 4, 5, 6, 7});
  REQUIRE(properties.at("couplers").size() == 28);
  CHECK(properties.at("couplers").at(7) == Json{1, 2});
  CHECK(properties.at("couplers").back() == Json{6, 7});

  const HttpReply submitted = replay(port, "sapi/submit.http");
  CHECK(submitted.status == 200);
  CHECK(submitted.header("content-type") == std::string(kMedia) + "problems+json; version=2.1.0");
  const Json accepted = Json::parse(submitted.body);
  REQUIRE(accepted.size() == 2);
  CHECK(accepted.at(0).at("type") == "ising");
  CHECK(accepted.at(0).at("label") == "four qubits");
  CHECK(accepted.at(1).at("label").is_null());
  const std::string ising = accepted.at(0).at("id"), qubo = accepted.at(1).at("id");
  for (const std::string& id : {ising, qubo}) {
    while (server.service->engine().wait(id, 10)->status != JobStatus::done) {
    }
  }
  const std::string recorded = "4f5609471a7634fa3100041f678c49ff,c6624736033430cb00bbe2b8342bd14b";
  const Json polled = Json::parse(replay(port, "sapi/poll.http", recorded, ising + "," + qubo).body);
  CHECK(polled.at(0).at("status") == "COMPLETED");
  CHECK(polled.at(1).at("id") == qubo);
  CHECK_FALSE(polled.at(0).contains("answer"));

  // E = -s0 + 0.5 s2 + s0 s1 - 0.25 s1 s2 + 2 s2 s5, and 1.5 that the client adds: least at -4.75.
  const HttpReply loaded = replay(port, "sapi/load.http", recorded.substr(0, 32), ising);
  CHECK(loaded.header("content-type") == std::string(kMedia) + "problem+json; version=2.1.0");
  const Json answer = Json::parse(loaded.body).at("answer");
  CHECK(answer.at("format") == "qp");
  CHECK(answer.at("offset") == 1.5);
  CHECK(answer.at("num_variables") == 8);
  CHECK(numbers_of<std::int32_t>(answer.at("active_variables")) == std::vector<std::int32_t>{0, 1, 2, 5});
  CHECK(numbers_of<double>(answer.at("energies")) == std::vector<double>{-4.75});
  CHECK(numbers_of<std::int32_t>(answer.at("num_occurrences")) == std::vector<std::int32_t>{20});
  CHECK(base64_decode(answer.at("solutions").get<std::string>(), "x") == "\x90");  // + - - +
  CHECK(answer.at("timing").at("qpu_access_time").is_number_integer());

  // F = x0 + x1 - 3 x0 x1, five times, one by one.
  const Json other =
      Json::parse(replay(port, "sapi/load.http", recorded.substr(0, 32), qubo).body).at("answer");
  CHECK(numbers_of<double>(other.at("energies")) == std::vector<double>(5, -1.0));
  CHECK(base64_decode(other.at("solutions").get<std::string>(), "x") == "\xc0\xc0\xc0\xc0\xc0");
  CHECK_FALSE(other.contains("offset"));

  CHECK(Json::parse(replay(port, "sapi/submit_deflated.http").body).at(0).at("type") == "qubo");
  const Json late = Json::parse(replay(port, "sapi/cancel.http", recorded.substr(0, 32), ising).body);
  CHECK(late.at(0).at("error_code") == 409);
}

TEST_CASE("a clique of 256 qubits and more is on offer, as the client filters it") {
  const TemporaryFolder folder;
  Server server(test::service_options(folder.path()));
  SapiClient client(server);
  const Json solver = Json::parse(client.get("solvers/remote/?filter=all,-avg_load").body).at(0);
  CHECK_FALSE(solver.contains("avg_load"));
  const int n = solver.at("properties").at("num_qubits");
  CHECK(n >= 256);
  CHECK(solver.at("properties").at("couplers").size() == static_cast<std::size_t>(n * (n - 1) / 2));
  const Json load =
      Json::parse(client.get("solvers/remote/opoloop-emulator?filter=none,%2Bid,%2Bavg_load").body);
  CHECK(load == Json{{"id", "opoloop-emulator"}, {"avg_load", 0.0}});
  refused(client.get("solvers/remote/other/"), 404, "solver");
}

TEST_CASE("a client of the interface's version 3 gets its shapes") {
  const TemporaryFolder folder;
  Server server(eight_qubits(folder.path()));
  SapiClient client(server);
  const std::string accept = std::string(kMedia) + "solver-definition+json; version=3.0.0";
  const HttpReply reply = client.get("solvers/remote/opoloop-emulator/", accept);
  CHECK(reply.header("content-type") == accept);
  const Json solver = Json::parse(reply.body);
  CHECK(solver.at("identity").at("name") == "opoloop-emulator");
  CHECK_FALSE(solver.contains("id"));
  Json problem = pair_problem();
  problem["solver"] = solver.at("identity");
  const Json accepted =
      Json::parse(client
                      .send("POST", "problems/", Json::array({problem}).dump(), "application/json",
                            std::string(kMedia) + "problems+json; version=3.0.0")
                      .body);
  CHECK(accepted.at(0).at("solver").at("name") == "opoloop-emulator");
}

TEST_CASE("a problem that is sent alone comes back with its answer") {
  const TemporaryFolder folder;
  Server server(eight_qubits(folder.path()));
  SapiClient client(server);
  const Json done = Json::parse(client.send("POST", "problems", pair_problem().dump()).body);
  CHECK(done.at("status") == "COMPLETED");
  CHECK(numbers_of<double>(done.at("answer").at("energies")) == std::vector<double>{-1});
  const std::string id = done.at("id");
  CHECK(Json::parse(client.get("problems/" + id + "/answer").body).at("answer") == done.at("answer"));
  CHECK(Json::parse(client.get("problems/" + id + "/messages").body) == Json::array());
}

TEST_CASE("a poll waits for the first of its problems, and cancelling ends one") {
  const TemporaryFolder folder;
  Server server(eight_qubits(folder.path(), "emulator:"));
  SapiClient client(server);
  const Json endless = pair_problem({{"steps", 1000000000000}});
  const std::string first = client.submit(endless), second = client.submit(endless);
  const Json waiting = Json::parse(client.get("problems/?timeout=0.1&id=" + first + "," + second).body);
  CHECK(waiting.size() == 2);
  CHECK_FALSE(waiting.at(0).contains("solved_on"));
  const HttpReply cancelled = client.send("DELETE", "problems/", Json{second, "nothing"}.dump());
  CHECK(Json::parse(cancelled.body).at(1).at("error_code") == 404);
  const Json ended = Json::parse(client.get("problems/?timeout=30&id=" + first + "," + second).body);
  CHECK(ended.at(0).at("status") != "CANCELLED");
  CHECK(ended.at(1).at("status") == "CANCELLED");
  CHECK(Json::parse(
            server.client.send("DELETE", "/problems/" + first + "/", {}, {{"X-Auth-Token", "x"}}, 20).body)
            .at("status") == "CANCELLED");
  refused(client.get("problems/" + first + "/answer"), 409, "CANCELLED");
}

TEST_CASE("answers of D-Wave's interface outlive the server") {
  const TemporaryFolder folder;
  std::string id, before;
  {
    Server server(eight_qubits(folder.path()));
    SapiClient client(server);
    id = client.submit(pair_problem({{"num_reads", 3}}));
    while (server.service->engine().wait(id, 10)->status != JobStatus::done) {
    }
    before = client.get("problems/" + id + "/").body;
  }
  Server server(eight_qubits(folder.path()));
  CHECK(SapiClient(server).get("problems/" + id + "/").body == before);
}

TEST_CASE("bad requests to D-Wave's interface are refused in its own shape") {
  const TemporaryFolder folder;
  ServiceOptions options = eight_qubits(folder.path());
  options.http.max_body_bytes = 20000;
  Server server(options);
  SapiClient client(server);
  refused(client.send("POST", "problems/", "not json"), 400, "JSON");
  refused(client.send("POST", "problems/", "3"), 400, "object");
  refused(client.send("POST", "problems/", "[]", "text/plain"), 415, "application/json");
  refused(client.send("POST", "problems/", std::string(30000, ' ')), 413, "more than 20000");
  refused(client.get("problems/"), 400, "id");
  refused(client.get("problems/?id=x&timeout=soon"), 400, "timeout");
  refused(client.get("problems/nothing/"), 404, "problem");
  refused(client.send("DELETE", "problems/", "{}"), 400, "list");
  refused(client.send("DELETE", "problems/", "[3]"), 400, "id");
  // In a list each problem is answered for itself: the good one runs.
  Json nan_weight = pair_problem();
  nan_weight["data"]["quad"] = doubles({std::nan("")});
  const Json mixed =
      Json::parse(client.send("POST", "problems/", Json::array({nan_weight, pair_problem(), 3}).dump()).body);
  CHECK(mixed.at(0).at("error_code") == 400);
  CHECK_THAT(mixed.at(0).at("error_msg").get<std::string>(), Contains("quad[0]"));
  CHECK(mixed.at(1).contains("id"));
  CHECK(mixed.at(2).at("error_code") == 400);
  CHECK(server.service->engine().counts().accepted == 1);
  // A job of the native interface is none of D-Wave's.
  refused(client.get("problems/" + server.submit(test::ring_job(8, 1)) + "/"), 404, "problem");
}

TEST_CASE("D-Wave's interface asks for the token, in its own header") {
  const TemporaryFolder folder;
  ServiceOptions options = eight_qubits(folder.path());
  options.http.token = "correct-horse";
  Server server(options);
  SapiClient stranger(server, "wrong"), friendly(server, "correct-horse");
  for (const char* path :
       {"solvers/remote/", "solvers/remote/opoloop-emulator/", "problems/?id=x", "problems/x/"}) {
    refused(stranger.get(path), 401, "token");
  }
  refused(stranger.send("POST", "problems/", Json::array({pair_problem()}).dump()), 401, "token");
  refused(stranger.send("DELETE", "problems/", "[]"), 401, "token");
  CHECK(friendly.get("solvers/remote/").status == 200);
  // The other interfaces' header does not open this one, and the other way round.
  CHECK(
      server.client.send("GET", "/problems/x", {}, {{"Authorization", "Bearer correct-horse"}}, 20).status ==
      401);
  CHECK(server.client.send("GET", "/v1/devices", {}, {{"X-Auth-Token", "correct-horse"}}, 20).status == 401);
}

TEST_CASE("a full queue is told to each problem of a list") {
  const TemporaryFolder folder;
  ServiceOptions options = eight_qubits(folder.path(), "emulator:");
  options.engine.workers = 1;
  options.engine.max_queue = 1;
  Server server(options);
  SapiClient client(server);
  const Json endless = pair_problem({{"steps", 1000000000000}});
  const std::string running = client.submit(endless);
  const JobEngine& engine = server.service->engine();
  while (engine.find(running)->status == JobStatus::queued)
    engine.wait(running, 1, engine.find(running)->version);
  const Json list =
      Json::parse(client.send("POST", "problems/", Json::array({endless, endless, endless}).dump()).body);
  CHECK(list.at(0).contains("id"));
  CHECK(list.at(1).at("error_code") == 429);
  CHECK(list.at(2).at("error_code") == 429);
}
