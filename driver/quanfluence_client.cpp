#include "driver/quanfluence_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "driver/credentials.h"

namespace opoloop {
namespace {

using Json = nlohmann::json;

constexpr double kPatience_s = 30;
/// An address at which nobody ever answered is probably wrong.
constexpr double kFirstPatience_s = 2;
constexpr const char* kUser = "QUANFLUENCE_USERNAME";
constexpr const char* kPassword = "QUANFLUENCE_PASSWORD";

std::string one_line(std::string text) {
  std::replace_if(text.begin(), text.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  return text;
}

Json parsed(const HttpReply& reply) {
  Json json = Json::parse(reply.body, nullptr, false);
  if (!json.is_object()) {
    throw Error(fmt::format("quanfluence: the service answered {} and no JSON object", reply.status));
  }
  return json;
}

[[noreturn]] void throw_refused(const HttpReply& reply, const std::string& path) {
  std::string message = fmt::format("answered {}", reply.status);
  const Json json = Json::parse(reply.body, nullptr, false);
  if (json.is_object() && json.contains("message") && json["message"].is_string()) {
    message += ": " + one_line(json["message"].get<std::string>());
  }
  message = fmt::format("quanfluence: {} {}", path, message);
  const bool ours = reply.status >= 400 && reply.status < 500 && reply.status != 408 && reply.status != 429;
  if (ours) throw InputError(message);
  throw Error(message);
}

/// A text or an integer, which services write either way.
std::string word_of(const Json& json, const char* key) {
  if (!json.is_object() || !json.contains(key)) return {};
  const Json& value = json[key];
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_integer() ? value.dump() : std::string();
}

HttpContent json_body(const Json& json) {
  return {"", "", "application/json", json.dump(-1, ' ', true, Json::error_handler_t::replace)};
}

}  // namespace

bool is_quanfluence_id(std::string_view text) {
  return !text.empty() && text.size() <= 128 && text.find_first_not_of('.') != std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                  c == '_' || c == '.';
         });
}

QuanfluenceClient::QuanfluenceClient(const HostAddress& address, bool tls, std::string device)
    : device_(std::move(device)),
      client_(std::make_unique<HttpClient>(address.host, address.port, std::map<std::string, std::string>{},
                                           tls)) {}

void QuanfluenceClient::sign_in() {
  const std::string user = secret_from_environment(kUser);
  const std::string password = secret_from_environment(kPassword);
  if (user.empty() || password.empty()) {
    throw InputError(fmt::format("quanfluence: set {} and {} (or {}_FILE, a file of mode 0600)", kUser,
                                 kPassword, kPassword));
  }
  const HttpReply reply = send_patiently(*client_,
                                         {"POST",
                                          "/api/clients/signin",
                                          {json_body({{"username", user}, {"password", password}})},
                                          {},
                                          30,
                                          true},
                                         kFirstPatience_s);
  if (reply.status != 200) throw_refused(reply, "/api/clients/signin");
  const Json json = parsed(reply);
  std::string token = json.contains("data") ? word_of(json["data"], "token") : std::string();
  const bool plain = !token.empty() && std::none_of(token.begin(), token.end(),
                                                    [](unsigned char c) { return c <= 0x20 || c == 0x7f; });
  if (!plain) throw Error("quanfluence: the sign-in gave no token");
  token_ = std::move(token);
}

std::string QuanfluenceClient::ask(OutgoingRequest request) {
  for (int attempt = 0;; ++attempt) {
    {
      const std::lock_guard lock(mutex_);
      if (token_.empty()) sign_in();
      request.headers["Authorization"] = "Bearer " + token_;
    }
    const HttpReply reply = send_patiently(*client_, request, kPatience_s);
    if (reply.status == 401 && attempt == 0) {
      // The token has run out: a refused request did nothing, so it may be sent again.
      const std::lock_guard lock(mutex_);
      token_.clear();
      continue;
    }
    const bool created = reply.status == 201 && request.method != "GET";
    if (reply.status != 200 && !created) throw_refused(reply, request.path);
    const Json json = parsed(reply);
    if (json.contains("status") && json["status"] != "success") throw_refused(reply, request.path);
    if (!json.contains("data"))
      throw Error(fmt::format("quanfluence: {} answered without data", request.path));
    return json["data"].dump(-1, ' ', true, Json::error_handler_t::replace);
  }
}

std::map<std::string, std::string> QuanfluenceClient::device() {
  const Json data = Json::parse(ask({"GET", "/api/devices/" + device_, {}, {}, 30, true}));
  std::map<std::string, std::string> known;
  for (const char* name :
       {"iters", "runs", "alpha", "beta", "beta_decay", "noise_stdev", "trials", "title", "type"}) {
    if (!data.is_object() || !data.contains(name) || data[name].is_null()) continue;
    known[name] = data[name].is_string() ? one_line(data[name].get<std::string>()) : data[name].dump();
  }
  return known;
}

void QuanfluenceClient::update_device(const std::map<std::string, std::string>& numbers) {
  Json body = Json::object();
  for (const auto& [name, value] : numbers) body[name] = Json::parse(value);
  ask({"PUT", "/api/devices/" + device_, {json_body(body)}, {}, 30, true});
}

std::string QuanfluenceClient::upload(const std::string& qubo_text) {
  // Twice the same file runs nothing twice: safe to repeat.
  const Json data = Json::parse(ask({"POST",
                                     "/api/devices/" + device_ + "/qubo/upload",
                                     {{"file", "problem.qubo", "application/octet-stream", qubo_text}},
                                     {},
                                     120,
                                     true}));
  std::string name = word_of(data, "result");
  if (name.empty()) throw Error("quanfluence: the upload gave no file name");
  return name;
}

std::string QuanfluenceClient::create_job(const std::string& file_name) {
  const Json device =
      std::all_of(device_.begin(), device_.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
              device_.size() < 18
          ? Json(std::stoll(device_))
          : Json(device_);
  const Json data = Json::parse(ask(
      {"POST", "/api/jobs", {json_body({{"device_id", device}, {"filename", file_name}})}, {}, 60, false}));
  std::string id = word_of(data, "id");
  if (!is_quanfluence_id(id)) throw Error("quanfluence: the service took the job without a usable id");
  return id;
}

QuanfluenceClient::JobState QuanfluenceClient::job(const std::string& id) {
  std::string text = ask({"GET", "/api/jobs/" + id, {}, {}, 60, true});
  const Json data = Json::parse(text);
  std::string message = one_line(word_of(data, "message"));
  return {word_of(data, "status"), std::move(text), std::move(message)};
}

std::string QuanfluenceClient::execute(const std::string& zip, double timeout_s) {
  return ask({"POST",
              "/api/execute/device/" + device_,
              {{"file", "data.zip", "application/zip", zip}},
              {},
              timeout_s,
              false});
}

}  // namespace opoloop
