#include "driver/server/native_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/version.h"
#include "driver/server/device_sheets.h"
#include "driver/server/live_api.h"
#include "driver/server/parsing_turns.h"
#include "hamiltonian/problem_file.h"

namespace opoloop {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kLongestWait_s = 30;
constexpr std::size_t kLongestKey = 200;

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

HttpResponse answer(const Json& json, int status = 200) {
  HttpResponse response;
  response.status = status;
  response.body = text_of(json);
  return response;
}

Json job_json(const JobView& job) {
  const std::string self = "/v1/jobs/" + job.id;
  return {{"id", job.id},
          {"state", status_name(job.status)},
          {"device", job.device},
          {"label", job.label},
          {"problem", {{"name", job.problem_name}, {"spins", job.spins}}},
          {"settings", Json::parse(description_json({"", "", job.settings})).at("settings")},
          {"fingerprint", job.fingerprint},
          {"created_unix_s", job.created_unix_s},
          {"progress", progress_json(job.progress)},
          {"error", job.error.empty() ? Json(nullptr) : Json(job.error)},
          {"links",
           {{"self", self},
            {"events", self + "/events"},
            {"amplitudes", self + "/amplitudes"},
            {"result", self + "/result"},
            {"run_file", self + "/result.h5"}}}};
}

Json capabilities_json(const Capabilities& c) {
  return {{"max_spins", c.max_spins},
          {"coupling_bits", c.coupling_bits ? Json(*c.coupling_bits) : Json(nullptr)},
          {"linear_term", c.linear_term},
          {"trajectories", c.trajectories},
          {"exact", c.exact},
          {"structured_couplings", c.structured_couplings}};
}

/// The handlers; one function a route.
class NativeApi {
 public:
  explicit NativeApi(JobEngine& engine) : engine_(engine) {}

  HttpResponse submit(const HttpRequest& request) const {
    const JobRequest job = [&] {
      const ParsingTurns::Turn turn = parsing_.take();
      return job_of(request);
    }();
    if (request.query_or("check", "") == "1") {
      return answer({{"ok", true}, {"fingerprint", engine_.check(job)}});
    }
    const std::string key = request.header("idempotency-key");
    if (key.size() > kLongestKey) {
      throw HttpError(400, "bad_request", fmt::format("Idempotency-Key: longer than {} bytes", kLongestKey));
    }
    const Submission submission = engine_.submit(job, key);
    HttpResponse response = answer(job_json(found(submission.id)), submission.created ? 202 : 200);
    response.headers.emplace_back("Location", "/v1/jobs/" + submission.id);
    return response;
  }

  HttpResponse job(const HttpRequest& request) const {
    const std::string& id = request.captured.at(0);
    const std::string text = request.query_or("wait", "0");
    double wait_s = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wait_s);
    if (error != std::errc() || end != text.data() + text.size() || !(wait_s >= 0)) {
      throw HttpError(400, "bad_request", "wait: must be a number of seconds from 0");
    }
    const auto view = wait_s > 0 ? engine_.wait(id, std::min(wait_s, kLongestWait_s)) : engine_.find(id);
    if (!view) throw_unknown();
    return answer(job_json(*view));
  }

  HttpResponse result(const HttpRequest& request) const {
    found(request.captured.at(0));
    HttpResponse response;
    response.body = engine_.result(request.captured.at(0));
    return response;
  }

  HttpResponse run_file(const HttpRequest& request) const {
    const JobView view = found(request.captured.at(0));
    HttpResponse response;
    response.content_type = "application/x-hdf5";
    // A name of its own: two requests may ask for the same file at once.
    response.file = fmt::format("{}/sending-{}-{}.h5", engine_.options().journal, view.id,
                                next_file_.fetch_add(1, std::memory_order_relaxed));
    try {
      engine_.write_run_file(view.id, response.file);
    } catch (...) {
      std::error_code ignored;
      std::filesystem::remove(response.file, ignored);
      throw;
    }
    response.headers.emplace_back("Content-Disposition",
                                  fmt::format("attachment; filename=\"{}.h5\"", view.id));
    return response;
  }

  HttpResponse end(const HttpRequest& request) const {
    const std::string& id = request.captured.at(0);
    if (request.query_or("forget", "") == "1") {
      if (!engine_.forget(id)) throw_unknown();
      return answer({{"id", id}, {"forgotten", true}});
    }
    if (!engine_.cancel(id)) throw_unknown();
    return answer(job_json(found(id)));
  }

  HttpResponse events(const HttpRequest& request) const {
    return event_stream(engine_, found(request.captured.at(0)).id, run_of(request, "amplitudes"));
  }

  HttpResponse amplitudes(const HttpRequest& request) const {
    const JobView view = found(request.captured.at(0));
    const int run = run_of(request, "run").value_or(0);
    const auto picture = engine_.picture(view.id);
    if (!picture || !picture->begun()) {
      throw HttpError(404, "no_amplitudes",
                      "there are no amplitudes of this job: it has not begun, its device has none, or it ran "
                      "long ago without log_trajectories");
    }
    if (run >= picture->shape().runs) {
      throw HttpError(404, "no_amplitudes",
                      fmt::format("run: {} of the runs are shown, numbered from 0", picture->shape().runs));
    }
    HttpResponse response;
    response.body = amplitudes_json(*picture, run);
    return response;
  }

  HttpResponse list(const HttpRequest&) const {
    if (!engine_.options().list_jobs) {
      throw HttpError(403, "not_listed", "this server lists no jobs: only who knows the id of one sees it");
    }
    Json jobs = Json::array();
    for (const JobView& view : engine_.listed()) jobs.push_back(job_json(view));
    return answer({{"jobs", jobs}});
  }

  HttpResponse queue(const HttpRequest&) const {
    const EngineCounts c = engine_.counts();
    return answer({{"queued", c.queued},
                   {"running", c.running},
                   {"finished", c.kept},
                   {"workers", engine_.options().workers},
                   {"max_queue", engine_.options().max_queue}});
  }

  HttpResponse devices(const HttpRequest&) const {
    Json list = Json::array();
    for (const std::string& uri : engine_.options().devices) {
      list.push_back({{"uri", uri},
                      {"capabilities", capabilities_json(engine_.capabilities(uri))},
                      {"sheet", device_sheet(uri)}});
    }
    return answer(
        {{"default", engine_.options().devices.front()}, {"devices", list}, {"presets", loop_settings()}});
  }

  HttpResponse capabilities(const HttpRequest&) const {
    const JobEngineOptions& o = engine_.options();
    Json formats = Json::array();
    for (const ProblemFormat format : all_problem_formats()) {
      formats.push_back(format_name(format));
    }
    return answer({{"version", kVersion},
                   {"default_device", o.devices.front()},
                   {"problem_formats", formats},
                   {"limits",
                    {{"max_spins", o.limits.max_spins},
                     {"max_runs", o.limits.max_runs},
                     {"max_problem_memory_bytes", o.limits.memory_bytes},
                     {"max_queue", o.max_queue},
                     {"max_finished", o.max_finished},
                     {"max_job_s", o.max_job_s},
                     {"max_log_bytes", o.max_log_bytes}}},
                   {"lists_jobs", o.list_jobs},
                   {"workers", o.workers},
                   {"threads_per_job", o.threads_per_job}});
  }

  HttpResponse health(const HttpRequest&) const {
    const EngineCounts counts = engine_.counts();
    if (!counts.disk_trouble.empty()) {
      return answer({{"status", "disk"}, {"message", counts.disk_trouble}}, 503);
    }
    return answer({{"status", "ok"}});
  }

  HttpResponse metrics(const RequestCounter& counter) const {
    const EngineCounts c = engine_.counts();
    HttpResponse response;
    response.content_type = "text/plain; version=0.0.4";
    const auto metric = [&](const char* name, const char* type, const char* help) {
      response.body += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
    };
    metric("opoloop_jobs_total", "counter", "Jobs since the start by what became of them.");
    const auto jobs = [&](const char* what, std::uint64_t value) {
      response.body += fmt::format("opoloop_jobs_total{{what=\"{}\"}} {}\n", what, value);
    };
    jobs("accepted", c.accepted);
    jobs("refused_queue_full", c.refused_full);
    jobs("done", c.done);
    jobs("failed", c.failed);
    jobs("cancelled", c.cancelled);
    metric("opoloop_jobs", "gauge", "Jobs now by state.");
    response.body += fmt::format(
        "opoloop_jobs{{state=\"queued\"}} {}\nopoloop_jobs{{state=\"running\"}} {}\n", c.queued, c.running);
    response.body += fmt::format("opoloop_jobs{{state=\"finished\"}} {}\n", c.kept);
    metric("opoloop_worker_busy_seconds_total", "counter", "Seconds workers spent on jobs that have ended.");
    response.body += fmt::format("opoloop_worker_busy_seconds_total {}\n", c.busy_s);
    metric("opoloop_disk_trouble", "gauge", "1 while the journal cannot be written.");
    response.body += fmt::format("opoloop_disk_trouble {}\n", c.disk_trouble.empty() ? 0 : 1);
    response.body += counter.metrics();
    return response;
  }

 private:
  [[noreturn]] static void throw_unknown() {
    throw HttpError(404, "no_such_job", "there is no job of this id");
  }

  JobView found(const std::string& id) const {
    const auto view = engine_.find(id);
    if (!view) throw_unknown();
    return *view;
  }

  /// The number of a trajectory in the query; none where it is not there.
  static std::optional<int> run_of(const HttpRequest& request, const char* name) {
    const std::string text = request.query_or(name, "");
    if (!request.query.contains(name)) return std::nullopt;
    int run = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), run);
    if (error != std::errc() || end != text.data() + text.size() || run < 0) {
      throw HttpError(400, "bad_request", fmt::format("{}: must be the number of a run, from 0", name));
    }
    return run;
  }

  JobRequest job_of(const HttpRequest& request) const {
    const JobLimits& limits = engine_.options().limits;
    if (request.content_type == "application/json") return parse_job(request.body, limits);
    if (request.content_type != "multipart/form-data") {
      throw HttpError(415, "content_type",
                      "send application/json, or multipart/form-data with the parts problem and job");
    }
    const HttpPart* problem = nullptr;
    const HttpPart* job = nullptr;
    for (const HttpPart& part : request.parts) {
      const HttpPart*& slot = part.name == "problem" ? problem : job;
      if (part.name != "problem" && part.name != "job") {
        throw InputError("the form has a part that is neither problem nor job");
      }
      if (slot != nullptr) throw InputError("the form has the part " + part.name + " twice");
      slot = &part;
    }
    if (problem == nullptr) throw InputError("the form has no part named problem");
    JobRequest parsed;
    parsed.description = parse_description(job == nullptr ? std::string_view() : job->content, limits);
    parsed.problem =
        parse_problem_bytes(problem->content, problem->file_name, request.query_or("format", ""), limits);
    return parsed;
  }

  JobEngine& engine_;
  mutable ParsingTurns parsing_{4};
  mutable std::atomic<std::uint64_t> next_file_{0};
};

}  // namespace

void RequestCounter::add(const RequestRecord& record) {
  const std::lock_guard lock(mutex_);
  ++by_status_[record.status];
  seconds_ += record.seconds;
}

std::string RequestCounter::metrics() const {
  const std::lock_guard lock(mutex_);
  std::string text =
      "# HELP opoloop_http_requests_total Requests by status.\n# TYPE opoloop_http_requests_total counter\n";
  for (const auto& [status, count] : by_status_) {
    text += fmt::format("opoloop_http_requests_total{{status=\"{}\"}} {}\n", status, count);
  }
  text += "# HELP opoloop_http_request_seconds_total Seconds in handlers.\n";
  text += "# TYPE opoloop_http_request_seconds_total counter\n";
  return text + fmt::format("opoloop_http_request_seconds_total {}\n", seconds_);
}

std::vector<Route> native_routes(JobEngine& engine, const RequestCounter& counter) {
  const auto api = std::make_shared<NativeApi>(engine);
  const auto bound = [&](HttpResponse (NativeApi::*handler)(const HttpRequest&) const) {
    return [api, handler](const HttpRequest& request) { return ((*api).*handler)(request); };
  };
  return {
      {"POST", "/v1/jobs", bound(&NativeApi::submit)},
      {"GET", "/v1/jobs", bound(&NativeApi::list)},
      {"GET", "/v1/jobs/{id}", bound(&NativeApi::job)},
      {"DELETE", "/v1/jobs/{id}", bound(&NativeApi::end)},
      {"GET", "/v1/jobs/{id}/result", bound(&NativeApi::result)},
      {"GET", "/v1/jobs/{id}/result.h5", bound(&NativeApi::run_file)},
      {"GET", "/v1/jobs/{id}/events", bound(&NativeApi::events)},
      {"GET", "/v1/jobs/{id}/amplitudes", bound(&NativeApi::amplitudes)},
      {"GET", "/v1/queue", bound(&NativeApi::queue)},
      {"GET", "/v1/devices", bound(&NativeApi::devices)},
      {"GET", "/v1/capabilities", bound(&NativeApi::capabilities)},
      {"GET", "/v1/openapi.json",
       [](const HttpRequest&) {
         HttpResponse response;
         response.body = native_openapi();
         return response;
       },
       true},
      {"GET", "/metrics", [api, &counter](const HttpRequest&) { return api->metrics(counter); }},
      {"GET", "/healthz", bound(&NativeApi::health), true},
  };
}

}  // namespace opoloop
