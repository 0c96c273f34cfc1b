#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/points/point_plan.h"

namespace opoloop {

// A shard: the points one share has finished, a line of JSON each, appended and never changed. A process that
// is killed leaves whole lines and at most one torn at the end, which readers skip and the next writer cuts
// off. docs/sweeps.md describes the lines.

/// What a shard belongs to: its first line.
struct ShardHeader {
  std::string experiment, plan, version;
  std::uint64_t seed = 1;
  std::uint64_t points = 0;  ///< of the whole plan
  std::string command_line;  ///< that began it; says nothing about what it belongs to
  std::vector<PointColumn> columns;
};

/// Most points a plan can have: one bit of memory each.
inline constexpr std::uint64_t kMostPoints = std::uint64_t{1} << 32;

ShardHeader shard_header(const PointPlan& plan, const std::string& command_line);
/// What keeps two headers from belonging together, in words; empty where nothing does.
std::string difference(const ShardHeader& shard, const ShardHeader& plan);

/// A finished point.
struct PointRecord {
  std::uint64_t index = 0;
  std::uint32_t failures = 0;  ///< how often it was tried in vain; 0: measured
  double wall_s = 0;
  std::string name;
  PointValues values;   ///< as the columns; empty where it failed
  std::string failure;  ///< why
};

/// What finding and sorting points needs of a line.
struct RecordKey {
  std::uint64_t index = 0;
  std::uint32_t failures = 0;
};

// Lines are without their newline. The parsers throw InputError naming file and line where a line is none of
// a shard of this version.
std::string header_line(const ShardHeader& header);
std::string record_line(const PointRecord& record);
ShardHeader parse_header(std::string_view line, const std::string& file);
PointRecord parse_record(std::string_view line, const std::vector<PointColumn>& columns,
                         const std::string& file, std::int64_t line_number);
/// Reads only the beginning of the line.
RecordKey parse_key(std::string_view line, const std::string& file, std::int64_t line_number);

/// The whole lines of a file, one after another, in little memory.
class LineReader {
 public:
  /// Throws Error where the file cannot be opened.
  explicit LineReader(const std::string& path);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// False at the end: after the last newline. `line` holds until the next call. Throws InputError where a
  /// line is longer than any shard's.
  bool next(std::string_view& line);
  std::int64_t line_number() const { return number_; }  ///< of the last line, from 1
  std::uint64_t offset() const { return offset_; }      ///< where the next line begins

 private:
  std::string path_;
  int file_ = -1;
  std::string buffer_;
  std::size_t at_ = 0;
  std::int64_t number_ = 0;
  std::uint64_t offset_ = 0;
};

/// An advisory lock on a file (flock), let go when the object or the process ends. On a file system that has
/// no locks nobody is kept out.
class FileLock {
 public:
  FileLock() = default;
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  /// Opens (creates) the file and waits for the lock at most `patience`. False where somebody else keeps it.
  /// Throws Error where the file cannot be opened.
  bool take(const std::string& path, std::chrono::milliseconds patience);
  void release();
  /// False where the file was removed, or replaced, after it was opened.
  bool still_at(const std::string& path) const;
  int file() const { return file_; }

 private:
  int file_ = -1;
};

/// True where a running process writes this shard.
bool being_written(const std::string& shard);

/// Appends to one shard; one process at a time. Any thread, one at a time.
class ShardWriter {
 public:
  /// Opens or creates the shard and cuts off an unfinished line. Throws InputError where another process
  /// writes it or it belongs to another plan.
  ShardWriter(const std::string& path, const ShardHeader& header);
  /// Throws Error where the disk refuses.
  void append(const PointRecord& record);
  /// Everything is on the disk, the lock is released.
  void close();
  std::uint64_t points_at_opening() const { return points_at_opening_; }

 private:
  void write(const std::string& line);

  std::string path_;
  FileLock lock_;
  std::uint64_t points_at_opening_ = 0;
  std::chrono::steady_clock::time_point synced_;
};

}  // namespace opoloop
