#include "driver/server/quanfluence_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "driver/server/http_server.h"
#include "driver/server/random_id.h"
#include "hamiltonian/formats/file_bytes.h"
#include "hamiltonian/problem_file.h"

namespace opoloop {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMostDevices = 10000;
constexpr std::size_t kLongestText = 2000;
constexpr std::int64_t kMostCount = 1'000'000'000'000;
constexpr std::uint64_t kLargestRecords = std::uint64_t{256} << 20;
constexpr const char* kSuffix = ".qubo";

[[noreturn]] void refuse(const char* key, const std::string& allowed) {
  throw InputError(fmt::format("{}: {}", key, allowed));
}

void take_text(const Json& from, const char* key, std::string& to) {
  const auto found = from.find(key);
  if (found == from.end()) return;
  if (found->is_null()) {
    to.clear();
    return;
  }
  if (!found->is_string() || found->get_ref<const std::string&>().size() > kLongestText) {
    refuse(key, fmt::format("must be a text of at most {} bytes", kLongestText));
  }
  to = found->get<std::string>();
}

double number_of(const Json& value, const char* key) {
  if (!value.is_number() || !std::isfinite(value.get<double>())) refuse(key, "must be a finite number");
  return value.get<double>();
}

void take_number(const Json& from, const char* key, double least, double& to) {
  const auto found = from.find(key);
  if (found == from.end() || found->is_null()) return;
  const double value = number_of(*found, key);
  if (value < least) refuse(key, fmt::format("must be at least {}", least));
  to = value;
}

void take_count(const Json& from, const char* key, std::int64_t& to) {
  const auto found = from.find(key);
  if (found == from.end() || found->is_null()) return;
  const double value = number_of(*found, key);
  if (value != std::floor(value) || value < 1 || value > static_cast<double>(kMostCount)) {
    refuse(key, fmt::format("must be a whole number from 1 to {}", kMostCount));
  }
  to = static_cast<std::int64_t>(value);
}

void take_members(QuanfluenceDevice& device, const Json& from) {
  take_text(from, "title", device.title);
  take_text(from, "description", device.description);
  take_text(from, "type", device.type);
  take_text(from, "public_ipv4_address", device.public_ipv4_address);
  take_text(from, "private_ipv4_address", device.private_ipv4_address);
  take_count(from, "iters", device.iters);
  take_count(from, "runs", device.runs);
  take_count(from, "trials", device.trials);
  constexpr double kAny = std::numeric_limits<double>::lowest();
  take_number(from, "alpha", kAny, device.alpha);
  take_number(from, "beta", kAny, device.beta);
  take_number(from, "beta_decay", kAny, device.beta_decay);
  take_number(from, "noise_stdev", 0, device.noise_stdev);
  take_number(from, "runtime", 0, device.runtime);
}

std::int64_t id_of(const std::string& text) {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  return error == std::errc() && end == text.data() + text.size() ? id : -1;
}

bool is_upload_name(const std::string& name) {
  const std::string_view digits = std::string_view(name).substr(0, 32);
  return name.size() == 32 + std::string_view(kSuffix).size() && name.ends_with(kSuffix) &&
         std::all_of(digits.begin(), digits.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

Json quanfluence_device_json(const QuanfluenceDevice& d) {
  return {{"id", d.id},
          {"title", d.title},
          {"description", d.description},
          {"type", d.type},
          {"public_ipv4_address", d.public_ipv4_address},
          {"private_ipv4_address", d.private_ipv4_address},
          {"iters", d.iters},
          {"runs", d.runs},
          {"alpha", d.alpha},
          {"beta", d.beta},
          {"beta_decay", d.beta_decay},
          {"noise_stdev", d.noise_stdev},
          {"runtime", d.runtime},
          {"trials", d.trials}};
}

void change_quanfluence_device(QuanfluenceDevice& device, const Json& changes) {
  QuanfluenceDevice changed = device;
  take_members(changed, changes);
  device = changed;
}

QuanfluenceStore::QuanfluenceStore(const std::string& folder, std::size_t max_files, std::uint64_t max_bytes)
    : folder_(folder), max_files_(max_files), max_bytes_(max_bytes) {
  const auto broken = [&](const std::string& what) {
    throw InputError(fmt::format("{}: {}", folder_, what));
  };
  std::error_code failed;
  fs::create_directories(folder_, failed);
  if (failed) broken(failed.message());
  const std::string records = folder_ + "/devices.json";
  if (fs::exists(records)) {
    try {
      for (const Json& record : Json::parse(read_file_bytes(records, kLargestRecords))) {
        QuanfluenceDevice device;
        take_members(device, record);
        device.id = record.at("id");
        devices_[device.id] = device;
      }
    } catch (const Json::exception& error) {
      broken(fmt::format("devices.json is not what this program writes: {}", error.what()));
    }
  }
  if (devices_.empty()) {
    devices_[1].id = 1;
    devices_[1].title = "opoloop";
    devices_[1].type = "aws";
  }
  std::vector<std::pair<fs::file_time_type, Upload>> found;
  for (const auto& entry : fs::directory_iterator(folder_, failed)) {
    const std::string name = entry.path().filename();
    const std::size_t dash = name.find('-');
    if (dash == std::string::npos || !is_upload_name(name.substr(dash + 1))) {
      // What a server that was killed had half written.
      if (name != "devices.json") fs::remove(entry.path(), failed);
      continue;
    }
    found.push_back({entry.last_write_time(), {entry.path(), entry.file_size()}});
  }
  if (failed) broken(failed.message());
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first, a.second.path) < std::tie(b.first, b.second.path);
  });
  for (auto& [time, upload] : found) uploads_.push_back(std::move(upload));
}

void QuanfluenceStore::save(const std::map<std::int64_t, QuanfluenceDevice>& devices) const {
  Json records = Json::array();
  for (const auto& [id, device] : devices) records.push_back(quanfluence_device_json(device));
  write_file_bytes(folder_ + "/devices.json", records.dump(1, ' ', false, Json::error_handler_t::replace));
}

QuanfluenceDevice QuanfluenceStore::add(QuanfluenceDevice device) {
  const std::lock_guard lock(mutex_);
  if (devices_.size() >= kMostDevices) {
    throw HttpError(409, "too_many_devices", fmt::format("there are {} devices already", kMostDevices));
  }
  device.id = devices_.rbegin()->first + 1;
  auto devices = devices_;
  devices[device.id] = device;
  save(devices);
  devices_ = std::move(devices);
  return device;
}

QuanfluenceDevice QuanfluenceStore::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = devices_.find(id_of(id));
  if (found == devices_.end()) throw HttpError(404, "no_such_device", "there is no device of this id");
  return found->second;
}

QuanfluenceDevice QuanfluenceStore::change(const std::string& id, const Json& changes) {
  const std::lock_guard lock(mutex_);
  auto devices = devices_;
  const auto found = devices.find(id_of(id));
  if (found == devices.end()) throw HttpError(404, "no_such_device", "there is no device of this id");
  change_quanfluence_device(found->second, changes);
  save(devices);
  devices_ = std::move(devices);
  return devices_.at(id_of(id));
}

std::string QuanfluenceStore::path_of(std::int64_t device, const std::string& name) const {
  return fmt::format("{}/{}-{}", folder_, device, name);
}

std::string QuanfluenceStore::upload(const QuanfluenceDevice& device, const Problem& problem) {
  const std::string bytes = problem_to_bytes(problem, ProblemFormat::npz);
  const std::string name = random_id() + kSuffix;
  const std::string path = path_of(device.id, name);
  write_file_bytes(path, bytes);
  const std::lock_guard lock(mutex_);
  uploads_.push_back({path, bytes.size()});
  std::uint64_t total = 0;
  for (const Upload& upload : uploads_) total += upload.bytes;
  // The one that has just come stays.
  while (uploads_.size() > 1 && (uploads_.size() > max_files_ || total > max_bytes_)) {
    std::error_code ignored;
    fs::remove(uploads_.front().path, ignored);
    total -= uploads_.front().bytes;
    uploads_.erase(uploads_.begin());
  }
  return name;
}

Problem QuanfluenceStore::uploaded(const QuanfluenceDevice& device, const std::string& name) const {
  const std::string path = path_of(device.id, name);
  if (!is_upload_name(name) || !fs::exists(path)) {
    throw HttpError(404, "no_such_file", "nothing was uploaded to this device under this name");
  }
  LoadOptions load;
  load.format = ProblemFormat::npz;
  Problem problem = load_problem(path, load);
  problem.name = name;
  problem.source = "upload";
  return problem;
}

}  // namespace opoloop
