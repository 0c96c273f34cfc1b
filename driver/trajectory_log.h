#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cim_model/engine.h"

namespace opoloop {

/// What a log of trajectories holds.
struct LogShape {
  int trajectories = 0;
  int n = 0;
  std::int64_t rounds = 0;  ///< round trips of a run
  std::int64_t every = 1;   ///< round trips between rows
  double dt = 0;            ///< time of one round trip
  bool has_error = false;
  bool has_measured = false;

  /// Rows planned: rounds 0, every, 2·every, … and the last round.
  std::int64_t rows() const { return rounds / every + 1 + (rounds % every != 0 ? 1 : 0); }
  std::int64_t round_of_row(std::int64_t row) const { return std::min(row * every, rounds); }
  /// Variables of shape [N] in a row: amplitude, then error, then measured.
  int variables() const { return 1 + (has_error ? 1 : 0) + (has_measured ? 1 : 0); }
  /// Bytes of the big arrays, were every planned row written.
  double planned_bytes() const {
    return static_cast<double>(trajectories) * static_cast<double>(rows()) * n * 4.0 * variables();
  }
};

/// Where a dataset [trajectory][row][row_bytes] in chunks [1][chunk_rows][…] lies in the file. Chunks without
/// filters keep their place from the moment the dataset is made, so rows can be written straight to it.
struct DatasetPlace {
  std::int64_t chunk_rows = 1;
  std::int64_t row_bytes = 0;
  std::int64_t chunks_per_trajectory = 1;
  std::vector<std::uint64_t> address;  ///< [trajectory · chunks_per_trajectory + chunk]; bytes from the start

  bool present() const { return !address.empty(); }
};

struct LogPlaces {
  std::vector<DatasetPlace> variables;  ///< amplitude, error, measured: LogShape::variables() of them
  DatasetPlace energy;                  ///< double
  DatasetPlace round, time, pump;       ///< of one "trajectory": int64, double, double
  std::uint64_t rows_written = 0;       ///< address of int64[trajectories]
};

/// Takes rows of tiles from worker threads and writes them into a laid-out file from a thread of its own.
///
/// record() copies rows into a slab of about 256 KiB that belongs to its tile, without a lock; a full slab
/// (or one older than flush_every_s) goes to the queue of the writer, which turns [row][N][16] into 16 runs
/// of [row][N] and writes each where it belongs. The queue is bounded: record() waits while it is full.
/// Nothing but data goes to the file: the structure around it was complete before the first row, so a kill
/// at any instant leaves a well-formed file, and rows_written[r] is raised only after the rows are in.
class TrajectoryLog {
 public:
  /// Opens `path` for writing in place; the datasets must lie where `places` says.
  TrajectoryLog(const std::string& path, const LogShape& shape, LogPlaces places, double flush_every_s);
  ~TrajectoryLog();

  /// Concurrent for different tiles, in row order for each. Rounds that are no row (the end of a run that
  /// stopped between two rows) are left out. Throws Error once the writer has failed (disk full).
  void record(const TileObservation& observation);

  /// Writes what is left and stops the writer; call after the last record(). Throws Error where anything
  /// could not be written.
  void close();

  const LogShape& shape() const;
  /// After close(): rows in the file, per trajectory, and the largest of them.
  const std::vector<std::int64_t>& rows_written() const;
  std::int64_t longest() const;

  /// After close(): NaN in the rows of shorter trajectories up to longest().
  void pad_with_nan();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace opoloop
