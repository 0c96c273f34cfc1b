#include "driver/run_file.h"

#include <fcntl.h>
#include <hdf5.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "core/error.h"
#include "driver/hdf5_handle.h"
#include "driver/run_file_parts.h"
#include "driver/trajectory_log.h"

namespace opoloop {

namespace {

/// Only what a user calls a file may be replaced: not a directory, a device, a pipe.
void refuse_other_kinds(const std::string& path) {
  struct stat s{};
  if (::stat(path.c_str(), &s) == 0 && !S_ISREG(s.st_mode))
    throw Error(path + ": exists and is not a regular file");
}

[[noreturn]] void throw_system(const std::string& path) {
  throw Error(fmt::format("{}: cannot write the run file: {}", path, std::strerror(errno)));
}

/// Closes and removes a half-built file unless it was renamed into place.
class PartFile {
 public:
  explicit PartFile(const std::string& path) : path_(path), part_(path + ".part") {
    refuse_other_kinds(path);
    file_ = ::open(part_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file_ < 0) throw_system(path_);
  }
  ~PartFile() {
    if (file_ < 0) return;
    ::close(file_);
    ::unlink(part_.c_str());
  }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  const std::string& part() const { return part_; }

  void fill_from(int source) {
    std::vector<char> buffer(1U << 20);
    off_t at = 0;
    for (;;) {
      const ssize_t got = ::pread(source, buffer.data(), buffer.size(), at);
      if (got == 0) return;
      if (got < 0) throw_system(path_);
      for (ssize_t done = 0; done < got;) {
        const ssize_t put = ::write(file_, buffer.data() + done, static_cast<std::size_t>(got - done));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) throw_system(path_);
        done += put;
      }
      at += got;
    }
  }

  /// The new contents appear under the file's name at once or not at all. `durable`: on the disk before that.
  void rename_into_place(bool durable) {
    if (durable && ::fsync(file_) != 0) throw_system(path_);
    if (std::rename(part_.c_str(), path_.c_str()) != 0) throw_system(path_);
    ::close(std::exchange(file_, -1));
  }

 private:
  std::string path_;
  std::string part_;
  int file_ = -1;
};

/// Keeps metadata in memory until H5Fflush: the library may otherwise write parts of it at any time.
void hold_metadata(std::int64_t file) {
  H5AC_cache_config_t config{};
  config.version = H5AC__CURR_CACHE_CONFIG_VERSION;
  hdf5_check(H5Fget_mdc_config(file, &config), "metadata cache");
  config.evictions_enabled = false;
  config.incr_mode = H5C_incr__off;
  config.flash_incr_mode = H5C_flash_incr__off;
  config.decr_mode = H5C_decr__off;
  hdf5_check(H5Fset_mdc_config(file, &config), "metadata cache");
}

/// The superblock records where the file ends and is written before the file has grown to that length; a kill
/// in between would leave a file that is "truncated". Growing it first closes that gap.
void grow_to_end(std::int64_t file, const std::string& path) {
  haddr_t end = 0;
  hdf5_check(H5Fget_eoa(file, &end), path);
  struct stat s{};
  if (::stat(path.c_str(), &s) != 0) throw_system(path);
  if (static_cast<haddr_t>(s.st_size) < end && ::truncate(path.c_str(), static_cast<off_t>(end)) != 0)
    throw_system(path);
}

}  // namespace

struct RunFile::Impl {
  std::string path;
  Header header;
  std::int32_t n = 0;
  int base = -1;      ///< the first stage of the file (header and problem), reachable after it was replaced
  int replaced = -1;  ///< the file that had this name before, for discard()
  std::unique_ptr<TrajectoryLog> log;

  /// Everything but a large log: built beside the file and renamed.
  void finish_anew(const Result& result, const SolveStatistics& statistics) {
    PartFile part(path);
    part.fill_from(base);
    {
      Hdf5Handle file = hdf5::open_file(part.part(), true);
      if (log && log->longest() > 0) {
        const Hdf5Handle old = hdf5::open_file(path, false);
        run_file::pack_trajectories(file, old, log->shape(), log->rows_written(), log->longest());
      }
      run_file::write_results(file, result, statistics, n);
      hdf5::write_attribute(file, "complete", std::int64_t{!result.interrupted});
      file.close(path);
    }
    part.rename_into_place(true);
  }

  void finish_in_place(const Result& result, const SolveStatistics& statistics) {
    log->pad_with_nan();
    Hdf5Handle file = hdf5::open_file(path, true);
    hold_metadata(file);
    if (log->longest() < log->shape().rows())
      run_file::shorten_trajectories(file, log->shape(), log->longest());
    run_file::write_results(file, result, statistics, n);
    grow_to_end(file, path);
    hdf5_check(H5Fflush(file, H5F_SCOPE_GLOBAL), path);
    hdf5::write_attribute(file, "complete", std::int64_t{!result.interrupted});
    file.close(path);
  }
};

RunFile::RunFile(const std::string& path, const Problem& problem, const Header& header)
    : impl_(std::make_unique<Impl>()) {
  const std::lock_guard lock(hdf5_mutex());
  impl_->path = path;
  impl_->header = header;
  impl_->n = problem.ising.size();
  PartFile part(path);
  impl_->replaced = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  {
    Hdf5Handle file = hdf5::create_file(part.part());
    run_file::write_root(file, header);
    run_file::write_problem(file, problem);
    file.close(path);
  }
  part.rename_into_place(false);
  impl_->base = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (impl_->base < 0) throw_system(path);
}

RunFile::~RunFile() {
  impl_->log.reset();
  if (impl_->base >= 0) ::close(impl_->base);
  if (impl_->replaced >= 0) ::close(impl_->replaced);
}

void RunFile::begin(int trajectories, int n, std::int64_t rounds, std::int64_t every, double dt,
                    bool has_error, bool has_measured) {
  if (trajectories <= 0) return;
  if (impl_->log) throw Error(impl_->path + ": a run file takes one log");
  if (n < 1 || rounds < 0 || every < 1)
    throw Error("trajectory log: n ≥ 1, rounds ≥ 0 and every ≥ 1 are needed");
  const std::lock_guard lock(hdf5_mutex());
  LogShape shape{trajectories, n, rounds, every, dt, has_error, has_measured};
  PartFile part(impl_->path);
  part.fill_from(impl_->base);
  LogPlaces places;
  {
    Hdf5Handle file = hdf5::open_file(part.part(), true);
    places = run_file::create_trajectories(file, shape);
    file.close(impl_->path);
  }
  // From here on HDF5 has the file closed; only rows go to places that are already its.
  impl_->log =
      std::make_unique<TrajectoryLog>(part.part(), shape, std::move(places), impl_->header.flush_every_s);
  part.rename_into_place(false);
}

void RunFile::record(const TileObservation& observation) {
  if (!impl_->log) throw Error(impl_->path + ": rows before the log was begun");
  impl_->log->record(observation);
}

void RunFile::finish(const Result& result, const SolveStatistics& statistics) {
  if (impl_->log) impl_->log->close();
  const std::lock_guard lock(hdf5_mutex());
  const TrajectoryLog* log = impl_->log.get();
  const double bytes = log ? static_cast<double>(log->longest()) / static_cast<double>(log->shape().rows()) *
                                 log->shape().planned_bytes()
                           : 0;
  if (bytes <= static_cast<double>(kPackedLogBytes)) {
    impl_->finish_anew(result, statistics);
  } else {
    impl_->finish_in_place(result, statistics);
  }
}

void RunFile::discard() {
  impl_->log.reset();
  if (impl_->replaced < 0) {
    ::unlink(impl_->path.c_str());
    return;
  }
  PartFile part(impl_->path);
  part.fill_from(impl_->replaced);
  part.rename_into_place(true);
}

const std::string& RunFile::path() const {
  return impl_->path;
}

}  // namespace opoloop
