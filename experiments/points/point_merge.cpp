#include "experiments/points/point_merge.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "driver/sweep_file.h"
#include "experiments/points/line_sort.h"

namespace opoloop {
namespace {

namespace fs = std::filesystem;

/// Rank and size of "shard-R-of-K.jsonl"; false for any other name.
bool parse_shard_name(const std::string& name, std::uint64_t& rank, std::uint64_t& size) {
  unsigned long long r = 0, k = 0;
  if (std::sscanf(name.c_str(), "shard-%llu-of-%llu.jsonl", &r, &k) != 2) return false;  // NOLINT: see below
  rank = r;
  size = k;
  return fs::path(shard_path("", rank, size)).filename() == name;  // the name is checked whole
}

void require_same(const std::string& shard, const ShardHeader& header, const ShardHeader& expected) {
  const std::string differs = difference(header, expected);
  if (!differs.empty()) throw InputError(fmt::format("{}: points of another plan: {}", shard, differs));
}

/// One open block of rows in the layout of the merged file.
class Block {
 public:
  explicit Block(const std::vector<PointColumn>& columns) {
    columns_.push_back({kPointColumn, "1", "number of the point in the plan, from 0", Numbers()});
    columns_.push_back({kPointNameColumn, "1", "which point this is", Words()});
    columns_.push_back(
        {kPointFailureColumn, "1", "why the point could not be measured; empty where it was", Words()});
    columns_.push_back(
        {kPointWallColumn, "s", "wall time of the process that measured the point", Numbers()});
    for (const PointColumn& c : columns) {
      SweepColumn column{c.name, c.units, c.description, Numbers()};
      if (c.text) column.values = Words();
      columns_.push_back(std::move(column));
    }
  }

  const std::vector<SweepColumn>& columns() const { return columns_; }
  std::size_t rows() const { return columns_.front().rows(); }

  void add(PointRecord record) {
    numbers(0).push_back(static_cast<double>(record.index));
    words(1).push_back(std::move(record.name));
    words(2).push_back(std::move(record.failure));
    numbers(3).push_back(record.wall_s);
    for (std::size_t c = 4; c < columns_.size(); ++c) {
      const bool text = std::holds_alternative<Words>(columns_[c].values);
      if (record.failures > 0) {
        if (text) {
          words(c).emplace_back();
        } else {
          numbers(c).push_back(std::numeric_limits<double>::quiet_NaN());
        }
      } else if (text) {
        words(c).push_back(std::move(std::get<std::string>(record.values[c - 4])));
      } else {
        numbers(c).push_back(std::get<double>(record.values[c - 4]));
      }
    }
  }

  void clear() {
    for (SweepColumn& column : columns_) std::visit([](auto& values) { values.clear(); }, column.values);
  }

 private:
  using Numbers = std::vector<double>;
  using Words = std::vector<std::string>;
  Numbers& numbers(std::size_t c) { return std::get<Numbers>(columns_[c].values); }
  Words& words(std::size_t c) { return std::get<Words>(columns_[c].values); }

  std::vector<SweepColumn> columns_;
};

}  // namespace

std::string parts_folder(const std::string& file) {
  return file + ".parts";
}

std::string shard_path(const std::string& folder, std::uint64_t rank, std::uint64_t size) {
  return fmt::format("{}/shard-{}-of-{}.jsonl", folder, rank, size);
}

std::vector<std::string> shards_in(const std::string& folder) {
  std::vector<std::tuple<std::uint64_t, std::uint64_t, std::string>> found;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder, missing)) {
    std::uint64_t rank = 0, size = 0;
    if (parse_shard_name(entry.path().filename(), rank, size)) found.emplace_back(rank, size, entry.path());
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> paths;
  paths.reserve(found.size());
  for (auto& [rank, size, path] : found) paths.push_back(std::move(path));
  return paths;
}

void check_shards(const std::string& folder, const ShardHeader& expected) {
  for (const std::string& shard : shards_in(folder)) {
    LineReader reader(shard);
    std::string_view line;
    if (reader.next(line)) require_same(shard, parse_header(line, shard), expected);
  }
}

FinishedPoints finished_points(const std::string& folder, const ShardHeader* expected) {
  FinishedPoints points;
  bool first = true;
  for (const std::string& shard : shards_in(folder)) {
    LineReader reader(shard);
    std::string_view line;
    if (!reader.next(line)) continue;  // somebody has just begun
    ShardHeader header = parse_header(line, shard);
    if (expected != nullptr) require_same(shard, header, *expected);
    if (!first) require_same(shard, header, points.header);
    if (first) {
      points.header = std::move(header);
      points.finished.assign(points.header.points, false);
      first = false;
    }
    while (reader.next(line)) {
      const RecordKey key = parse_key(line, shard, reader.line_number());
      if (key.index >= points.header.points) {
        throw_file_error(shard, reader.line_number(), std::to_string(key.index),
                         fmt::format("expected a point below {}", points.header.points));
      }
      const bool seen = points.finished[key.index];
      if (!seen) {
        points.finished[key.index] = true;
        ++points.count;
      }
      if (key.failures == 0) {
        points.failed.erase(key.index);
      } else if (const auto failed = points.failed.find(key.index); failed != points.failed.end()) {
        failed->second = std::max(failed->second, key.failures);
      } else if (!seen) {
        points.failed.emplace(key.index, key.failures);
      }
    }
  }
  if (!first) return points;
  if (expected == nullptr) throw InputError(fmt::format("{}: no measured points there", folder));
  points.header = *expected;
  points.finished.assign(expected->points, false);
  return points;
}

MergedPoints merge_points(const std::string& folder, const std::string& file, std::size_t run_bytes) {
  MergedPoints merged;
  ShardHeader header;
  LineSort lines(folder, run_bytes);
  {
    FinishedPoints points = finished_points(folder);
    header = std::move(points.header);
    merged.points = header.points;
    // Lines that come in after this are left for the next merge: the number of rows is fixed now.
    std::vector<bool> finished = std::move(points.finished);
    merged.finished = points.count;
    for (const std::string& shard : shards_in(folder)) {
      LineReader reader(shard);
      std::string_view line;
      reader.next(line);
      while (reader.next(line)) {
        const RecordKey key = parse_key(line, shard, reader.line_number());
        if (key.index < header.points && finished[key.index]) lines.add(key, line);
      }
    }
  }

  Block block(header.columns);
  Sweep sweep;
  sweep.experiment = header.experiment;
  sweep.command_line = header.command_line;
  sweep.plan = header.plan;
  sweep.seed = header.seed;
  sweep.complete = merged.complete();
  sweep.columns = block.columns();
  SweepWriter writer(file + ".part", sweep, merged.finished);  // beside it: a rename crosses no disks
  std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  lines.for_each([&](const RecordKey& key, std::string_view line) {
    if (key.index == last) return;  // a worse line of the same point
    last = key.index;
    PointRecord record =
        parse_record(line, header.columns, fmt::format("{}: point {}", folder, key.index), 0);
    if (record.failures > 0) {
      ++merged.failed;
      if (merged.failures.size() < MergedPoints::kFailuresTold) {
        merged.failures.push_back(record.name + ": " + record.failure);
      }
    }
    block.add(std::move(record));
    if (block.rows() == SweepWriter::kBlockRows) {
      writer.append(block.columns());
      block.clear();
    }
  });
  writer.append(block.columns());
  writer.finish(file);
  return merged;
}

}  // namespace opoloop
