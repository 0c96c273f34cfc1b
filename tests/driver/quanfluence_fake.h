#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "driver/device.h"
#include "driver/server/http_server.h"
#include "hamiltonian/formats/zip_archive.h"
#include "hamiltonian/qubo_model.h"

namespace opoloop::test {

using Json = nlohmann::json;

/// A service with the interface that the public client python-quanfluence-sdk 0.0.6 speaks, written from that
/// client: paths, bodies, envelopes, statuses. Solves by annealing; job k of a file has seed k + 1.
class FakeQuanfluence {
 public:
  FakeQuanfluence() {
    const auto add = [&](const char* method, const char* path, auto handle) {
      Route route;
      route.method = method;
      route.path = path;
      route.handle = [this, handle](const HttpRequest& request) {
        const std::lock_guard lock(mutex_);
        seen_.push_back(request.method + " " + request.path);
        return handle(request);
      };
      routes_.push_back(route);
    };
    add("POST", "/api/clients/signin", [this](const HttpRequest& r) { return sign_in(r); });
    add("GET", "/api/devices/{id}", [this](const HttpRequest& r) { return device(r); });
    add("PUT", "/api/devices/{id}", [this](const HttpRequest& r) { return device(r); });
    add("POST", "/api/devices/{id}/qubo/upload", [this](const HttpRequest& r) { return upload(r); });
    add("POST", "/api/jobs", [this](const HttpRequest& r) { return create_job(r); });
    add("GET", "/api/jobs/{id}", [this](const HttpRequest& r) { return job(r); });
    add("POST", "/api/execute/device/{id}", [this](const HttpRequest& r) { return execute(r); });
    server_ = std::make_unique<HttpServer>(HttpOptions{}, routes_);
    server_->start();
  }

  std::string uri(const std::string& query = "") const {
    return "quanfluence://127.0.0.1:" + std::to_string(server_->port()) + "/device/16" + query;
  }
  /// Requests so far, "GET /api/jobs/1".
  std::vector<std::string> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  int count(const std::string& request) {
    const auto all = seen();
    return static_cast<int>(std::count(all.begin(), all.end(), request));
  }

  // What tests change, before the requests that it concerns.
  int wrong_tokens = 0;     ///< refuse so many tokens as run out
  int busy = 0;             ///< answer 503 to so many requests for a job
  int executes = 1000;      ///< direct requests it answers; further ones fail
  int pending = 0;          ///< a job is PENDING at its first so many looks
  std::string status;       ///< of every job, instead
  Json spoil = nullptr;     ///< merged into every answer
  bool nested = false;      ///< the answer inside "result" of the job's record
  double energy_error = 0;  ///< added to every energy
  Json record = {{"id", 16}, {"title", "lab"}, {"iters", 40}, {"runs", 5}, {"alpha", 1.0}, {"beta", 0.3}};
  std::string last_upload;  ///< text of the file
  std::string last_data;    ///< data.txt

 private:
  static HttpResponse success(const Json& data, int status = 200) {
    HttpResponse response;
    response.status = status;
    response.body = Json{{"status", "success"}, {"data", data}}.dump();
    return response;
  }
  static HttpResponse failure(int status, const std::string& message) {
    HttpResponse response;
    response.status = status;
    response.body = Json{{"status", "error"}, {"message", message}}.dump();
    return response;
  }

  HttpResponse sign_in(const HttpRequest& request) {
    const Json body = Json::parse(request.body);
    if (body.at("username") != "ada" || body.at("password") != "pass-secret") {
      return failure(401, "Invalid username or password");
    }
    return success({{"token", "token-" + std::to_string(++tokens_)}, {"expiresIn", 3600}});
  }
  bool let_in(const HttpRequest& request) {
    const bool right = request.header("authorization") == "Bearer token-" + std::to_string(tokens_);
    if (right && wrong_tokens > 0) {
      --wrong_tokens;
      return false;
    }
    return right;
  }
  HttpResponse device(const HttpRequest& request) {
    if (!let_in(request)) return failure(401, "Unauthorized");
    if (request.captured.at(0) != "16") return failure(404, "Device not found");
    if (request.method == "PUT") record.update(Json::parse(request.body));
    return success(record);
  }
  HttpResponse upload(const HttpRequest& request) {
    if (!let_in(request)) return failure(401, "Unauthorized");
    if (request.parts.size() != 1 || request.parts[0].name != "file") return failure(400, "No file");
    last_upload = request.parts[0].content;
    const std::string name = "qubo-" + std::to_string(files_.size()) + ".qubo";
    files_[name] = {parse_lines(last_upload), 0};
    return success({{"result", name}});
  }
  HttpResponse create_job(const HttpRequest& request) {
    if (!let_in(request)) return failure(401, "Unauthorized");
    const Json body = Json::parse(request.body);
    if (body.at("device_id") != 16 || !files_.contains(body.at("filename")))
      return failure(404, "File not found");
    auto& [problem, begun] = files_.at(body.at("filename"));
    jobs_.push_back({solve(problem, ++begun), pending});
    return success({{"id", jobs_.size()}, {"status", "SUBMITTED"}}, 201);
  }
  HttpResponse job(const HttpRequest& request) {
    if (!let_in(request)) return failure(401, "Unauthorized");
    const auto id = static_cast<std::size_t>(std::stoul(request.captured.at(0)));
    if (id < 1 || id > jobs_.size()) return failure(404, "Job not found");
    if (busy > 0) {
      --busy;
      return failure(503, "Try again");
    }
    auto& [answer, looks] = jobs_[id - 1];
    Json data = {{"id", id}, {"device_id", 16}, {"status", "SUCCEEDED"}};
    if (!status.empty()) {
      data["status"] = status;
      data["message"] = "the laser\nwas off";
    } else if (looks > 0) {
      --looks;
      data["status"] = "PENDING";
    } else if (nested) {
      data["result"] = answer;
    } else {
      data.update(answer);
    }
    if (spoil.is_object()) data.update(spoil);
    return success(data);
  }
  HttpResponse execute(const HttpRequest& request) {
    if (!let_in(request)) return failure(401, "Unauthorized");
    if (request.parts.size() != 1 || request.parts[0].file_name != "data.zip") return failure(400, "No file");
    last_data = ZipArchive(request.parts[0].content, "data.zip", 1 << 24).read("data.txt");
    QuboModel qubo;
    for (const Json& term : Json::parse(last_data)) add(qubo, term.at(0), term.at(1), term.at(2));
    if (executed_ >= executes) return failure(500, "the laser is off");
    return success(solve(qubo, ++executed_));
  }

  static void add(QuboModel& qubo, int i, int j, double q) {
    qubo.n = std::max({qubo.n, i + 1, j + 1});
    qubo.linear.resize(static_cast<std::size_t>(qubo.n));
    if (i == j) {
      qubo.linear[static_cast<std::size_t>(i)] = q;
    } else {
      qubo.terms.push_back({std::min(i, j), std::max(i, j), q});
    }
  }
  /// The .qubo file of the client's examples: a constant, then i j value.
  static QuboModel parse_lines(const std::string& text) {
    std::istringstream lines(text);
    QuboModel qubo;
    lines >> qubo.offset;
    int i = 0, j = 0;
    double q = 0;
    while (lines >> i >> j >> q) add(qubo, i, j, q);
    return qubo;
  }
  Json solve(const QuboModel& qubo, int seed) const {
    Job job;
    auto problem = std::make_shared<Problem>();
    problem->ising = to_ising(qubo);
    job.problem = problem;
    job.settings.runs = 1;
    job.settings.seed = static_cast<std::uint64_t>(seed);
    job.settings.steps = record.at("iters");
    const Sample best = make_device("annealing:")->run(job).samples.at(0);
    Json result = Json::object();
    for (std::size_t k = 0; k < best.spins_best.size(); ++k)
      result[std::to_string(k)] = 1.0 * best.spins_best[k];
    return {{"result", result}, {"energy", best.energy_best + energy_error}, {"trials", 1}};
  }

  std::mutex mutex_;
  std::vector<std::string> seen_;
  std::vector<Route> routes_;
  int tokens_ = 0;
  int executed_ = 0;
  std::map<std::string, std::pair<QuboModel, int>> files_;  ///< and how many jobs were begun on it
  struct StoredJob {
    Json answer;
    int looks;
  };
  std::vector<StoredJob> jobs_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace opoloop::test
