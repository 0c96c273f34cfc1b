#include "experiments/points/run_points.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/threads.h"
#include "driver/sweep_file.h"

namespace opoloop {
namespace {

namespace fs = std::filesystem;
/// A merge of 10⁶ points takes seconds; whoever waits longer than this for it says so.
constexpr std::chrono::minutes kMergePatience{10};
/// How often the other processes' shards are looked at for progress.
constexpr std::chrono::seconds kLookEvery{1};
constexpr const char* kMergedMark = "/merged";

/// Lines that other processes append while this one measures.
class OtherShards {
 public:
  OtherShards(std::string folder, std::string own) : folder_(std::move(folder)), own_(std::move(own)) {
    count();
    at_start_ = lines_;
  }
  /// Lines added since this object was made; looks at most once a second.
  std::uint64_t added() {
    if (Clock::now() - looked_ >= kLookEvery) count();
    return lines_ - at_start_;
  }

 private:
  void count() {
    looked_ = Clock::now();
    for (const std::string& shard : shards_in(folder_)) {
      if (shard == own_) continue;
      std::ifstream file(shard, std::ios::binary);
      auto [place, is_new] = read_.emplace(shard, std::pair<std::streamoff, bool>(0, true));
      file.seekg(place->second.first);
      std::string chunk(std::size_t{64} << 10, '\0');
      while (file.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || file.gcount() > 0) {
        const auto end = chunk.begin() + file.gcount();
        auto newlines = static_cast<std::uint64_t>(std::count(chunk.begin(), end, '\n'));
        place->second.first += file.gcount();
        if (newlines > 0 && std::exchange(place->second.second, false)) --newlines;  // the header
        lines_ += newlines;
      }
    }
  }

  std::string folder_, own_;
  std::map<std::string, std::pair<std::streamoff, bool>> read_;  ///< bytes read, header still to come
  std::uint64_t lines_ = 0, at_start_ = 0;
  Clock::time_point looked_;
};

/// Hands the missing points of one share out in order and takes what became of them.
class Measuring {
 public:
  Measuring(const PointPlan& plan, const PointRunOptions& options, const FinishedPoints& before,
            ShardWriter& shard, const std::string& folder)
      : plan_(plan),
        options_(options),
        before_(before),
        shard_(shard),
        scratch_(folder + "/scratch"),
        others_(folder, shard_path(folder, options.share.rank, options.share.size)) {
    for (std::uint64_t i = 0; i < plan.size(); ++i) missing_ += is_missing(i) ? 1 : 0;
  }

  /// Returns the number of points that were finished.
  std::uint64_t run() {
    if (missing_ == 0) return 0;
    const auto wanted = static_cast<std::uint64_t>(std::max(1, options_.threads));
    const int workers = plan_.one_at_a_time() ? 1 : static_cast<int>(std::min(wanted, missing_));
    threads_of_a_point_ = std::max(1, options_.threads / workers);
    parallel_for(workers, workers, [this](std::int64_t) {
      while (const auto index = next()) {
        if (!measure(*index)) return;
      }
    });
    std::error_code ignored;  // checkpoints of points that were stopped stay
    fs::remove(scratch_, ignored);
    return finished_;
  }

 private:
  bool is_missing(std::uint64_t index) const {
    if (!options_.share.holds(index)) return false;
    return !before_.finished[index] || (options_.retry_failed && before_.failed.contains(index));
  }
  bool stopped() const { return broken_.load() || (options_.stop && options_.stop()); }

  std::optional<std::uint64_t> next() {
    const std::lock_guard lock(mutex_);
    while (cursor_ < plan_.size() && !is_missing(cursor_)) ++cursor_;
    if (cursor_ >= plan_.size() || stopped()) return std::nullopt;
    return cursor_++;
  }

  /// False where the point was stopped.
  bool measure(std::uint64_t index) {
    PointRecord record;
    record.index = index;
    record.name = plan_.name(index);
    PointContext context;
    context.threads = threads_of_a_point_;
    context.scratch = fmt::format("{}/point-{}", scratch_, index);
    context.stop = [this] { return stopped(); };
    context.progress = [this, &record](double part, const std::string& what) {
      tell(record.name + (what.empty() ? "" : ": " + what), part);
    };
    if (plan_.one_at_a_time()) fs::create_directories(context.scratch);
    const Clock::time_point start = Clock::now();
    try {
      auto values = plan_.measure(index, context);
      if (!values) return false;
      record.values = std::move(*values);
    } catch (const std::exception& error) {
      // What a device throws when it is told to stop is no fault of the point's.
      if (stopped()) return false;
      const auto earlier = before_.failed.find(index);
      record.failures = earlier == before_.failed.end() ? 1 : earlier->second + 1;
      record.failure = error.what();
    }
    record.wall_s = seconds_since(start);
    if (!take(record)) return false;
    std::error_code ignored;
    fs::remove_all(context.scratch, ignored);
    return true;
  }

  /// False where another thread's point could not be written: nothing is, after it.
  bool take(const PointRecord& record) {
    {
      const std::lock_guard lock(mutex_);
      if (broken_) return false;
      try {
        if (record.failures == 0) check_shape(record);
        shard_.append(record);
      } catch (...) {
        broken_ = true;
        throw;
      }
      ++finished_;
    }
    tell(record.name, 0);
    return true;
  }

  /// A plan whose values are none of its columns is a fault of the program, not of a point.
  void check_shape(const PointRecord& record) const {
    const std::vector<PointColumn>& columns = plan_.columns();
    bool fits = record.values.size() == columns.size();
    for (std::size_t c = 0; fits && c < columns.size(); ++c) {
      fits = std::holds_alternative<std::string>(record.values[c]) == columns[c].text;
    }
    if (!fits)
      throw Error(fmt::format("{}: the values of a point do not fit its columns", plan_.experiment()));
  }

  void tell(const std::string& what, double part) {
    if (!options_.progress) return;
    const std::lock_guard lock(mutex_);
    PointProgress progress;
    progress.points = plan_.size();
    progress.finished_since_start = finished_ + others_.added();
    progress.finished = std::min(progress.points, before_.count + progress.finished_since_start);
    progress.seconds = seconds_since(start_);
    progress.part = part;
    progress.what = what;
    options_.progress(progress);
  }

  const PointPlan& plan_;
  const PointRunOptions& options_;
  const FinishedPoints& before_;
  ShardWriter& shard_;
  std::string scratch_;
  OtherShards others_;
  Clock::time_point start_ = Clock::now();
  std::mutex mutex_;
  std::atomic<bool> broken_{false};
  std::uint64_t missing_ = 0, cursor_ = 0, finished_ = 0;
  int threads_of_a_point_ = 1;
};

/// Names and sizes of all shards: whether anything came in since a merge.
std::string state_of(const std::string& folder) {
  std::string state;
  for (const std::string& shard : shards_in(folder)) {
    std::error_code gone;
    state += fmt::format("{} {}\n", fs::path(shard).filename().string(), fs::file_size(shard, gone));
  }
  return state;
}

std::string contents_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

bool anybody_writes(const std::string& folder) {
  const std::vector<std::string> shards = shards_in(folder);
  return std::any_of(shards.begin(), shards.end(), being_written);
}

/// True where `file` is a complete one of this plan whose shards are gone: nothing is left to do. Throws
/// InputError where it is another plan's.
bool is_done(const std::string& file, const ShardHeader& header) {
  if (!fs::exists(file)) return false;
  const Sweep sweep = read_sweep_header(file);
  ShardHeader there = header;
  there.experiment = sweep.experiment;
  there.seed = sweep.seed;
  there.plan = sweep.plan;
  const std::string differs = difference(there, header);
  if (!differs.empty()) {
    throw InputError(
        fmt::format("{}: a file of another plan: {}; give the options that it was made with, or name another",
                    file, differs));
  }
  return sweep.complete;
}

bool has_points(const PointShare& share, std::uint64_t points) {
  for (std::uint64_t i = 0; i < points; ++i) {
    if (share.holds(i)) return true;
  }
  return false;
}

/// Whether this process may begin, by what is there. Returns false where nothing is left to do.
bool check_start(const PointRunOptions& options, const ShardHeader& header, const std::string& folder) {
  const std::vector<std::string> shards = shards_in(folder);
  if (options.start == PointStart::anew) {
    const std::string own = shard_path(folder, options.share.rank, options.share.size);
    const bool measured = options.share.size == 1
                              ? !shards.empty()
                              : std::find(shards.begin(), shards.end(), own) != shards.end();
    if (measured) {
      throw InputError(
          fmt::format("{}: holds points already: go on with --resume {}, or remove the folder to start anew",
                      folder, options.file));
    }
    if (!shards.empty() || !is_done(options.file, header)) return true;
    if (!has_points(options.share, header.points)) return false;
    throw InputError(fmt::format("{}: is complete: --resume {} reports on it, remove it to measure anew",
                                 options.file, options.file));
  }
  if (!shards.empty()) return true;
  if (is_done(options.file, header)) return false;
  if (options.start == PointStart::resume) {
    throw InputError(
        fmt::format("{}: nothing to go on with: neither a complete file nor {}", options.file, folder));
  }
  return true;
}

std::string merge_lock(const std::string& folder) {
  return folder + "/merge.lock";
}

/// Takes the folder's lock. False where the folder was removed meanwhile.
bool lock_folder(const std::string& folder, FileLock& lock) {
  bool ours = false;
  try {
    ours = lock.take(merge_lock(folder), kMergePatience);
  } catch (const Error&) {
    if (fs::exists(folder)) throw;
    return false;
  }
  if (!ours) throw Error(fmt::format("{}: another process has been merging for too long", folder));
  return lock.still_at(merge_lock(folder));
}

/// All of a folder at once, for those who look: none sees half of its shards, or makes it again in between.
void remove_folder(const std::string& folder) {
  const std::string gone = folder + ".gone";
  std::error_code ignored;
  fs::remove_all(gone, ignored);  // of a process that was killed here
  fs::rename(folder, gone, ignored);
  fs::remove_all(gone, ignored);
}

/// Opens this share's shard in a folder that fits. Nothing where all is done. Until it is open the folder is
/// kept from being merged and removed by others; from then on they see that the shard is written.
std::unique_ptr<ShardWriter> open_shard(const PointRunOptions& options, const ShardHeader& header,
                                        const std::string& folder) {
  for (;;) {
    if (!check_start(options, header, folder)) return nullptr;
    std::error_code failure;
    fs::create_directories(folder, failure);
    if (failure) throw Error(fmt::format("{}: cannot make the folder: {}", folder, failure.message()));
    FileLock lock;
    if (!lock_folder(folder, lock)) continue;
    if (!check_start(options, header, folder)) {
      remove_folder(folder);  // made above, for nothing
      return nullptr;
    }
    check_shards(folder, header);
    return std::make_unique<ShardWriter>(shard_path(folder, options.share.rank, options.share.size), header);
  }
}

/// Merges if there is something to merge and nobody else is going to. Fills in what the shards say.
void finish(const PointRunOptions& options, const std::string& folder, const ShardHeader& header,
            PointOutcome& outcome) {
  const bool alone = options.share.size == 1;
  FileLock lock;
  if (!fs::exists(folder) || !lock_folder(folder, lock)) {  // the last one has merged and removed it
    outcome.finished = is_done(options.file, header) ? outcome.points : 0;
    outcome.ours_to_report = alone;
    return;
  }
  const FinishedPoints points = finished_points(folder, &header);
  outcome.finished = points.count;
  outcome.failed = points.failed.size();
  outcome.parts_kept = true;
  if (!alone && (!points.complete() || anybody_writes(folder))) return;

  const std::string state = state_of(folder);
  const bool merged_already = fs::exists(options.file) && contents_of(folder + kMergedMark) == state;
  if (merged_already && !alone) return;
  const MergedPoints merged = merge_points(folder, options.file);
  outcome.finished = merged.finished;
  outcome.failed = merged.failed;
  outcome.failures = merged.failures;
  outcome.ours_to_report = true;
  if (merged.complete() && merged.failed == 0 && !anybody_writes(folder)) {
    remove_folder(folder);
    outcome.parts_kept = false;
  } else {
    std::ofstream(folder + kMergedMark, std::ios::binary) << state;
  }
}

}  // namespace

double PointProgress::seconds_left() const {
  const double done = static_cast<double>(finished_since_start) + part;
  if (done <= 0) return -1;
  return seconds / done * (static_cast<double>(points - finished) - part);
}

PointOutcome run_points(const PointPlan& plan, const PointRunOptions& options) {
  const ShardHeader header = shard_header(plan, options.command_line);
  if (header.points > kMostPoints) {
    throw InputError(fmt::format("{}: {} points: at most {}", header.experiment, header.points, kMostPoints));
  }
  const std::string folder = parts_folder(options.file);
  PointOutcome outcome;
  outcome.points = header.points;
  const std::unique_ptr<ShardWriter> shard = open_shard(options, header, folder);
  if (!shard) {
    outcome.finished = outcome.points;
    outcome.ours_to_report = options.share.size == 1;
    return outcome;
  }
  {
    const FinishedPoints before = finished_points(folder, &header);
    outcome.measured_here = Measuring(plan, options, before, *shard, folder).run();
    shard->close();
  }
  outcome.stopped = options.stop && options.stop();
  finish(options, folder, header, outcome);
  // Ctrl-C in the very last moment stopped nothing.
  outcome.stopped = outcome.stopped && !outcome.complete();
  return outcome;
}

MergedPoints merge_by_hand(const std::string& folder, const std::string& file) {
  if (shards_in(folder).empty()) throw InputError(fmt::format("{}: no measured points there", folder));
  FileLock lock;
  lock_folder(folder, lock);
  return merge_points(folder, file);
}

}  // namespace opoloop
