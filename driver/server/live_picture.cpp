#include "driver/server/live_picture.h"

#include <algorithm>

#include "core/error.h"

namespace opoloop {

void LivePicture::begin(int trajectories, int n, std::int64_t rounds, std::int64_t every, double dt, bool,
                        bool) {
  shape_.runs = std::min(trajectories, kRuns);
  shape_.n = n;
  shape_.rounds = rounds;
  shape_.dt = dt;
  const std::int64_t shown = std::min(n, kPulses);
  for (std::int64_t k = 0; k < shown; ++k) shape_.pulses.push_back(static_cast<int>(k * n / shown));
  for (Run& run : runs_) run.stride = run.rows.stride = every;
  begun_.store(true, std::memory_order_release);
}

LivePicture::LivePicture(const RunFileContents& file) {
  if (file.amplitude.empty() || file.log_rounds.empty()) return;
  const int n = static_cast<int>(file.amplitude.front().empty() ? 0 : file.amplitude.front().front().size());
  if (n == 0) return;
  begin(static_cast<int>(file.amplitude.size()), n, file.log_rounds.back(), 1, 0, false, false);
  for (std::size_t r = 0; r < static_cast<std::size_t>(shape_.runs); ++r) {
    // A run that stopped early ends in rows of NaN, without a round trip that was its last.
    std::size_t rows = file.amplitude[r].size();
    while (rows > 0 && !(file.amplitude[r][rows - 1].front() == file.amplitude[r][rows - 1].front())) --rows;
    for (std::size_t k = 0; k < rows; ++k) {
      add(runs_[r], file.log_rounds[k], static_cast<float>(file.log_pump[k]), file.energy[r][k],
          file.amplitude[r][k].data(), 1);
    }
  }
}

void LivePicture::record(const TileObservation& o) {
  const auto first = static_cast<int>(o.first_trajectory);
  const int end = std::min(shape_.runs, first + o.lanes);
  for (int r = first; r < end; ++r) {
    Run& run = runs_[static_cast<std::size_t>(r)];
    const bool last = o.round == shape_.rounds;
    if (!last && o.round % run.stride.load(std::memory_order_relaxed) != 0) continue;
    std::unique_lock lock(run.mutex, std::defer_lock);
    if (last) {
      lock.lock();
    } else if (!lock.try_lock()) {
      continue;
    }
    const auto lane = static_cast<std::size_t>(r - first);
    add(run, o.round, static_cast<float>(o.pump), o.energy[lane], o.amplitude + lane, kTileLanes);
  }
}

/// One row; pulse i of it is amplitude[i · step]. The caller holds the mutex.
void LivePicture::add(Run& run, std::int64_t round, float pump, double energy, const float* amplitude,
                      std::size_t step) const {
  Rows& rows = run.rows;
  if (!rows.round.empty() && round <= rows.round.back()) return;  // the end of a run seen a second time
  if (rows.size() == static_cast<std::size_t>(kRows)) thin(run);
  if (round % rows.stride != 0 && round != shape_.rounds) return;
  rows.round.push_back(round);
  rows.pump.push_back(pump);
  rows.energy.push_back(energy);
  for (const int pulse : shape_.pulses) {
    rows.amplitude.push_back(amplitude[static_cast<std::size_t>(pulse) * step]);
  }
}

void LivePicture::thin(Run& run) const {
  Rows& rows = run.rows;
  // More than once where the rows that came were not of this stride, as those of a file.
  while (rows.size() == static_cast<std::size_t>(kRows)) {
    rows.stride *= 2;
    std::size_t kept = 0;
    const std::size_t wide = shape_.pulses.size();
    for (std::size_t k = 0; k < rows.size(); ++k) {
      if (rows.round[k] % rows.stride != 0) continue;
      rows.round[kept] = rows.round[k];
      rows.pump[kept] = rows.pump[k];
      rows.energy[kept] = rows.energy[k];
      std::copy_n(rows.amplitude.begin() + static_cast<std::ptrdiff_t>(k * wide), wide,
                  rows.amplitude.begin() + static_cast<std::ptrdiff_t>(kept * wide));
      ++kept;
    }
    rows.round.resize(kept);
    rows.pump.resize(kept);
    rows.energy.resize(kept);
    rows.amplitude.resize(kept * wide);
  }
  run.stride = rows.stride;
}

LivePicture::Rows LivePicture::read(int run, std::int64_t after) const {
  if (!begun() || run < 0 || run >= shape_.runs) {
    throw InputError("this trajectory is not among those that are shown");
  }
  const Run& from = runs_[static_cast<std::size_t>(run)];
  const std::lock_guard lock(from.mutex);
  const Rows& rows = from.rows;
  const auto first = std::upper_bound(rows.round.begin(), rows.round.end(), after) - rows.round.begin();
  const auto wide = static_cast<std::ptrdiff_t>(shape_.pulses.size());
  return {rows.stride,
          {rows.round.begin() + first, rows.round.end()},
          {rows.pump.begin() + first, rows.pump.end()},
          {rows.energy.begin() + first, rows.energy.end()},
          {rows.amplitude.begin() + first * wide, rows.amplitude.end()}};
}

}  // namespace opoloop
