#include "driver/server/sapi_api.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/clock.h"
#include "driver/server/parsing_turns.h"
#include "driver/server/sapi_submission.h"

namespace opoloop {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kLongestWait_s = 60;
constexpr double kSubmitWait_s = 2;  ///< of a problem that is sent alone, not in a list
constexpr double kLook_s = 0.05;     ///< between two looks at several problems
constexpr std::size_t kMostProblems = 1000;

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json error_json(int status, const std::string& message) {
  return {{"error_code", status}, {"error_msg", message}};
}

HttpResponse failure(int status, const std::string&, const std::string& message) {
  HttpResponse response;
  response.status = status;
  response.body = text_of(error_json(status, message));
  return response;
}

/// The client asks for a version of the interface and refuses an answer of another.
bool asks_for_version_3(const HttpRequest& request) {
  return request.header("accept").find("version=3") != std::string::npos;
}

HttpResponse answer(const HttpRequest& request, const char* kind, std::string body) {
  HttpResponse response;
  response.content_type = fmt::format("application/vnd.dwave.sapi.{}+json; version={}", kind,
                                      asks_for_version_3(request) ? "3.0.0" : "2.1.0");
  response.body = std::move(body);
  return response;
}

bool ended(JobStatus status) {
  return status != JobStatus::queued && status != JobStatus::running;
}

const char* sapi_status(JobStatus status) {
  switch (status) {
    case JobStatus::queued:
      return "PENDING";
    case JobStatus::running:
      return "IN_PROGRESS";
    case JobStatus::done:
      return "COMPLETED";
    case JobStatus::failed:
      return "FAILED";
    case JobStatus::cancelled:
      return "CANCELLED";
  }
  return "FAILED";
}

/// "2026-01-31T12:00:00.123456Z".
std::string time_text(double unix_s) {
  const double second = std::floor(unix_s);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(static_cast<std::time_t>(second)),
                     static_cast<int>((unix_s - second) * 1e6));
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

Json timing_json(const Result& result) {
  const auto microseconds = [](double s) { return static_cast<std::int64_t>(std::llround(s * 1e6)); };
  const double all_s = result.timing.setup_s + result.timing.wall_s;
  const double runs = std::max<double>(1, static_cast<double>(result.samples.size()));
  return {{"qpu_sampling_time", microseconds(result.timing.wall_s)},
          {"qpu_anneal_time_per_sample",
           microseconds(result.machine_time_s.value_or(result.timing.wall_s / runs))},
          {"qpu_programming_time", microseconds(result.timing.setup_s)},
          {"qpu_access_time", microseconds(all_s)},
          {"total_real_time", microseconds(all_s)}};
}

/// The handlers; one function a route.
class SapiApi {
 public:
  SapiApi(JobEngine& engine, const SapiOptions& options) : engine_(engine) {
    const JobEngineOptions& has = engine.options();
    const std::string& device = has.devices.front();
    const std::int64_t most = engine.capabilities(device).max_spins;
    solver_.qubits = std::min(options.qubits, has.limits.max_spins);
    if (most > 0 && most < solver_.qubits) solver_.qubits = static_cast<std::int32_t>(most);
    solver_.max_reads = std::min(solver_.max_reads, has.limits.max_runs);
    solver_.description =
        fmt::format("opoloop serve: a simulation of a coherent Ising machine ({}), not an annealer", device);
  }

  HttpResponse solvers(const HttpRequest& request) const {
    return answer(request, "solver-definition-list", fmt::format("[{}]\n", definition(request)));
  }

  HttpResponse solver(const HttpRequest& request) const {
    if (request.captured.at(0) != solver_.name) throw HttpError(404, "no_such_solver", "no such solver");
    return answer(request, "solver-definition", definition(request) + "\n");
  }

  /// A list of problems is answered at once, each with its state or what is wrong with it; a problem alone
  /// after a moment, with its answer if it has one by then.
  HttpResponse submit(const HttpRequest& request) const {
    if (!request.content_type.empty() && request.content_type != "application/json") {
      throw HttpError(415, "content_type", "send application/json");
    }
    JobRequest alone;
    {
      // Not while it waits for the answer: others want to be parsed meanwhile.
      const ParsingTurns::Turn turn = parsing_.take();
      const Json json = parse_sapi_json(request.body, engine_.options().limits.memory_bytes);
      if (json.is_array()) return answer(request, "problems", text_of(submitted_list(request, json)));
      alone = parse_sapi_problem(json, solver_);
    }
    const std::string id = engine_.submit(alone, "").id;
    const auto view = engine_.wait(id, kSubmitWait_s);
    return answer(request, "problems", text_of(problem_json(request, id, view, true)));
  }

  HttpResponse statuses(const HttpRequest& request) const {
    const std::vector<std::string> ids = split(request.query_or("id", ""));
    if (ids.empty()) throw InputError("id: missing; this server lists no problems, it only answers by id");
    if (ids.size() > kMostProblems) throw InputError(fmt::format("id: more than {}", kMostProblems));
    wait(request, ids);
    Json list = Json::array();
    for (const std::string& id : ids) list.push_back(problem_json(request, id, engine_.find(id), false));
    return answer(request, "problems", text_of(list));
  }

  HttpResponse problem(const HttpRequest& request) const {
    const std::string& id = request.captured.at(0);
    found(id);
    wait(request, {id});
    return answer(request, "problem", text_of(problem_json(request, id, engine_.find(id), true)));
  }

  HttpResponse problem_answer(const HttpRequest& request) const {
    const JobView view = found(request.captured.at(0));
    if (view.status != JobStatus::done) {
      throw HttpError(409, "no_answer", fmt::format("the problem is {}", sapi_status(view.status)));
    }
    return answer(request, "problem-answer", text_of({{"answer", answer_json(view)}}));
  }

  HttpResponse problem_messages(const HttpRequest& request) const {
    found(request.captured.at(0));
    return answer(request, "problem-message", "[]\n");
  }

  HttpResponse cancel(const HttpRequest& request) const {
    const Json json = cancelled(request, request.captured.at(0));
    if (json.contains("error_code")) {
      throw HttpError(json.at("error_code").get<int>(), "not_cancelled", json.at("error_msg"));
    }
    return answer(request, "problem", text_of(json));
  }

  HttpResponse cancel_list(const HttpRequest& request) const {
    const Json ids = parse_sapi_json(request.body, engine_.options().limits.memory_bytes);
    if (!ids.is_array() || ids.size() > kMostProblems) {
      throw InputError(fmt::format("the body must be a list of at most {} ids", kMostProblems));
    }
    Json list = Json::array();
    for (const Json& id : ids) {
      if (!id.is_string()) throw InputError("an id must be a text");
      list.push_back(cancelled(request, id));
    }
    return answer(request, "problems", text_of(list));
  }

 private:
  std::string definition(const HttpRequest& request) const {
    const EngineCounts counts = engine_.counts();
    const double load = static_cast<double>(counts.queued + counts.running) / engine_.options().workers;
    return sapi_solver_text(solver_, asks_for_version_3(request), load, request.query_or("filter", ""));
  }

  /// A job of this interface.
  std::optional<JobView> ours(const std::string& id) const {
    SapiNote note;
    auto view = engine_.find(id);
    return view && read_sapi_note(view->note, note) ? view : std::nullopt;
  }

  JobView found(const std::string& id) const {
    const auto view = ours(id);
    if (!view) throw HttpError(404, "no_such_problem", "there is no problem of this id");
    return *view;
  }

  Json submitted(const HttpRequest& request, const Json& problem) const {
    try {
      const std::string id = engine_.submit(parse_sapi_problem(problem, solver_), "").id;
      return problem_json(request, id, engine_.find(id), false);
    } catch (const QueueFull& full) {
      return error_json(429, full.what());
    } catch (const Stopping& stopping) {
      return error_json(503, stopping.what());
    } catch (const InputError& wrong) {
      return error_json(400, wrong.what());
    } catch (const Error& refused) {
      return error_json(503, refused.what());
    }
  }

  Json submitted_list(const HttpRequest& request, const Json& problems) const {
    if (problems.size() > kMostProblems) {
      throw InputError(fmt::format("more than {} problems at once", kMostProblems));
    }
    Json list = Json::array();
    for (const Json& problem : problems) list.push_back(submitted(request, problem));
    return list;
  }

  Json cancelled(const HttpRequest& request, const std::string& id) const {
    const auto view = ours(id);
    if (!view) return error_json(404, "there is no problem of this id");
    if (ended(view->status))
      return error_json(409, fmt::format("the problem is {}", sapi_status(view->status)));
    engine_.cancel(id);
    return problem_json(request, id, engine_.wait(id, kSubmitWait_s), false);
  }

  /// Until one of the problems has ended, as long as the query's `timeout` says.
  void wait(const HttpRequest& request, const std::vector<std::string>& ids) const {
    const std::string text = request.query_or("timeout", "0");
    double timeout_s = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), timeout_s);
    if (error != std::errc() || end != text.data() + text.size() || !(timeout_s >= 0)) {
      throw InputError("timeout: must be a number of seconds from 0");
    }
    const auto until = Clock::now() + clock_duration(std::min(timeout_s, kLongestWait_s));
    while (Clock::now() < until && !engine_.stopped() && request.connected()) {
      for (const std::string& id : ids) {
        const auto view = engine_.find(id);
        if (!view || ended(view->status)) return;
      }
      const double left_s = std::chrono::duration<double>(until - Clock::now()).count();
      engine_.wait(ids.front(), std::clamp(left_s, 0.0, ids.size() == 1 ? 0.5 : kLook_s));
    }
  }

  Json answer_json(const JobView& view) const {
    SapiNote note;
    read_sapi_note(view.note, note);
    const Result result = parse_result(engine_.result(view.id));
    const QpAnswer encoded = encode_qp(result, note.active, note.histogram, note.max_answers);
    Json json = {{"format", "qp"},
                 {"active_variables", encoded.active_variables},
                 {"energies", encoded.energies},
                 {"num_occurrences", encoded.num_occurrences},
                 {"solutions", encoded.solutions},
                 // More qubits may have been on offer when the problem came.
                 {"num_variables", std::max(solver_.qubits, note.active.back() + 1)},
                 {"timing", timing_json(result)}};
    // The client adds it to the energies, which are without.
    if (note.offset != 0) json["offset"] = note.offset;
    return json;
  }

  Json problem_json(const HttpRequest& request, const std::string& id, const std::optional<JobView>& view,
                    bool with_answer) const {
    SapiNote note;
    if (!view || !read_sapi_note(view->note, note)) {
      Json json = error_json(404, "there is no problem of this id");
      json["id"] = id;
      return json;
    }
    Json json = {{"id", view->id},
                 {"type", note.binary ? "qubo" : "ising"},
                 {"solver", note.solver},
                 {"label", view->label.empty() ? Json(nullptr) : Json(view->label)},
                 {"status", sapi_status(view->status)},
                 {"submitted_on", time_text(view->created_unix_s)}};
    if (asks_for_version_3(request)) {
      json["solver"] = {{"name", note.solver},
                        {"version", {{"graph_id", fmt::format("clique-{}", solver_.qubits)}}}};
    }
    if (ended(view->status)) json["solved_on"] = time_text(view->ended_unix_s);
    if (view->status == JobStatus::failed) json["error_message"] = view->error;
    if (with_answer && view->status == JobStatus::done) json["answer"] = answer_json(*view);
    return json;
  }

  JobEngine& engine_;
  SapiSolver solver_;
  mutable ParsingTurns parsing_{4};
};

}  // namespace

std::vector<Route> sapi_routes(JobEngine& engine, const SapiOptions& options) {
  const auto api = std::make_shared<const SapiApi>(engine, options);
  using Handler = HttpResponse (SapiApi::*)(const HttpRequest&) const;
  std::vector<Route> routes;
  for (const std::string prefix : {"", "/sapi", "/sapi/v2"}) {
    const auto add = [&](const char* method, const std::string& path, Handler handler) {
      // The client writes some paths with a last slash and some without, and not the same ones in all
      // versions.
      for (const char* end : {"", "/"}) {
        Route route;
        route.method = method;
        route.path = prefix + path + end;
        route.handle = [api, handler](const HttpRequest& request) { return ((*api).*handler)(request); };
        route.token_header = "x-auth-token";
        route.error_shape = failure;
        routes.push_back(std::move(route));
      }
    };
    add("GET", "/solvers/remote", &SapiApi::solvers);
    add("GET", "/solvers/remote/{name}", &SapiApi::solver);
    add("POST", "/problems", &SapiApi::submit);
    add("GET", "/problems", &SapiApi::statuses);
    add("DELETE", "/problems", &SapiApi::cancel_list);
    add("GET", "/problems/{id}", &SapiApi::problem);
    add("DELETE", "/problems/{id}", &SapiApi::cancel);
    add("GET", "/problems/{id}/answer", &SapiApi::problem_answer);
    add("GET", "/problems/{id}/messages", &SapiApi::problem_messages);
  }
  return routes;
}

}  // namespace opoloop
