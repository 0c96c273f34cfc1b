#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "driver/http_client.h"
#include "driver/server/service.h"
#include "tests/driver/temporary_folder.h"

namespace opoloop::test {

using Json = nlohmann::json;

inline ServiceOptions service_options(const std::string& journal) {
  ServiceOptions options;
  options.engine.journal = journal;
  options.engine.devices = {"emulator:", "annealing:", "dsb:", "exact:"};
  options.engine.workers = 2;
  options.grace_s = 0;
  return options;
}

/// A server in this process on a port of its own, and a client of it.
struct Server {
  explicit Server(ServiceOptions options)
      : service(std::make_unique<Service>(std::move(options))), client("127.0.0.1", service->port()) {}

  HttpReply get(const std::string& path) { return client.send("GET", path, {}, {}, 20); }
  HttpReply remove(const std::string& path) { return client.send("DELETE", path, {}, {}, 20); }
  HttpReply post(const std::string& body, const std::map<std::string, std::string>& headers = {},
                 const std::string& path = "/v1/jobs") {
    return client.send("POST", path, {{"", "", "application/json", body}}, headers, 20);
  }
  /// Submits and returns the id.
  std::string submit(const std::string& body, const std::map<std::string, std::string>& headers = {}) {
    return Json::parse(post(body, headers).body).at("id");
  }
  /// Waits for the end and returns the job.
  Json ended(const std::string& id) {
    for (;;) {
      const Json job = Json::parse(get("/v1/jobs/" + id + "?wait=10").body);
      if (job.at("state") != "queued" && job.at("state") != "running") return job;
    }
  }
  Json result(const std::string& id) { return Json::parse(get("/v1/jobs/" + id + "/result").body); }

  std::unique_ptr<Service> service;
  HttpClient client;
};

/// "code" of an error answer.
inline std::string code_of(const HttpReply& reply) {
  return Json::parse(reply.body).at("error").at("code");
}

/// A small job: a frustrated ring of n spins, `steps` round trips of the emulator.
inline std::string ring_job(int n, int seed, long long steps = 30, int runs = 4) {
  Json couplings = Json::array();
  for (int i = 0; i < n; ++i) couplings.push_back({i, (i + 1) % n, i == 0 ? -1.0 : 1.0});
  const Json job = {{"problem", {{"n", n}, {"couplings", couplings}}},
                    {"settings", {{"seed", seed}, {"steps", steps}, {"runs", runs}}}};
  return job.dump();
}
/// One that never ends by itself.
inline std::string endless_job() {
  return ring_job(12, 1, 1'000'000'000'000LL);
}

}  // namespace opoloop::test
