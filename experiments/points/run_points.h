#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "experiments/points/point_merge.h"
#include "experiments/points/point_plan.h"
#include "experiments/points/point_share.h"

namespace opoloop {

/// Where a run stands: of all processes together, as far as their shards tell.
struct PointProgress {
  std::uint64_t finished = 0;  ///< points of the plan, failed ones included
  std::uint64_t points = 0;
  std::uint64_t finished_since_start = 0;
  double seconds = 0;  ///< since this process began
  double part = 0;     ///< of the point being measured, where it tells; 0 … 1
  std::string what;    ///< that point
  /// Seconds left at the rate so far; negative: not known yet.
  double seconds_left() const;
};

/// What to do about points that a folder holds already.
enum class PointStart {
  anew,    ///< refuse where this share was measured before (other ranks may have begun), or all of it was
  resume,  ///< go on; refuse where there is nothing
  either,  ///< go on where there is something: what a batch job that may be requeued wants
};

struct PointRunOptions {
  std::string file;  ///< experiment file to make; the shards lie in `file`.parts beside it
  PointStart start = PointStart::anew;
  bool retry_failed = false;  ///< measure failed points again
  PointShare share;
  int threads = 1;
  std::string command_line;
  std::function<bool()> stop;                          ///< asked often; may be empty
  std::function<void(const PointProgress&)> progress;  ///< one thread at a time, often; may be empty
};

struct PointOutcome {
  std::uint64_t points = 0;           ///< of the plan
  std::uint64_t finished = 0;         ///< of the plan, by anybody
  std::uint64_t measured_here = 0;    ///< by this call, failed ones included
  std::uint64_t failed = 0;           ///< of the finished
  std::vector<std::string> failures;  ///< the first, "name: reason"
  bool stopped = false;
  /// The file holds every finished point, and it is for this process to report: always where the process is
  /// the only one, else for the one that finished last.
  bool ours_to_report = false;
  bool parts_kept = false;  ///< the folder of shards is still there
  bool complete() const { return finished == points; }
};

/// Measures those points of the plan that are in the share and not in any shard yet, and writes each to this
/// share's shard when it is finished, so that a process may be killed at any time. Whoever finishes last
/// merges all shards into `file`. A point that throws is recorded as failed with its reason.
///
/// Any number of processes may run this on one folder (and one file system) at a time: which point a process
/// measures depends on its share alone. The numbers do not depend on how many there are, nor on threads, nor
/// on who was killed and resumed when; only wall times do.
///
/// A process that is the only one (share.size 1) merges what there is also when it was stopped. The shards
/// are removed when every point was measured, and kept where some failed (retry_failed needs them).
///
/// Throws InputError where a shard is of another plan, in use or already measured (PointStart::anew), where
/// there is nothing to resume; Error where the disk refuses.
PointOutcome run_points(const PointPlan& plan, const PointRunOptions& options);

/// Merges by hand what the shards of `file` hold, complete or not. Removes nothing.
MergedPoints merge_by_hand(const std::string& folder, const std::string& file);

}  // namespace opoloop
