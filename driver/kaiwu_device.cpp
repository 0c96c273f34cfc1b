#include "driver/kaiwu_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "driver/child_process.h"
#include "driver/credentials.h"
#include "driver/sampled_job.h"
#include "driver/server/random_id.h"
#include "driver/stop_clock.h"
#include "hamiltonian/formats/file_bytes.h"

namespace opoloop {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

/// The vendor documents signed 8-bit integers for all its machines.
constexpr int kBits = 8;
constexpr std::size_t kLongestAnswer = std::size_t{1} << 30;
constexpr std::uint64_t kJobFileBytes = std::uint64_t{1} << 20;
/// The bridge looks at a request to end between two questions to the machine.
constexpr double kStopPatience_s = 1;

/// A variable of the environment; empty where it is not set.
std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value != nullptr ? value : "";
}

/// Where jobs are remembered: OPOLOOP_KAIWU_FOLDER, or the place of a user's state.
std::string jobs_folder() {
  std::string folder = variable("OPOLOOP_KAIWU_FOLDER");
  if (!folder.empty()) return folder;
  folder = variable("XDG_STATE_HOME");
  if (folder.empty()) {
    folder = variable("HOME");
    if (folder.empty()) throw InputError("kaiwu: set OPOLOOP_KAIWU_FOLDER, a folder to remember jobs in");
    folder += "/.local/state";
  }
  return folder + "/opoloop/kaiwu";
}

/// The script: where the variable says, beside an installed program, or in the sources this was built from.
std::string bridge_script() {
  const std::string named = variable("OPOLOOP_KAIWU_BRIDGE");
  std::vector<std::string> places;
  if (!named.empty()) {
    places = {named};
  } else {
    std::error_code ignored;
    const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
    if (!program.empty()) places.push_back(program.parent_path() / "../share/opoloop/kaiwu_bridge.py");
    places.emplace_back(OPOLOOP_KAIWU_BRIDGE_SOURCE);
  }
  for (const std::string& place : places) {
    if (fs::is_regular_file(place)) return place;
  }
  throw InputError(
      fmt::format("kaiwu: no script at {}: OPOLOOP_KAIWU_BRIDGE names kaiwu_bridge.py", places.back()));
}

std::string python_program() {
  const std::string named = variable("OPOLOOP_PYTHON");
  std::string found = find_program(named.empty() ? "python3" : named);
  if (found.empty()) {
    throw InputError(
        fmt::format("kaiwu: needs Python with the Kaiwu SDK, and there is no {}; OPOLOOP_PYTHON names one",
                    named.empty() ? "python3 in PATH" : named));
  }
  return found;
}

/// "CPQC-550" has 550 spins; 0 where the name does not say.
std::int64_t spins_of_name(const std::string& machine) {
  const std::size_t dash = machine.rfind('-');
  if (dash == std::string::npos) return 0;
  std::int64_t spins = 0;
  const char* const end = machine.data() + machine.size();
  const auto [stop, error] = std::from_chars(machine.data() + dash + 1, end, spins);
  return error == std::errc() && stop == end && spins > 0 ? spins : 0;
}

/// What the bridge says went wrong, as this program's own error: what the user can mend is bad input.
[[noreturn]] void throw_vendor_error(const KaiwuAnswer& answer, const std::string& id) {
  const std::string& kind = answer.error_kind;
  const auto input = [&](const std::string& what) {
    throw InputError("kaiwu: " + what + ": " + answer.error);
  };
  if (kind == "missing-sdk") input("OPOLOOP_PYTHON must name a Python with the SDK");
  if (kind == "licence") input("the licence was refused (KAIWU_USER_ID and KAIWU_SDK_CODE)");
  if (kind == "task-name") input("the task's name was refused (task_name)");
  if (kind == "precision") input("the matrix was refused for its precision");
  if (kind == "size") input("the matrix was refused for its size");
  const std::string what = kind == "quota"     ? "the quota is used up"
                           : kind == "network" ? "the vendor's cloud was not reached"
                                               : "the SDK failed";
  throw Error(fmt::format("kaiwu: {} (job {}; --resume-job finds it): {}", what, id, answer.error));
}

std::string last_line_of(const std::string& path) {
  try {
    std::string text = read_file_bytes(path, kJobFileBytes);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text.substr(text.rfind('\n') + 1);
  } catch (const InputError&) {
    return {};
  }
}

}  // namespace

struct KaiwuDevice::Choices {
  std::int64_t spins = 0;
  double poll_s = 5;
};

std::span<const ParameterHelp> KaiwuDevice::parameters() {
  static const std::vector<ParameterHelp> all = {
      {"spins", "", "from the machine's name", "of the machine, an ancilla included; 0 = any number"},
      {"poll", "s", "5", "between two questions whether the machine is done"},
      {"task_name", "", "opoloop-ID", "of the task on the vendor's platform; the vendor limits its length"},
      {"task_mode", "", "the SDK's", "what the SDK of your version calls it: quota, sample, OPTIMIZATION, …"},
      {"project_no", "", "none", "the vendor's number of the project that pays"},
  };
  return all;
}

KaiwuDevice::KaiwuDevice(DeviceUri uri) : LocalDevice(std::move(uri)), machine_(parsed_uri().rest) {
  const bool plain = !machine_.empty() && std::all_of(machine_.begin(), machine_.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7f && c != '/' && c != '"';
  });
  if (!plain) {
    throw InputError(
        fmt::format("device '{}': expected the name of a machine, such as kaiwu:CPQC-550", this->uri()));
  }
}

KaiwuDevice::Choices KaiwuDevice::choices(const JobSettings& settings) const {
  const ParameterReader read("kaiwu", settings.parameters, parameters());
  Choices c;
  c.spins = read.integer("spins", spins_of_name(machine_), 0, 1'000'000);
  c.poll_s = read.number("poll", c.poll_s, 0, 3600, true);
  return c;
}

Capabilities KaiwuDevice::capabilities() const {
  Capabilities can;
  can.max_spins = choices(merged(JobSettings{})).spins;
  can.coupling_bits = kBits;
  can.linear_term = false;
  can.resumable = true;
  return can;
}

AdaptedProblem KaiwuDevice::prepare(const Job& job) const {
  Capabilities can;
  can.max_spins = choices(job.settings).spins;
  can.coupling_bits = kBits;
  can.linear_term = false;
  AdaptedProblem adapted = adapt(job.problem, can);
  note_dense(adapted, adapted.problem->ising);
  return adapted;
}

std::string KaiwuDevice::fingerprint(const Job& job) const {
  std::string how = fmt::format("kaiwu machine={} runs={}", machine_, job.settings.runs.value_or(0));
  for (const char* name : {"task_name", "task_mode", "project_no"}) {
    const auto found = job.settings.parameters.find(name);
    if (found != job.settings.parameters.end()) how += fmt::format(" {}={}", name, found->second);
  }
  return sampled_job_fingerprint(*job.problem, how);
}

void KaiwuDevice::validate(const Job& job) const {
  prepare(job);
  python_program();
  bridge_script();
}

std::string KaiwuDevice::hand_over(const Job& job) {
  std::string id = random_id();
  const fs::path folder = fs::path(jobs_folder()) / id;
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) throw InputError(fmt::format("kaiwu: {}: {}", folder.string(), failure.message()));
  // The SDK's own files lie there too, and nobody knows what it writes into them.
  fs::permissions(folder, fs::perms::owner_all, failure);
  const Json record = {{"schema", "opoloop-kaiwu"},
                       {"schema_version", 1},
                       {"machine", machine_},
                       {"problem", job.problem->name},
                       {"fingerprint", fingerprint(job)}};
  write_file_bytes(folder / "job.json", record.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  return id;
}

void KaiwuDevice::attach(const std::string& id, const Job& job) {
  check(job);
  Job whole = merged(job);
  if (!is_job_id(id)) throw InputError("'" + id + "' is not the id of a job");
  const fs::path file = fs::path(jobs_folder()) / id / "job.json";
  if (!fs::exists(file)) throw InputError(fmt::format("kaiwu: {} has no job {}", jobs_folder(), id));
  const Json record = Json::parse(read_file_bytes(file, kJobFileBytes), nullptr, false);
  if (!record.is_object() || !record.contains("fingerprint")) {
    throw InputError(file.string() + ": is not the record of a job");
  }
  if (record["fingerprint"] != fingerprint(whole)) {
    throw InputError(fmt::format("job {} is another one: its problem, machine, task or runs differ", id));
  }
  begin(id, std::move(whole));
}

std::string KaiwuDevice::request_line(const Job& job, const AdaptedProblem& adapted,
                                      const std::string& id) const {
  const IntegerMatrix matrix = integer_matrix(adapted.problem->ising);
  Json rows = Json::array();
  const auto side = static_cast<std::ptrdiff_t>(matrix.n);
  for (std::ptrdiff_t i = 0; i < side; ++i) {
    rows.push_back(Json(
        std::vector<std::int32_t>(matrix.values.begin() + i * side, matrix.values.begin() + (i + 1) * side)));
  }
  Json settings = {{"machine_name", machine_}};
  for (const char* name : {"task_mode", "project_no"}) {
    const auto found = job.settings.parameters.find(name);
    if (found != job.settings.parameters.end()) settings[name] = found->second;
  }
  if (job.settings.runs) settings["sample_number"] = *job.settings.runs;
  const auto task = job.settings.parameters.find("task_name");
  const Json request = {
      {"matrix", std::move(rows)},
      {"task_name", task != job.settings.parameters.end() ? task->second : "opoloop-" + id.substr(0, 12)},
      {"save_dir", (fs::path(jobs_folder()) / id / "checkpoints").string()},
      {"poll_s", choices(job.settings).poll_s},
      {"settings", std::move(settings)},
      {"credentials",
       {{"user_id", secret_from_environment("KAIWU_USER_ID")},
        {"sdk_code", secret_from_environment("KAIWU_SDK_CODE")}}}};
  return request.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Result KaiwuDevice::execute(const Job& job, JobControl& control) {
  const StopClock clock(job.settings.time_limit_s, control.cancel);
  const AdaptedProblem adapted = prepare(job);
  const std::string log = fs::path(jobs_folder()) / control.id / "bridge.log";
  const auto spins = static_cast<std::size_t>(adapted.problem->ising.size());
  ChildProcess bridge({python_program(), "-u", bridge_script()}, log, {{"PYTHONDONTWRITEBYTECODE", "1"}});
  bool heard = bridge.send_line(request_line(job, adapted, control.id), 60);
  std::optional<std::string> line;
  while (heard && !line && !bridge.ended() && !clock.stop()) line = bridge.read_line(0.02, kLongestAnswer);
  KaiwuAnswer answer;
  if (line) {
    answer = parse_kaiwu_answer(*line, spins, "kaiwu: the bridge's answer");
    if (!answer.error_kind.empty()) throw_vendor_error(answer, control.id);
  } else if (!clock.cancelled() && !clock.time_over()) {
    const std::string last = last_line_of(log);
    throw Error(fmt::format("kaiwu: the bridge ended without an answer ({}; {}){}{}", bridge.ending(), log,
                            last.empty() ? "" : ": ", last));
  }
  bridge.stop(line ? 0 : kStopPatience_s);

  Result result = result_of_solutions(adapted, answer.solutions, job.settings);
  result.timing.wall_s = clock.elapsed_s();
  result.parameters["machine"] = {machine_, ""};
  result.parameters["job"] = {control.id, ""};
  result.parameters["bits"] = {std::to_string(kBits), "bit"};
  if (!answer.sdk_version.empty()) result.parameters["kaiwu_sdk"] = {answer.sdk_version, ""};
  for (const std::string& name : answer.ignored) {
    result.warnings.push_back(fmt::format("kaiwu: this SDK takes no {}; it was left out", name));
  }
  if (!line) {
    result.interrupted = clock.cancelled();
    result.time_limited = clock.time_over();
    result.warnings.push_back(
        fmt::format("kaiwu: the SDK cannot cancel: if the task was submitted the machine keeps it, and "
                    "--resume-job {} takes it",
                    control.id));
  }
  return result;
}

}  // namespace opoloop
