#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "experiments/points/point_shard.h"

namespace opoloop {

// The shards of one experiment lie in a folder of their own, beside its file:
// OUT.h5.parts/shard-R-of-K.jsonl. How many shards there are and who wrote them does not matter: together
// they hold points.

std::string parts_folder(const std::string& file);
std::string shard_path(const std::string& folder, std::uint64_t rank, std::uint64_t size);
/// In order of rank and size; none where there is no such folder.
std::vector<std::string> shards_in(const std::string& folder);

/// Which points are finished: one bit a point.
struct FinishedPoints {
  ShardHeader header;  ///< of the first shard
  std::vector<bool> finished;
  std::map<std::uint64_t, std::uint32_t> failed;  ///< how often, where every attempt failed
  std::uint64_t count = 0;                        ///< finished, failed ones included
  bool complete() const { return count == header.points; }
};

/// Reads the beginnings of all lines. `expected`: throws InputError where a shard belongs to another plan;
/// else the shards must belong together. Throws InputError where there is no shard or a line is damaged.
FinishedPoints finished_points(const std::string& folder, const ShardHeader* expected = nullptr);

/// The same check without reading further than the first lines.
void check_shards(const std::string& folder, const ShardHeader& expected);

/// What a merged file holds.
struct MergedPoints {
  std::uint64_t points = 0;    ///< of the plan
  std::uint64_t finished = 0;  ///< rows of the file, failed ones included
  std::uint64_t failed = 0;
  std::vector<std::string> failures;  ///< "name: reason" of the first kFailuresTold
  bool complete() const { return finished == points; }
  static constexpr std::size_t kFailuresTold = 10;
};

/// Writes the finished points as an experiment file (docs/experiments.md), in the order of the plan: columns
/// point, point_name, point_failure (empty where it was measured; NaN and empty words stand in the others
/// where not), point_wall_s, then those of the plan. Attribute `complete` is 1 where no point is missing.
/// Where a point was finished twice a measured one counts, else the last attempt.
///
/// Memory does not grow with the number of points, but for a bit each: lines are sorted in runs of
/// `run_bytes` that wait on the disk, in `folder`. The file is replaced at once or not at all. Callers hold
/// the folder's merge lock.
MergedPoints merge_points(const std::string& folder, const std::string& file,
                          std::size_t run_bytes = std::size_t{8} << 20);

/// Names of the columns that every merged file begins with.
inline constexpr const char* kPointColumn = "point";
inline constexpr const char* kPointNameColumn = "point_name";
inline constexpr const char* kPointFailureColumn = "point_failure";
inline constexpr const char* kPointWallColumn = "point_wall_s";

}  // namespace opoloop
