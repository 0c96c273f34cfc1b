#include "experiments/points/point_shard.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/version.h"

namespace opoloop {
namespace {

using Json = nlohmann::json;

constexpr int kShardVersion = 1;
constexpr std::size_t kLongestLine = std::size_t{64} << 20;
constexpr std::size_t kReadBytes = std::size_t{64} << 10;
/// Points that a power cut may take; a killed process loses none.
constexpr std::chrono::seconds kSyncEvery{5};
/// Somebody who only looks whether a shard is written holds its lock for an instant.
constexpr std::chrono::milliseconds kPatience{500};

[[noreturn]] void throw_system(const std::string& path, const char* what) {
  throw Error(fmt::format("{}: cannot {}: {}", path, what, std::strerror(errno)));
}

/// What two descriptions of plans say from the first word on that differs.
std::string differing_words(const std::string& there, const std::string& here) {
  constexpr std::size_t kShown = 80;
  const auto differs = std::mismatch(there.begin(), there.end(), here.begin(), here.end());
  const auto common = static_cast<std::size_t>(differs.first - there.begin());
  const std::size_t space = common == 0 ? std::string::npos : there.find_last_of(" \n", common - 1);
  std::size_t from =
      std::max(space == std::string::npos ? 0 : space + 1, common - std::min(common, kShown / 2));
  while (from < common && (static_cast<unsigned char>(there[from]) & 0xC0) == 0x80)
    ++from;  // a whole character
  const auto shown = [&](const std::string& text) {
    const std::string rest = text.substr(std::min(from, text.size()));
    return rest.substr(0, std::min(rest.find('\n'), kShown));
  };
  return fmt::format("'{}', not '{}'", shown(there), shown(here));
}

std::string dumped(const Json& json) {
  // Names and reasons may hold anything: what is no UTF-8 is replaced, not refused.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json json_of(double value) {
  if (std::isnan(value)) return nullptr;  // JSON has no such number
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

double number_of(const Json& json) {
  if (json.is_null()) return std::numeric_limits<double>::quiet_NaN();
  if (json.is_string()) {
    const auto& text = json.get_ref<const std::string&>();
    if (text == "inf") return std::numeric_limits<double>::infinity();
    if (text == "-inf") return -std::numeric_limits<double>::infinity();
  }
  return json.get<double>();
}

std::string clipped(std::string_view line) {
  return std::string(line.substr(0, 40)) + (line.size() > 40 ? "…" : "");
}

[[noreturn]] void refuse(const std::string& file, std::int64_t line_number, std::string_view line) {
  std::string shown;
  for (const char c : clipped(line)) shown += static_cast<unsigned char>(c) < ' ' ? '?' : c;
  throw_file_error(file, line_number, shown,
                   "expected a finished point of this plan: delete the damaged line");
}

}  // namespace

ShardHeader shard_header(const PointPlan& plan, const std::string& command_line) {
  return {plan.experiment(), plan.description(), kVersion,      plan.seed(),
          plan.size(),       command_line,       plan.columns()};
}

std::string difference(const ShardHeader& shard, const ShardHeader& plan) {
  if (shard.experiment != plan.experiment) {
    return fmt::format("experiment '{}', not '{}'", shard.experiment, plan.experiment);
  }
  if (shard.version != plan.version) {
    return fmt::format("measured by opoloop {}, not {}", shard.version, plan.version);
  }
  if (shard.seed != plan.seed) return fmt::format("seed {}, not {}", shard.seed, plan.seed);
  if (shard.points != plan.points) return fmt::format("{} points, not {}", shard.points, plan.points);
  if (shard.plan != plan.plan) return "what is measured differs: " + differing_words(shard.plan, plan.plan);
  const auto same = [](const PointColumn& a, const PointColumn& b) {
    return a.name == b.name && a.units == b.units && a.text == b.text;
  };
  if (!std::equal(shard.columns.begin(), shard.columns.end(), plan.columns.begin(), plan.columns.end(),
                  same)) {
    return "other columns";
  }
  return "";
}

std::string header_line(const ShardHeader& header) {
  Json columns = Json::array();
  for (const PointColumn& c : header.columns) columns.push_back({c.name, c.units, c.description, c.text});
  const Json json = {{"opoloop_points", kShardVersion},
                     {"experiment", header.experiment},
                     {"version", header.version},
                     {"seed", header.seed},
                     {"points", header.points},
                     {"command_line", header.command_line},
                     {"columns", columns},
                     {"plan", header.plan}};
  return dumped(json);
}

std::string record_line(const PointRecord& record) {
  // The index and the failures stand first, as whole numbers: parse_key() reads no further.
  Json json = {record.index, record.failures, json_of(record.wall_s), record.name};
  if (record.failures > 0) {
    json.push_back(record.failure);
  } else {
    for (const PointValue& value : record.values) {
      if (const double* number = std::get_if<double>(&value)) {
        json.push_back(json_of(*number));
      } else {
        json.push_back(std::get<std::string>(value));
      }
    }
  }
  return dumped(json);
}

ShardHeader parse_header(std::string_view line, const std::string& file) {
  ShardHeader header;
  try {
    const Json json = Json::parse(line);
    const int version = json.at("opoloop_points").get<int>();
    if (version != kShardVersion) {
      throw InputError(
          fmt::format("{}: points of format {}; this program reads {}", file, version, kShardVersion));
    }
    header.experiment = json.at("experiment").get<std::string>();
    header.version = json.at("version").get<std::string>();
    header.seed = json.at("seed").get<std::uint64_t>();
    header.points = json.at("points").get<std::uint64_t>();
    header.command_line = json.at("command_line").get<std::string>();
    header.plan = json.at("plan").get<std::string>();
    for (const Json& column : json.at("columns")) {
      header.columns.push_back({column.at(0).get<std::string>(), column.at(1).get<std::string>(),
                                column.at(2).get<std::string>(), column.at(3).get<bool>()});
    }
  } catch (const Json::exception&) {
    throw_file_error(file, 1, clipped(line), "expected the header of measured points");
  }
  if (header.points > kMostPoints) {
    throw_file_error(file, 1, std::to_string(header.points), fmt::format("at most {} points", kMostPoints));
  }
  return header;
}

RecordKey parse_key(std::string_view line, const std::string& file, std::int64_t line_number) {
  RecordKey key;
  const char* const end = line.data() + line.size();
  if (line.empty() || line.front() != '[') refuse(file, line_number, line);
  const auto [comma, bad_index] = std::from_chars(line.data() + 1, end, key.index);
  if (bad_index != std::errc() || comma == end || *comma != ',') refuse(file, line_number, line);
  const auto [rest, bad_failures] = std::from_chars(comma + 1, end, key.failures);
  if (bad_failures != std::errc() || rest == end || *rest != ',') refuse(file, line_number, line);
  return key;
}

PointRecord parse_record(std::string_view line, const std::vector<PointColumn>& columns,
                         const std::string& file, std::int64_t line_number) {
  const RecordKey key = parse_key(line, file, line_number);
  PointRecord record;
  record.index = key.index;
  record.failures = key.failures;
  try {
    const Json json = Json::parse(line);
    record.wall_s = number_of(json.at(2));
    record.name = json.at(3).get<std::string>();
    if (json.size() != 4 + (key.failures > 0 ? 1 : columns.size())) refuse(file, line_number, line);
    if (key.failures > 0) {
      record.failure = json.at(4).get<std::string>();
      return record;
    }
    record.values.reserve(columns.size());
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const Json& value = json.at(4 + c);
      if (columns[c].text) {
        record.values.emplace_back(value.get<std::string>());
      } else {
        record.values.emplace_back(number_of(value));
      }
    }
  } catch (const Json::exception&) {
    refuse(file, line_number, line);
  }
  return record;
}

LineReader::LineReader(const std::string& path) : path_(path) {
  file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ < 0) throw_system(path, "open");
}

LineReader::~LineReader() {
  ::close(file_);
}

bool LineReader::next(std::string_view& line) {
  std::size_t from = at_;
  for (;;) {
    const std::size_t newline = buffer_.find('\n', from);
    if (newline != std::string::npos) {
      line = std::string_view(buffer_).substr(at_, newline - at_);
      offset_ += newline + 1 - at_;
      at_ = newline + 1;
      ++number_;
      return true;
    }
    buffer_.erase(0, at_);
    at_ = 0;
    from = buffer_.size();
    if (from > kLongestLine) throw_file_error(path_, number_ + 1, "", "expected a shorter line");
    buffer_.resize(from + kReadBytes);
    ssize_t got = -1;
    do {
      got = ::read(file_, buffer_.data() + from, kReadBytes);
    } while (got < 0 && errno == EINTR);
    buffer_.resize(from + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) throw_system(path_, "read");
    if (got == 0) return false;
  }
}

FileLock::~FileLock() {
  release();
}

void FileLock::release() {
  if (file_ >= 0) ::close(std::exchange(file_, -1));
}

bool FileLock::take(const std::string& path, std::chrono::milliseconds patience) {
  release();
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file_ < 0) throw_system(path, "open");
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return true;  // a file system without locks
    if (std::chrono::steady_clock::now() >= give_up) {
      release();
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

bool FileLock::still_at(const std::string& path) const {
  struct stat ours{}, there{};
  return ::fstat(file_, &ours) == 0 && ::stat(path.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
         ours.st_dev == there.st_dev;
}

bool being_written(const std::string& shard) {
  const int file = ::open(shard.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool locked = ::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(file);
  return locked;
}

ShardWriter::ShardWriter(const std::string& path, const ShardHeader& header)
    : path_(path), synced_(std::chrono::steady_clock::now()) {
  if (!lock_.take(path, kPatience)) {
    throw InputError(fmt::format("{}: another process measures this share of the points now", path));
  }
  std::uint64_t end = 0;
  {
    LineReader reader(path);
    std::string_view line;
    if (reader.next(line)) {
      const std::string differs = difference(parse_header(line, path), header);
      if (!differs.empty()) throw InputError(fmt::format("{}: points of another plan: {}", path, differs));
      while (reader.next(line)) ++points_at_opening_;
    }
    end = reader.offset();
  }
  if (::ftruncate(lock_.file(), static_cast<off_t>(end)) != 0) throw_system(path, "write");
  if (::lseek(lock_.file(), 0, SEEK_END) < 0) throw_system(path, "write");
  if (end == 0) write(header_line(header) + '\n');
}

void ShardWriter::write(const std::string& line) {
  // The first write of a line is mostly the only one: a kill in between tears it, and nobody reads it then.
  const off_t begin = ::lseek(lock_.file(), 0, SEEK_CUR);
  std::size_t done = 0;
  while (done < line.size()) {
    const ssize_t wrote = ::write(lock_.file(), line.data() + done, line.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      const int reason = errno;
      // A full disk leaves no half line for the next one to end.
      if (::ftruncate(lock_.file(), begin) == 0) ::lseek(lock_.file(), begin, SEEK_SET);
      errno = reason;
      throw_system(path_, "write");
    }
    done += static_cast<std::size_t>(wrote);
  }
}

void ShardWriter::append(const PointRecord& record) {
  write(record_line(record) + '\n');
  const auto now = std::chrono::steady_clock::now();
  if (now - synced_ < kSyncEvery) return;
  if (::fsync(lock_.file()) != 0) throw_system(path_, "write");
  synced_ = now;
}

void ShardWriter::close() {
  if (lock_.file() >= 0 && ::fsync(lock_.file()) != 0) throw_system(path_, "write");
  lock_.release();
}

}  // namespace opoloop
