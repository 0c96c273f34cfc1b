#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <vector>

#include "driver/run_file.h"
#include "driver/run_recorder.h"

namespace opoloop {

/// Amplitudes of the first few trajectories of a job, for somebody who looks on: at most kPulses pulses and
/// kRows rows a trajectory, whatever the size and length of the job, so its memory is bounded (below 1 MB).
///
/// Rows are kept every stride() round trips; where they become too many, every second one goes and the stride
/// doubles. A look (read) copies what is there: whoever looks rarely misses rows and holds up nobody, and a
/// row that comes while somebody copies is left out rather than waited for.
class LivePicture final : public RunRecorder {
 public:
  static constexpr int kRuns = 4;      ///< trajectories
  static constexpr int kPulses = 100;  ///< of those of a larger problem, evenly spaced by index
  static constexpr int kRows = 512;    ///< a trajectory

  /// What is shown. `pulses`: the indices, ascending.
  struct Shape {
    int runs = 0;
    int n = 0;
    std::int64_t rounds = 0;  ///< of a run
    double dt = 0;
    std::vector<int> pulses;
  };

  /// Some rows of one trajectory, in round order.
  struct Rows {
    std::int64_t stride = 1;
    std::vector<std::int64_t> round;
    std::vector<float> pump;
    std::vector<double> energy;
    std::vector<float> amplitude;  ///< [row][pulse]
    std::size_t size() const { return round.size(); }
  };

  LivePicture() = default;
  /// The picture of a run that was logged, from its file.
  explicit LivePicture(const RunFileContents& file);

  /// At most one call. `every`: the first stride.
  void begin(int trajectories, int n, std::int64_t rounds, std::int64_t every, double dt, bool has_error,
             bool has_measured) override;
  /// Never waits, but for the last round trip.
  void record(const TileObservation& observation) override;

  /// False until begin(): there is no shape yet, and no rows.
  bool begun() const { return begun_.load(std::memory_order_acquire); }
  /// After begun().
  const Shape& shape() const { return shape_; }
  /// The rows of trajectory `run` (below shape().runs) after round trip `after`; all of them for −1.
  Rows read(int run, std::int64_t after = -1) const;

 private:
  struct Run {
    mutable std::mutex mutex;
    std::atomic<std::int64_t> stride{1};  ///< written under the mutex
    Rows rows;
  };

  void add(Run& run, std::int64_t round, float pump, double energy, const float* amplitude,
           std::size_t step) const;
  void thin(Run& run) const;

  std::atomic<bool> begun_{false};
  Shape shape_;
  std::array<Run, kRuns> runs_;
};

}  // namespace opoloop
