#include "driver/opoloop_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/clock.h"
#include "core/error.h"
#include "driver/credentials.h"
#include "driver/host_address.h"
#include "driver/run_file.h"
#include "driver/server/job_json.h"
#include "driver/server/random_id.h"
#include "hamiltonian/problem_file.h"

namespace opoloop {
namespace {

using Json = nlohmann::json;

constexpr int kDefaultPort = 8700;
/// How long a server may be away (restarting) before a request is given up.
constexpr double kPatience_s = 30;
/// A server that was never there is not waited for as long: the address is probably wrong.
constexpr double kFirstPatience_s = 2;

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
  const HostAddress address =
      parse_host_address(uri_, kDefaultPort, "opoloop://HOST:PORT or opoloop://HOST:PORT/DEVICE");
  device_ = address.path;
  // A bare name is the scheme of a device.
  if (!device_.empty() && device_.find(':') == std::string::npos) device_ += ':';
  std::map<std::string, std::string> headers;
  const std::string token = secret_from_environment("OPOLOOP_TOKEN");
  if (!token.empty()) headers["Authorization"] = "Bearer " + token;
  client_ = std::make_unique<HttpClient>(address.host, address.port, std::move(headers),
                                         uri_.scheme == "opoloop+https");
}

OpoloopDevice::~OpoloopDevice() = default;

HttpReply OpoloopDevice::request(const std::string& method, const std::string& path,
                                 const std::vector<HttpContent>& content,
                                 const std::map<std::string, std::string>& headers, double timeout_s) const {
  double patience_s = kPatience_s;
  {
    const std::lock_guard lock(mutex_);
    if (!capabilities_ && path == "/v1/devices") patience_s = kFirstPatience_s;
  }
  return send_patiently(*client_, {method, path, content, headers, timeout_s}, patience_s);
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
  const HttpReply reply = request("POST", "/v1/jobs", form(job), {{"Idempotency-Key", random_id()}});
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
  result.timing.network_s = seconds_since(start);
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
