#include "driver/server/native_api.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "driver/run_file.h"
#include "tests/driver/raw_client.h"
#include "tests/driver/server_fixture.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using test::Json;
using test::RawClient;
using test::Server;
using test::TemporaryFolder;

TEST_CASE("a job's life over HTTP") {
  const TemporaryFolder folder;
  Server server(test::service_options(folder.path()));
  const HttpReply accepted = server.post(test::ring_job(8, 3), {{"Idempotency-Key", "abc"}});
  REQUIRE(accepted.status == 202);
  const std::string id = Json::parse(accepted.body).at("id");
  CHECK(accepted.header("location") == "/v1/jobs/" + id);
  CHECK(server.ended(id).at("state") == "done");
  const HttpReply repeated = server.post(test::ring_job(8, 3), {{"Idempotency-Key", "abc"}});
  CHECK(repeated.status == 200);
  CHECK(Json::parse(repeated.body).at("id") == id);
  CHECK(server.post(test::ring_job(8, 4), {{"Idempotency-Key", "abc"}}).status == 409);

  const Json result = server.result(id);
  REQUIRE(result.at("samples").size() == 4);
  // The energy is that of the spins that come with it: a ring of 8 with one bond turned.
  for (const Json& sample : result.at("samples")) {
    const std::string spins = sample.at("spins_best");
    double energy = 0;
    for (std::size_t i = 0; i < 8; ++i)
      energy -= (i == 0 ? -1 : 1) * (spins[i] == spins[(i + 1) % 8] ? 1 : -1);
    CHECK(sample.at("energy_best") == energy);
  }
  const HttpReply file = server.get("/v1/jobs/" + id + "/result.h5");
  CHECK(file.status == 200);
  std::ofstream(folder.file("fetched.h5"), std::ios::binary) << file.body;
  CHECK(check_run_file(folder.file("fetched.h5")).ok);

  CHECK(Json::parse(server.remove("/v1/jobs/" + id).body).at("state") ==
        "done");  // cancelling comes too late
  CHECK(server.remove("/v1/jobs/" + id + "?forget=1").status == 200);
  for (const std::string end : {"", "/result", "/result.h5", "/events"}) {
    const HttpReply gone = server.get("/v1/jobs/" + id + end);
    CHECK(gone.status == 404);
    CHECK(test::code_of(gone) == "no_such_job");
  }
}

TEST_CASE("a job that waits or runs has no answer yet, and can be cancelled") {
  const TemporaryFolder folder;
  Server server(test::service_options(folder.path()));
  const std::string id = server.submit(test::endless_job());
  CHECK(server.get("/v1/jobs/" + id + "/result").status == 409);
  CHECK(server.get("/v1/jobs/" + id + "/result.h5").status == 409);
  CHECK(server.remove("/v1/jobs/" + id + "?forget=1").status == 409);
  CHECK(server.remove("/v1/jobs/" + id).status == 200);
  CHECK(server.ended(id).at("state") == "cancelled");
  CHECK(server.result(id).at("interrupted") == true);
}

TEST_CASE("events tell the progress and end with the job") {
  const TemporaryFolder folder;
  Server server(test::service_options(folder.path()));
  const std::string id = server.submit(test::endless_job());
  // Each event is a chunk of its own, so that its lines are whole among those that give the lengths.
  RawClient client(server.service->port());
  client.say("GET /v1/jobs/" + id + "/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  std::string events = client.hear_until("event: progress");
  server.service->engine().cancel(id);
  events += client.hear();
  CHECK_THAT(events, Catch::Matchers::StartsWith("HTTP/1.1 200 ") &&
                         Contains("\r\nContent-Type: text/event-stream\r\n"));
  std::istringstream lines(events);
  std::vector<std::string> kinds;
  std::string last;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("event: ")) kinds.push_back(line.substr(7));
    if (line.starts_with("data: ")) last = line.substr(6);
  }
  REQUIRE(kinds.size() >= 2);
  CHECK(kinds.front() == "progress");
  CHECK(kinds.back() == "end");
  CHECK(std::count(kinds.begin(), kinds.end(), "end") == 1);
  CHECK(Json::parse(last).at("state") == "cancelled");
}

TEST_CASE("a form carries a problem file of any format") {
  const TemporaryFolder folder;
  Server server(test::service_options(folder.path()));
  const HttpContent problem{"problem", "g.rud", "text/plain", "3 3\n1 2 1\n2 3 1\n1 3 1\n"};
  const auto post = [&](const std::vector<HttpContent>& parts) {
    return server.client.send("POST", "/v1/jobs", parts, {}, 20);
  };
  const HttpReply accepted =
      post({problem, {"job", "", "application/json", R"({"device": "exact:", "settings": {"runs": 1}})"}});
  REQUIRE(accepted.status == 202);
  const std::string id = Json::parse(accepted.body).at("id");
  CHECK(server.ended(id).at("device") == "exact:");
  CHECK(server.result(id).at("samples")[0].at("energy_best") == -1.0);  // a triangle: cut 2 of weight 3
  CHECK(post({problem}).status == 202);
  CHECK(post({{"job", "", "application/json", "{}"}}).status == 400);
  CHECK(post({problem, problem}).status == 400);
  CHECK(post({problem, {"more", "", "text/plain", "x"}}).status == 400);
  CHECK(post({{"problem", "g.rud", "text/plain", "3 3\n1 2 1\n"}}).status == 400);
}

TEST_CASE("bad jobs are answered with what is wrong") {
  const TemporaryFolder folder;
  ServiceOptions options = test::service_options(folder.path());
  options.engine.limits.max_spins = 20;
  Server server(options);
  const auto refused = [&](const HttpReply& reply, int status, const std::string& word) {
    CHECK(reply.status == status);
    CHECK_THAT(reply.body, Contains(word));
    CHECK(reply.header("content-type") == "application/json");
    CHECK_FALSE(test::code_of(reply).empty());
  };
  refused(server.post("not json"), 400, "not valid JSON");
  refused(server.post(R"({"problem": {"n": 2, "couplings": [[0, 1, NaN]]}})"), 400, "NaN");
  refused(server.post(test::ring_job(21, 1)), 400, "from 1 to 20");
  refused(server.post(R"({"problem": {"n": 2}, "device": "toaster:"})"), 400, "toaster");
  refused(server.post(R"({"problem": {"n": 2}, "settings": {"parameters": {"no-such-thing": 1}}})"), 400,
          "no-such-thing");
  refused(server.client.send("POST", "/v1/jobs", {{"", "", "text/plain", "{}"}}, {}, 20), 415,
          "application/json");
  refused(server.get("/v1/jobs/x?wait=-1"), 400, "wait");
  refused(server.get("/v1/nothing"), 404, "nothing");
  refused(server.client.send("PUT", "/v1/jobs", {}, {}, 20), 405, "POST");
  refused(server.get("/v1/jobs"), 403, "lists no jobs");
  refused(server.get("/v1/jobs/" + std::string(3000, 'x')), 414, "too long");
  refused(server.post(test::ring_job(8, 1), {{"Idempotency-Key", std::string(300, 'k')}}), 400,
          "Idempotency-Key");
  CHECK(server.service->engine().counts().accepted == 0);
  const HttpReply good = server.post(test::ring_job(8, 1), {}, "/v1/jobs?check=1");
  CHECK(good.status == 200);
  CHECK(server.service->engine().counts().accepted == 0);
}

TEST_CASE("a full queue says when to come again") {
  const TemporaryFolder folder;
  ServiceOptions options = test::service_options(folder.path());
  options.engine.workers = 1;
  options.engine.max_queue = 1;
  Server server(options);
  const std::string running = server.submit(test::endless_job());
  while (server.service->engine().find(running)->status == JobStatus::queued)
    server.service->engine().wait(running, 1, server.service->engine().find(running)->version);
  server.submit(test::endless_job());
  const HttpReply refused = server.post(test::ring_job(8, 1));
  CHECK(refused.status == 429);
  CHECK(test::code_of(refused) == "queue_full");
  CHECK(refused.header("retry-after") == "1");
  CHECK_THAT(server.get("/metrics").body, Contains("opoloop_jobs_total{what=\"refused_queue_full\"} 1\n") &&
                                              Contains("opoloop_jobs{state=\"queued\"} 1\n") &&
                                              Contains("opoloop_jobs{state=\"running\"} 1\n") &&
                                              Contains("opoloop_http_requests_total{status=\"429\"} 1\n"));
}

TEST_CASE("jobs are listed where the server was told to") {
  const TemporaryFolder folder;
  ServiceOptions options = test::service_options(folder.path());
  options.engine.list_jobs = true;
  options.engine.workers = 1;
  Server server(options);
  const auto ids = [&] {
    std::vector<std::string> found;
    const Json answer = Json::parse(server.get("/v1/jobs").body);
    for (const Json& job : answer.at("jobs")) found.push_back(job.at("id"));
    return found;
  };
  CHECK(ids().empty());
  const std::string first = server.submit(test::ring_job(8, 1));
  server.ended(first);
  const std::string second = server.submit(test::ring_job(8, 2));
  server.ended(second);
  const std::string running = server.submit(test::endless_job());
  while (server.service->engine().find(running)->status == JobStatus::queued)
    server.service->engine().wait(running, 1, server.service->engine().find(running)->version);
  const std::string waiting = server.submit(test::ring_job(8, 3));
  CHECK(ids() == std::vector<std::string>{running, waiting, second, first});
  server.remove("/v1/jobs/" + first + "?forget=1");
  CHECK(ids() == std::vector<std::string>{running, waiting, second});
}

namespace {

/// The schema that a reference points to.
const Json& resolved(const Json& document, const Json& schema) {
  if (!schema.contains("$ref")) return schema;
  const std::string pointer = schema.at("$ref").get<std::string>().substr(1);
  return resolved(document, document.at(Json::json_pointer(pointer)));
}

/// The documented members are there, and the answer is of a documented kind.
void keeps_promise(const Json& document, const std::string& method, const std::string& path,
                   const HttpReply& reply) {
  INFO(method << " " << path << " answered " << reply.status << ": " << reply.body.substr(0, 200));
  const Json& responses = document.at("paths").at(path).at(method).at("responses");
  const std::string status = std::to_string(reply.status);
  REQUIRE(responses.contains(status));
  const Json& response = resolved(document, responses.at(status));
  if (!response.contains("content")) return;
  const std::string type = reply.header("content-type").substr(0, reply.header("content-type").find(';'));
  REQUIRE(response.at("content").contains(type));
  const Json& schema = resolved(document, response.at("content").at(type).at("schema"));
  if (!schema.contains("required")) return;
  const Json body = Json::parse(reply.body);
  for (const Json& member : schema.at("required")) CHECK(body.contains(member.get<std::string>()));
}

}  // namespace

TEST_CASE("the OpenAPI document is what the handlers do") {
  const TemporaryFolder folder;
  Server server(test::service_options(folder.path()));
  const Json document = Json::parse(server.get("/v1/openapi.json").body);
  CHECK(document.at("openapi") == "3.0.3");

  std::set<std::string> promised, kept;
  for (const auto& path : document.at("paths").items()) {
    for (const auto& method : path.value().items()) {
      if (method.key() != "parameters") promised.insert(method.key() + " " + path.key());
    }
  }
  const RequestCounter counter;
  for (const Route& route : native_routes(server.service->engine(), counter)) {
    std::string method = route.method;
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    kept.insert(method + " " + route.path);
    // What needs no token says so.
    const Json& operation = document.at("paths").at(route.path).at(method);
    CHECK(route.open == (operation.contains("security") && operation.at("security").empty()));
  }
  CHECK(promised == kept);

  const std::string id = server.submit(test::ring_job(8, 1));
  server.ended(id);
  const std::string job = "/v1/jobs/" + id;
  keeps_promise(document, "post", "/v1/jobs", server.post(test::ring_job(8, 1)));
  keeps_promise(document, "post", "/v1/jobs", server.post("{}"));
  keeps_promise(document, "get", "/v1/jobs/{id}", server.get(job));
  keeps_promise(document, "get", "/v1/jobs/{id}", server.get("/v1/jobs/none"));
  keeps_promise(document, "get", "/v1/jobs/{id}/result", server.get(job + "/result"));
  keeps_promise(document, "get", "/v1/jobs/{id}/result.h5", server.get(job + "/result.h5"));
  keeps_promise(document, "get", "/v1/jobs/{id}/events", server.get(job + "/events"));
  keeps_promise(document, "get", "/v1/jobs/{id}/events", server.get(job + "/events?amplitudes=x"));
  keeps_promise(document, "get", "/v1/jobs/{id}/amplitudes", server.get(job + "/amplitudes"));
  keeps_promise(document, "get", "/v1/jobs/{id}/amplitudes", server.get(job + "/amplitudes?run=9"));
  keeps_promise(document, "get", "/v1/jobs", server.get("/v1/jobs"));
  keeps_promise(document, "get", "/v1/queue", server.get("/v1/queue"));
  keeps_promise(document, "delete", "/v1/jobs/{id}", server.remove(job + "?forget=1"));
  keeps_promise(document, "delete", "/v1/jobs/{id}", server.remove(job));
  keeps_promise(document, "get", "/v1/devices", server.get("/v1/devices"));
  keeps_promise(document, "get", "/v1/capabilities", server.get("/v1/capabilities"));
  keeps_promise(document, "get", "/healthz", server.get("/healthz"));
  keeps_promise(document, "get", "/metrics", server.get("/metrics"));
  // Every key of a job that the document names is read.
  const Json all = {{"problem",
                     {{"n", 2},
                      {"couplings", Json::array()},
                      {"h", {0, 1}},
                      {"offset", 1},
                      {"kind", "qubo"},
                      {"name", "x"}}},
                    {"device", "emulator:"},
                    {"label", "l"},
                    {"settings",
                     {{"runs", 1},
                      {"steps", 2},
                      {"seed", 3},
                      {"target_energy", 0},
                      {"until_target", true},
                      {"time_limit_s", 1},
                      {"log_trajectories", 1},
                      {"log_every", 1},
                      {"parameters", Json::object()}}}};
  const Json& schemas = document.at("components").at("schemas");
  for (const auto& key : schemas.at("Settings").at("properties").items())
    CHECK(all.at("settings").contains(key.key()));
  CHECK(all.at("settings").size() == schemas.at("Settings").at("properties").size());
  CHECK(server.post(all.dump()).status == 202);
}
