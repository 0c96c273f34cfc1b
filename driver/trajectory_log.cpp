#include "driver/trajectory_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <deque>
#include <limits>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "core/error.h"
#include "driver/transpose.h"

namespace opoloop {

namespace {

constexpr std::size_t kSlabBytes = 256U
                                   << 10;  // of one variable: a batch's slabs stay in cache while they fill
constexpr std::size_t kQueueBytes = 32U << 20;  // of slabs that wait for the writer

/// Seconds on a clock that is read in nanoseconds and moves in milliseconds: it is looked at every row.
double coarse_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Rows of one tile on their way to the file. The big arrays stay allocated from use to use.
struct Slab {
  std::uint32_t first_trajectory = 0;
  int lanes = 0;
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
  std::unique_ptr<float[]> data;   // [variable][slab row][N][16]
  std::vector<double> energy;      // [slab row][16]
  std::vector<double> time, pump;  // [slab row]
  double born = 0;                 // coarse_seconds() of the first row
};

/// What a tile has recorded. Touched by one thread at a time: the one that runs the tile.
struct TileState {
  std::int64_t next_row = 0;
  std::unique_ptr<Slab> slab;
};

void write_at(int file, const std::string& path, const void* data, std::size_t bytes, std::uint64_t address) {
  const char* p = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t done = ::pwrite(file, p, bytes, static_cast<off_t>(address));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      throw Error(
          fmt::format("{}: cannot write trajectories: {}", path, std::strerror(done < 0 ? errno : ENOSPC)));
    }
    p += done;
    bytes -= static_cast<std::size_t>(done);
    address += static_cast<std::uint64_t>(done);
  }
}

}  // namespace

struct TrajectoryLog::Impl {
  std::string path;
  LogShape shape;
  LogPlaces places;
  double flush_every_s = 0;
  int file = -1;

  std::int64_t rows = 0;
  std::int64_t slab_rows = 1;
  std::size_t queue_limit = 1;
  std::vector<TileState> tiles;  // by the first trajectory of the tile

  std::mutex mutex;
  std::condition_variable not_empty, not_full;
  std::deque<std::unique_ptr<Slab>> queue;
  std::vector<std::unique_ptr<Slab>> spare;
  bool closing = false;
  std::string failure;
  std::atomic<bool> failed{false};
  std::thread writer;

  // Of the writer thread (of the caller after close()).
  std::vector<std::int64_t> rows_written;
  std::int64_t axis_rows = 0;
  std::vector<float> lane_rows;  // [16][slab row][N]

  std::size_t row_floats() const { return static_cast<std::size_t>(shape.n) * kTileLanes; }
  float* variable(Slab& slab, int v) const {
    return slab.data.get() + static_cast<std::size_t>(v) * static_cast<std::size_t>(slab_rows) * row_floats();
  }

  std::unique_ptr<Slab> fresh_slab() {
    {
      const std::lock_guard lock(mutex);
      if (!spare.empty()) {
        auto slab = std::move(spare.back());
        spare.pop_back();
        return slab;
      }
    }
    auto slab = std::make_unique<Slab>();
    const auto r = static_cast<std::size_t>(slab_rows);
    slab->data = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(shape.variables()) * r *
                                                         row_floats());
    slab->energy.resize(r * kTileLanes);
    slab->time.resize(r);
    slab->pump.resize(r);
    return slab;
  }

  void throw_if_failed() {
    if (!failed.load(std::memory_order_acquire)) return;
    const std::lock_guard lock(mutex);
    throw Error(failure);
  }

  /// Hands a slab to the writer; waits while the queue is full.
  void submit(std::unique_ptr<Slab> slab) {
    std::unique_lock lock(mutex);
    not_full.wait(lock, [&] { return queue.size() < queue_limit || failed; });
    if (failed) throw Error(failure);
    queue.push_back(std::move(slab));
    lock.unlock();
    not_empty.notify_one();
  }

  void write_rows(const DatasetPlace& place, std::int64_t trajectory, std::int64_t first, std::int64_t count,
                  const void* data) const {
    const char* p = static_cast<const char*>(data);
    while (count > 0) {
      const std::int64_t in_chunk = first % place.chunk_rows;
      const std::int64_t here = std::min(count, place.chunk_rows - in_chunk);
      const auto chunk =
          static_cast<std::size_t>(trajectory * place.chunks_per_trajectory + first / place.chunk_rows);
      write_at(file, path, p, static_cast<std::size_t>(here * place.row_bytes),
               place.address[chunk] + static_cast<std::uint64_t>(in_chunk * place.row_bytes));
      p += here * place.row_bytes;
      first += here;
      count -= here;
    }
  }

  void write_slab(Slab& slab) {
    const auto count = static_cast<std::size_t>(slab.rows);
    const auto n = static_cast<std::size_t>(shape.n);
    for (int v = 0; v < shape.variables(); ++v) {
      split_lanes(variable(slab, v), count, n, lane_rows.data(), static_cast<std::size_t>(slab_rows) * n);
      for (int lane = 0; lane < slab.lanes; ++lane) {
        write_rows(
            places.variables[static_cast<std::size_t>(v)], slab.first_trajectory + lane, slab.first_row,
            slab.rows,
            lane_rows.data() + static_cast<std::size_t>(lane) * static_cast<std::size_t>(slab_rows) * n);
      }
    }
    std::vector<double> energies(count);
    for (int lane = 0; lane < slab.lanes; ++lane) {
      for (std::size_t k = 0; k < count; ++k)
        energies[k] = slab.energy[k * kTileLanes + static_cast<std::size_t>(lane)];
      write_rows(places.energy, slab.first_trajectory + lane, slab.first_row, slab.rows, energies.data());
    }
    const std::int64_t end = slab.first_row + slab.rows;
    if (end > axis_rows) {
      // The axes are common to all trajectories: whoever gets there first writes them.
      const std::int64_t skip = axis_rows - slab.first_row;
      std::vector<std::int64_t> round;
      for (std::int64_t row = axis_rows; row < end; ++row) round.push_back(shape.round_of_row(row));
      write_rows(places.round, 0, axis_rows, end - axis_rows, round.data());
      write_rows(places.time, 0, axis_rows, end - axis_rows, slab.time.data() + skip);
      write_rows(places.pump, 0, axis_rows, end - axis_rows, slab.pump.data() + skip);
      axis_rows = end;
    }
    for (int lane = 0; lane < slab.lanes; ++lane)
      rows_written[slab.first_trajectory + static_cast<std::size_t>(lane)] = end;
    write_at(file, path, &rows_written[slab.first_trajectory], static_cast<std::size_t>(slab.lanes) * 8,
             places.rows_written + slab.first_trajectory * 8ULL);
  }

  void write_all() {
    for (;;) {
      std::unique_ptr<Slab> slab;
      {
        std::unique_lock lock(mutex);
        not_empty.wait(lock, [&] { return !queue.empty() || closing; });
        if (queue.empty()) return;
        slab = std::move(queue.front());
        queue.pop_front();
      }
      not_full.notify_one();
      try {
        if (!failed) write_slab(*slab);
      } catch (const std::exception& error) {
        const std::lock_guard lock(mutex);
        failure = error.what();
        failed = true;
        not_full.notify_all();
      }
      const std::lock_guard lock(mutex);
      spare.push_back(std::move(slab));
    }
  }

  void stop_writer() {
    {
      const std::lock_guard lock(mutex);
      closing = true;
    }
    not_empty.notify_all();
    if (writer.joinable()) writer.join();
  }
};

TrajectoryLog::TrajectoryLog(const std::string& path, const LogShape& shape, LogPlaces places,
                             double flush_every_s)
    : impl_(std::make_unique<Impl>()) {
  Impl& d = *impl_;
  d.path = path;
  d.shape = shape;
  d.places = std::move(places);
  d.flush_every_s = flush_every_s;
  d.rows = shape.rows();
  d.slab_rows = std::clamp<std::int64_t>(
      static_cast<std::int64_t>(kSlabBytes / (d.row_floats() * sizeof(float))), 1, d.rows);
  const std::size_t slab_bytes =
      d.row_floats() * sizeof(float) * static_cast<std::size_t>(d.slab_rows * shape.variables());
  d.queue_limit = std::max<std::size_t>(2, kQueueBytes / slab_bytes);
  d.tiles.resize(static_cast<std::size_t>(shape.trajectories));
  d.rows_written.assign(static_cast<std::size_t>(shape.trajectories), 0);
  d.lane_rows.resize(static_cast<std::size_t>(d.slab_rows) * d.row_floats());
  d.file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (d.file < 0) throw Error(fmt::format("{}: {}", path, std::strerror(errno)));
  d.writer = std::thread([this] { impl_->write_all(); });
}

TrajectoryLog::~TrajectoryLog() {
  impl_->stop_writer();
  if (impl_->file >= 0) ::close(impl_->file);
}

void TrajectoryLog::record(const TileObservation& o) {
  Impl& d = *impl_;
  if (d.failed.load(std::memory_order_acquire)) d.throw_if_failed();
  if (o.first_trajectory >= d.tiles.size()) return;
  if (o.round % d.shape.every != 0 && o.round != d.shape.rounds) return;
  const std::int64_t row = o.round == d.shape.rounds ? d.rows - 1 : o.round / d.shape.every;
  TileState& tile = d.tiles[o.first_trajectory];
  if (row < tile.next_row) return;  // the end of a run seen a second time
  if (row > tile.next_row || row >= d.rows || o.n != d.shape.n) {
    throw Error(
        fmt::format("trajectory log: round {} of trajectory {} (N = {}) where row {} of N = {} was due",
                    o.round, o.first_trajectory, o.n, tile.next_row, d.shape.n));
  }
  if (!tile.slab) {
    tile.slab = d.fresh_slab();
    tile.slab->first_trajectory = o.first_trajectory;
    tile.slab->lanes = std::min(o.lanes, d.shape.trajectories - static_cast<int>(o.first_trajectory));
    tile.slab->first_row = row;
    tile.slab->rows = 0;
    tile.slab->born = coarse_seconds();
  }
  Slab& slab = *tile.slab;
  const auto k = static_cast<std::size_t>(slab.rows);
  const float* sources[] = {o.amplitude, d.shape.has_error ? o.error : o.measured, o.measured};
  for (int v = 0; v < d.shape.variables(); ++v) {
    float* to = d.variable(slab, v) + k * d.row_floats();
    if (sources[v] != nullptr) {
      std::memcpy(to, sources[v], d.row_floats() * sizeof(float));
    } else {
      std::fill(to, to + d.row_floats(), std::numeric_limits<float>::quiet_NaN());
    }
  }
  std::copy(o.energy, o.energy + kTileLanes,
            slab.energy.begin() + static_cast<std::ptrdiff_t>(k * kTileLanes));
  slab.time[k] = o.time;
  slab.pump[k] = o.pump;
  ++slab.rows;
  ++tile.next_row;
  if (slab.rows == d.slab_rows || tile.next_row == d.rows ||
      coarse_seconds() - slab.born >= d.flush_every_s) {
    d.submit(std::move(tile.slab));
  }
}

void TrajectoryLog::close() {
  Impl& d = *impl_;
  if (!d.failed) {
    for (TileState& tile : d.tiles) {
      if (tile.slab && tile.slab->rows > 0) d.submit(std::move(tile.slab));
    }
  }
  d.stop_writer();
  d.throw_if_failed();
}

const LogShape& TrajectoryLog::shape() const {
  return impl_->shape;
}
const std::vector<std::int64_t>& TrajectoryLog::rows_written() const {
  return impl_->rows_written;
}
std::int64_t TrajectoryLog::longest() const {
  return impl_->axis_rows;
}

void TrajectoryLog::pad_with_nan() {
  Impl& d = *impl_;
  const auto n = static_cast<std::size_t>(d.shape.n);
  const std::vector<float> blank(static_cast<std::size_t>(d.slab_rows) * n,
                                 std::numeric_limits<float>::quiet_NaN());
  const std::vector<double> blank_energy(static_cast<std::size_t>(d.slab_rows),
                                         std::numeric_limits<double>::quiet_NaN());
  for (std::int64_t r = 0; r < d.shape.trajectories; ++r) {
    for (std::int64_t row = d.rows_written[static_cast<std::size_t>(r)]; row < d.axis_rows;
         row += d.slab_rows) {
      const std::int64_t count = std::min(d.slab_rows, d.axis_rows - row);
      for (const DatasetPlace& place : d.places.variables) d.write_rows(place, r, row, count, blank.data());
      d.write_rows(d.places.energy, r, row, count, blank_energy.data());
    }
  }
}

}  // namespace opoloop
