#pragma once

#include <cstdint>

#include <fmt/format.h>

#include "core/error.h"
#include "driver/run_file.h"
#include "driver/run_recorder.h"

namespace opoloop {

/// Passes the amplitudes of a job of the server on to its run file. begin() throws InputError where they
/// would be more bytes than the server logs.
class BoundedRecorder final : public RunRecorder {
 public:
  BoundedRecorder(RunFile& file, std::uint64_t max_bytes) : file_(file), max_bytes_(max_bytes) {}

  void begin(int trajectories, int n, std::int64_t rounds, std::int64_t every, double dt, bool has_error,
             bool has_measured) override {
    const double arrays = 1 + (has_error ? 1 : 0) + (has_measured ? 1 : 0);
    const double bytes =
        4.0 * arrays * trajectories * n * (static_cast<double>(rounds) / static_cast<double>(every) + 1);
    if (bytes > static_cast<double>(max_bytes_)) {
      throw InputError(fmt::format(
          "log_trajectories: {:.3g} bytes of amplitudes, this server logs at most {:.3g}; raise log_every",
          bytes, static_cast<double>(max_bytes_)));
    }
    file_.begin(trajectories, n, rounds, every, dt, has_error, has_measured);
  }
  void record(const TileObservation& observation) override { file_.record(observation); }

 private:
  RunFile& file_;
  std::uint64_t max_bytes_;
};

}  // namespace opoloop
