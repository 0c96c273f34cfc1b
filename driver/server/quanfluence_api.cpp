#include "driver/server/quanfluence_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "driver/credentials.h"
#include "driver/server/parsing_turns.h"
#include "driver/server/quanfluence_store.h"
#include "driver/server/quanfluence_text.h"
#include "driver/server/random_id.h"

namespace opoloop {
namespace {

using Json = nlohmann::ordered_json;

/// Where no token is asked for; clients refuse to go on without one.
constexpr const char* kAnyToken = "no-token-needed";
constexpr int kTokenLasts_s = 86400;  // clients sign in again; ours does not end
constexpr double kLook_s = 0.5;

HttpResponse json_response(const Json& json, int status) {
  HttpResponse response;
  response.status = status;
  response.body = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  return response;
}

/// 200 everywhere: clients compare with 200, a few take 201 of some requests too.
HttpResponse success(const Json& data) {
  return json_response({{"status", "success"}, {"data", data}}, 200);
}

HttpResponse failure(int status, const std::string& code, const std::string& message) {
  return json_response({{"status", "error"}, {"code", code}, {"message", message}}, status);
}

/// Names of AWS Batch, which the vendor's page lists.
const char* batch_status(JobStatus status) {
  switch (status) {
    case JobStatus::queued:
      return "RUNNABLE";
    case JobStatus::running:
      return "RUNNING";
    case JobStatus::done:
      return "SUCCEEDED";
    case JobStatus::failed:
      return "FAILED";
    case JobStatus::cancelled:
      return "CANCELLED";
  }
  return "FAILED";
}

bool ended(JobStatus status) {
  return status != JobStatus::queued && status != JobStatus::running;
}

Json parsed_object(const std::string& body) {
  constexpr std::size_t kLongest = 64 << 10;
  if (body.size() > kLongest) {
    throw HttpError(413, "too_large", fmt::format("the body has more than {} bytes", kLongest));
  }
  try {
    Json json = Json::parse(body);
    if (json.is_object()) return json;
  } catch (const Json::exception&) {
    throw InputError("the body is not valid JSON");
  }
  throw InputError("the body must be a JSON object");
}

/// A member that some clients send as a number and others as a text.
std::string word_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found != json.end() && found->is_string()) return found->get<std::string>();
  if (found != json.end() && found->is_number_integer()) return found->dump();
  throw InputError(fmt::format("{}: missing, or neither a text nor an integer", key));
}

/// Best answer of a job: spins ±1 by index, the QUBO's energy (σ = 2x − 1), how many trajectories it is of.
Json answer_json(const std::string& result_text) {
  const Result result = parse_result(result_text);
  if (result.samples.empty()) {
    throw HttpError(500, "no_answer", "the job was stopped before its first trajectory had ended");
  }
  const Sample& best =
      *std::min_element(result.samples.begin(), result.samples.end(),
                        [](const Sample& a, const Sample& b) { return a.energy_best < b.energy_best; });
  Json spins = Json::object();
  for (std::size_t i = 0; i < best.spins_best.size(); ++i) {
    spins[std::to_string(i)] = static_cast<double>(best.spins_best[i]);
  }
  return {{"result", spins}, {"energy", best.energy_best}, {"trials", result.samples.size()}};
}

/// The handlers; one function a route.
class QuanfluenceApi {
 public:
  QuanfluenceApi(JobEngine& engine, const QuanfluenceOptions& options)
      : engine_(engine),
        options_(options),
        store_(engine.options().journal + "/quanfluence", options.max_uploads, options.max_uploads_bytes) {}

  HttpResponse sign_in(const HttpRequest& request) {
    const Json json = parsed_object(request.body);
    const auto password = json.find("password");
    const bool right = options_.token.empty() || (password != json.end() && password->is_string() &&
                                                  same_secret(password->get<std::string>(), options_.token));
    if (!right) throw HttpError(401, "wrong_password", "the password is not the token of this server");
    return success(
        {{"token", options_.token.empty() ? kAnyToken : options_.token}, {"expiresIn", kTokenLasts_s}});
  }

  HttpResponse create_device(const HttpRequest& request) {
    QuanfluenceDevice device;
    change_quanfluence_device(device, parsed_object(request.body));
    return success(quanfluence_device_json(store_.add(device)));
  }

  HttpResponse device(const HttpRequest& request) {
    return success(quanfluence_device_json(store_.find(request.captured.at(0))));
  }

  HttpResponse update_device(const HttpRequest& request) {
    return success(
        quanfluence_device_json(store_.change(request.captured.at(0), parsed_object(request.body))));
  }

  HttpResponse upload(const HttpRequest& request) {
    const QuanfluenceDevice device = store_.find(request.captured.at(0));
    return success({{"result", store_.upload(device, problem_of(request))}});
  }

  HttpResponse execute(const HttpRequest& request) {
    const QuanfluenceDevice device = store_.find(request.captured.at(0));
    return run(request, device, problem_of(request), "");
  }

  HttpResponse execute_upload(const HttpRequest& request) {
    const QuanfluenceDevice device = store_.find(request.captured.at(0));
    const std::string& name = request.captured.at(1);
    return run(request, device, store_.uploaded(device, name), name);
  }

  HttpResponse create_job(const HttpRequest& request) {
    const Json json = parsed_object(request.body);
    const QuanfluenceDevice device = store_.find(word_of(json, "device_id"));
    const std::string name = word_of(json, "filename");
    return success(job_json(submit(device, store_.uploaded(device, name), name)));
  }

  HttpResponse job(const HttpRequest& request) {
    const auto view = engine_.find(request.captured.at(0));
    if (!view || !is_ours(*view)) throw HttpError(404, "no_such_job", "there is no job of this id");
    return success(job_json(*view));
  }

 private:
  /// A job's note is this, the device and the upload.
  static constexpr const char* kNote = "quanfluence";

  static bool is_ours(const JobView& view) {
    const Json note = Json::parse(view.note, nullptr, false);
    return note.is_object() && note.value("interface", "") == kNote;
  }

  Json job_json(const JobView& view) const {
    const Json note = Json::parse(view.note);
    Json json = {{"id", view.id},
                 {"status", batch_status(view.status)},
                 {"device_id", note.at("device_id")},
                 {"filename", note.at("filename")}};
    if (!view.error.empty()) json["message"] = view.error;
    if (view.status == JobStatus::done) json.update(answer_json(engine_.result(view.id)));
    return json;
  }

  /// What the device record says, for the device that its type names, or else this server's default.
  JobRequest job_of(const QuanfluenceDevice& device, Problem problem, const std::string& filename) const {
    const JobEngineOptions& has = engine_.options();
    JobRequest job;
    if (std::find(has.devices.begin(), has.devices.end(), device.type) != has.devices.end()) {
      job.description.device = device.type;
    }
    JobSettings& settings = job.description.settings;
    const double runs = static_cast<double>(device.runs) * static_cast<double>(device.trials);
    if (runs > has.limits.max_runs) {
      throw InputError(fmt::format("runs times trials: {}, this server runs at most {} trajectories", runs,
                                   has.limits.max_runs));
    }
    settings.runs = static_cast<int>(runs);
    settings.steps = device.iters;
    settings.seed = random_seed();
    if (device.runtime > 0) settings.time_limit_s = device.runtime;
    job.problem = std::move(problem);
    job.note = Json{{"interface", kNote}, {"device_id", device.id}, {"filename", filename}}.dump();
    return job;
  }

  JobView submit(const QuanfluenceDevice& device, Problem problem, const std::string& filename) {
    const Submission submission = engine_.submit(job_of(device, std::move(problem), filename), "");
    const auto view = engine_.find(submission.id);
    if (!view) throw HttpError(404, "no_such_job", "the job has been forgotten already");
    return *view;
  }

  /// Answers when the job has ended. One whose caller has hung up is cancelled: nobody knows its id.
  HttpResponse run(const HttpRequest& request, const QuanfluenceDevice& device, Problem problem,
                   const std::string& filename) {
    const std::string id = submit(device, std::move(problem), filename).id;
    for (;;) {
      const auto view = engine_.wait(id, kLook_s);
      if (!view) throw HttpError(404, "no_such_job", "the job has been forgotten already");
      if (view->status == JobStatus::failed) throw HttpError(500, "failed", view->error);
      if (ended(view->status)) return success(answer_json(engine_.result(id)));
      if (engine_.stopped()) {
        engine_.cancel(id);  // the caller sends it again: it is not to run twice
        throw Stopping("the server is stopping");
      }
      if (!request.connected()) {
        engine_.cancel(id);
        throw HttpError(499, "hung_up", "the caller has hung up");
      }
    }
  }

  /// The part `file` of a form, or a JSON list as the body, which early versions of the client sent.
  Problem problem_of(const HttpRequest& request) {
    const JobLimits& limits = engine_.options().limits;
    const QuanfluenceLimits here{limits.max_spins, options_.max_inflated_bytes, limits.memory_bytes};
    const std::string* bytes = nullptr;
    if (request.content_type == "multipart/form-data") {
      for (const HttpPart& part : request.parts) {
        if (part.name != "file") throw InputError("the form has a part that is not named file");
        if (bytes != nullptr) throw InputError("the form has the part file twice");
        bytes = &part.content;
      }
      if (bytes == nullptr) throw InputError("the form has no part named file");
    } else if (request.content_type == "application/json") {
      bytes = &request.body;
    } else {
      throw HttpError(415, "content_type", "send multipart/form-data with the part file");
    }
    const ParsingTurns::Turn turn = parsing_.take();
    return parse_quanfluence(*bytes, "file", here);
  }

  JobEngine& engine_;
  QuanfluenceOptions options_;
  QuanfluenceStore store_;
  ParsingTurns parsing_{2};
};

}  // namespace

std::vector<Route> quanfluence_routes(JobEngine& engine, const QuanfluenceOptions& options) {
  const auto api = std::make_shared<QuanfluenceApi>(engine, options);
  using Handler = HttpResponse (QuanfluenceApi::*)(const HttpRequest&);
  const auto route = [&](const char* method, const char* path, Handler handler) {
    Route r;
    r.method = method;
    r.path = path;
    r.handle = [api, handler](const HttpRequest& request) { return ((*api).*handler)(request); };
    r.error_shape = failure;
    return r;
  };
  std::vector<Route> routes = {
      route("POST", "/api/clients/signin", &QuanfluenceApi::sign_in),
      route("POST", "/api/devices", &QuanfluenceApi::create_device),
      route("GET", "/api/devices/{id}", &QuanfluenceApi::device),
      route("PUT", "/api/devices/{id}", &QuanfluenceApi::update_device),
      route("POST", "/api/devices/{id}/qubo/upload", &QuanfluenceApi::upload),
      route("POST", "/api/execute/device/{id}", &QuanfluenceApi::execute),
      route("GET", "/api/execute/device/{id}/qubo/{filename}", &QuanfluenceApi::execute_upload),
      route("POST", "/api/jobs", &QuanfluenceApi::create_job),
      route("GET", "/api/jobs/{id}", &QuanfluenceApi::job),
  };
  routes.front().open = true;
  return routes;
}

}  // namespace opoloop
