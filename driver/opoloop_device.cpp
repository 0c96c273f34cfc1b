#include "driver/opoloop_device.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/error.h"
#include "core/interrupt.h"
#include "driver/credentials.h"
#include "driver/run_file.h"
#include "driver/server/job_json.h"
#include "hamiltonian/problem_file.h"

namespace opoloop {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr int kDefaultPort = 8700;
/// How long a server may be away (restarting) before a request is given up.
constexpr double kPatience_s = 30;
/// A server that was never there is not waited for as long: the address is probably wrong.
constexpr double kFirstPatience_s = 2;

std::string random_key() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw Error("the system gives no random numbers");
  }
  std::string key;
  for (const unsigned char byte : bytes) key += fmt::format("{:02x}", byte);
  return key;
}

/// "//host:port/device" → host, port, device.
struct Address {
  std::string host;
  int port = kDefaultPort;
  std::string device;
};

Address address_of(const DeviceUri& uri) {
  const auto refuse = [&](const std::string& why) {
    throw InputError(fmt::format(
        "device '{}': {}; expected opoloop://HOST:PORT or opoloop://HOST:PORT/DEVICE", uri.text, why));
  };
  if (!uri.rest.starts_with("//")) refuse("no //HOST after the scheme");
  const std::string all = uri.rest.substr(2);
  const std::size_t slash = std::min(all.find('/'), all.size());
  std::string authority = all.substr(0, slash);
  Address address;
  address.device = slash < all.size() ? all.substr(slash + 1) : "";
  std::size_t colon = authority.rfind(':');
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string::npos) refuse("'[' without ']'");
    address.host = authority.substr(1, close - 1);
    colon = authority.find(':', close);
  } else {
    address.host = authority.substr(0, std::min(colon, authority.size()));
  }
  if (address.host.empty()) refuse("no host");
  if (address.host.find('@') != std::string::npos) refuse("a token does not belong into an address");
  if (colon != std::string::npos) {
    const char* const end = authority.data() + authority.size();
    const auto [stop, error] = std::from_chars(authority.data() + colon + 1, end, address.port);
    if (error != std::errc() || stop != end || address.port < 1 || address.port > 65535) {
      refuse("the port is not a number from 1 to 65535");
    }
  }
  // A bare name is the scheme of a device.
  if (!address.device.empty() && address.device.find(':') == std::string::npos) address.device += ':';
  return address;
}

Json parsed(const HttpReply& reply) {
  try {
    return Json::parse(reply.body);
  } catch (const Json::exception&) {
    throw Error(fmt::format("the server answered {} and no JSON: is it opoloop serve?", reply.status));
  }
}

/// What the server says is wrong, as this program's own error.
[[noreturn]] void throw_refused(const HttpReply& reply) {
  std::string message = fmt::format("the server answered {}", reply.status);
  try {
    message = parsed(reply).at("error").at("message").get<std::string>();
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the status has to do
  }
  std::replace_if(message.begin(), message.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  const bool ours = reply.status >= 400 && reply.status < 500 && reply.status != 408 && reply.status != 429;
  if (reply.status == 401) message += " (OPOLOOP_TOKEN, or OPOLOOP_TOKEN_FILE)";
  if (ours) throw InputError(message);
  throw Error(message);
}

JobStatus status_of(const HttpReply& reply, Progress* progress) {
  const Json job = parsed(reply);
  try {
    if (progress != nullptr) {
      const Json& p = job.at("progress");
      progress->fraction = p.at("fraction");
      progress->rate_per_s = p.at("rate_per_s");
      progress->best_energy.reset();
      if (!p.at("best_energy").is_null()) progress->best_energy = p.at("best_energy").get<double>();
    }
    return parse_status(job.at("state"));
  } catch (const Json::exception& error) {
    throw Error(fmt::format("the server described a job that this version does not read: {}", error.what()));
  }
}

}  // namespace

OpoloopDevice::OpoloopDevice(DeviceUri uri) : uri_(std::move(uri)) {
  const Address address = address_of(uri_);
  device_ = address.device;
  std::map<std::string, std::string> headers;
  const std::string token = secret_from_environment("OPOLOOP_TOKEN");
  if (!token.empty()) headers["Authorization"] = "Bearer " + token;
  client_ = std::make_unique<HttpClient>(address.host, address.port, std::move(headers));
}

OpoloopDevice::~OpoloopDevice() = default;

HttpReply OpoloopDevice::request(const std::string& method, const std::string& path,
                                 const std::vector<HttpContent>& content,
                                 const std::map<std::string, std::string>& headers, double timeout_s) const {
  using Seconds = std::chrono::duration<double>;
  double patience_s = kPatience_s;
  {
    const std::lock_guard lock(mutex_);
    if (!capabilities_ && path == "/v1/devices") patience_s = kFirstPatience_s;
  }
  const auto end = Clock::now() + Seconds(patience_s);
  Seconds pause{0.05};
  for (;;) {
    try {
      HttpReply reply = client_->send(method, path, content, headers, timeout_s);
      // What says of itself that it will pass: a full queue, a server that stops or has no room.
      if (reply.status != 429 && reply.status != 503 && reply.status != 502) return reply;
      if (Clock::now() + pause > end || interrupted()) return reply;
      double asked = 0;
      const std::string after = reply.header("retry-after");
      std::from_chars(after.data(), after.data() + after.size(), asked);
      // A full queue moves as fast as its jobs: the server's second is the longest wait, not the first.
      pause = std::min(pause, Seconds(std::clamp(asked, 0.05, 5.0)));
    } catch (const ConnectionError&) {
      if (Clock::now() + pause > end || interrupted()) throw;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, Seconds(2));
  }
}

Capabilities OpoloopDevice::capabilities() const {
  {
    const std::lock_guard lock(mutex_);
    if (capabilities_) return *capabilities_;
  }
  const HttpReply reply = request("GET", "/v1/devices");
  if (reply.status != 200) throw_refused(reply);
  const Json list = parsed(reply);
  try {
    const std::string wanted = device_.empty() ? list.at("default").get<std::string>() : device_;
    std::string known;
    for (const Json& device : list.at("devices")) {
      const auto name = device.at("uri").get<std::string>();
      known += (known.empty() ? "" : " ") + name;
      if (name != wanted) continue;
      const Json& c = device.at("capabilities");
      Capabilities found;
      found.max_spins = c.at("max_spins");
      if (!c.at("coupling_bits").is_null()) found.coupling_bits = c.at("coupling_bits").get<int>();
      found.linear_term = c.at("linear_term");
      found.trajectories = c.at("trajectories");
      found.exact = c.at("exact");
      found.structured_couplings = c.at("structured_couplings");
      found.resumable = true;
      const std::lock_guard lock(mutex_);
      capabilities_ = found;
      return found;
    }
    throw InputError(
        fmt::format("device '{}': the server offers no '{}'; it has {}", uri_.text, wanted, known));
  } catch (const Json::exception& error) {
    throw Error(fmt::format("the server's list of devices is not one: {}", error.what()));
  }
}

std::vector<HttpContent> OpoloopDevice::form(const Job& job) const {
  if (!job.problem) throw InputError("a job without a problem");
  JobDescription description;
  description.device = device_;
  description.settings = job.settings;
  description.settings.parameters.insert(uri_.query.begin(), uri_.query.end());
  // npz keeps every bit of J, h and offset.
  return {{"problem", "problem.npz", "application/octet-stream",
           problem_to_bytes(*job.problem, ProblemFormat::npz)},
          {"job", "", "application/json", description_json(description)}};
}

void OpoloopDevice::check(const Job& job) const {
  const HttpReply reply = request("POST", "/v1/jobs?check=1", form(job));
  if (reply.status != 200) throw_refused(reply);
}

std::string OpoloopDevice::submit(const Job& job) {
  const HttpReply reply = request("POST", "/v1/jobs", form(job), {{"Idempotency-Key", random_key()}});
  if (reply.status != 202 && reply.status != 200) throw_refused(reply);
  const Json answer = parsed(reply);
  if (!answer.contains("id") || !answer["id"].is_string())
    throw Error("the server took the job without an id");
  std::string id = answer["id"];
  const std::lock_guard lock(mutex_);
  if (job.recorder != nullptr && job.settings.log_trajectories > 0) recorders_[id] = job.recorder;
  return id;
}

JobStatus OpoloopDevice::poll(const std::string& id, Progress* progress) {
  return wait(id, 0, progress);
}

JobStatus OpoloopDevice::wait(const std::string& id, double timeout_s, Progress* progress) {
  constexpr double kAtOnce_s = 20;
  const double wait_s = std::clamp(timeout_s, 0.0, kAtOnce_s);
  const HttpReply reply = request("GET", fmt::format("/v1/jobs/{}?wait={}", id, wait_s), {}, {}, wait_s + 30);
  if (reply.status != 200) throw_refused(reply);
  return status_of(reply, progress);
}

Result OpoloopDevice::result(const std::string& id) {
  constexpr double kLong_s = 20;
  JobStatus status = wait(id, kLong_s);
  while (status == JobStatus::queued || status == JobStatus::running) status = wait(id, kLong_s);
  const auto start = Clock::now();
  const HttpReply reply = request("GET", "/v1/jobs/" + id + "/result");
  // A job that failed: its reason, which is no fault of this request.
  if (reply.status == 409) throw Error(parsed(reply).at("error").value("message", "the job failed"));
  if (reply.status != 200) throw_refused(reply);
  Result result = parse_result(reply.body);
  result.device_uri = uri_.text;
  RunRecorder* recorder = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto found = recorders_.find(id);
    if (found != recorders_.end()) recorder = found->second;
    recorders_.erase(id);
  }
  if (recorder != nullptr && !result.samples.empty()) fetch_trajectories(id, *recorder);
  result.timing.network_s = std::chrono::duration<double>(Clock::now() - start).count();
  return result;
}

void OpoloopDevice::fetch_trajectories(const std::string& id, RunRecorder& recorder) const {
  const HttpReply reply = request("GET", "/v1/jobs/" + id + "/result.h5", {}, {}, 600);
  if (reply.status != 200) throw_refused(reply);
  std::string path = (std::filesystem::temp_directory_path() / "opoloop-fetched-XXXXXX").string();
  const int fd = ::mkstemp(path.data());
  if (fd < 0) throw Error("no temporary file for the amplitudes");
  ::close(fd);
  try {
    std::ofstream file(path, std::ios::binary);
    file.write(reply.body.data(), static_cast<std::streamsize>(reply.body.size()));
    file.close();
    if (!file) throw Error(path + ": cannot be written");
    replay_trajectories(path, recorder);
  } catch (...) {
    std::filesystem::remove(path);
    throw;
  }
  std::filesystem::remove(path);
}

void OpoloopDevice::cancel(const std::string& id) {
  const HttpReply reply = request("DELETE", "/v1/jobs/" + id);
  if (reply.status != 200) throw_refused(reply);
}

void OpoloopDevice::attach(const std::string& id, const Job& job) {
  const bool plain = !id.empty() && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (!plain) throw InputError("'" + id + "' is not the id of a job");
  const HttpReply reply = request("GET", "/v1/jobs/" + id);
  if (reply.status == 404) throw InputError(fmt::format("device '{}' has no job {}", uri_.text, id));
  if (reply.status != 200) throw_refused(reply);
  // The server says whether this problem and these settings are what it was given.
  const HttpReply same = request("POST", "/v1/jobs?check=1", form(job));
  if (same.status != 200) throw_refused(same);
  if (parsed(same).value("fingerprint", "") != parsed(reply).value("fingerprint", "")) {
    throw InputError(fmt::format("job {} is another one: its problem, device or settings differ", id));
  }
  const std::lock_guard lock(mutex_);
  if (job.recorder != nullptr && job.settings.log_trajectories > 0) recorders_[id] = job.recorder;
}

}  // namespace opoloop
