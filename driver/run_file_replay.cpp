#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "core/error.h"
#include "driver/hdf5_handle.h"
#include "driver/run_file.h"

namespace opoloop {
namespace {

/// Rows of up to kTileLanes trajectories at once: one chunk of rows of each is in memory.
constexpr std::uint64_t kRowsAtOnce = 256;

struct Variable {
  Hdf5Handle dataset;
  std::vector<float> rows;   ///< [row][spin] of one trajectory
  std::vector<float> tiles;  ///< [row][spin][lane]
};

struct Axes {
  std::vector<std::int64_t> round;
  std::vector<double> time, pump;
  std::vector<std::int64_t> written;
};

void read_rows(Variable& variable, std::uint64_t trajectory, std::uint64_t lane, std::uint64_t first,
               std::uint64_t count, std::uint64_t n) {
  variable.rows.resize(count * n);
  hdf5::read_block<float>(variable.dataset, {trajectory, first, 0}, {1, count, n}, variable.rows.data());
  for (std::uint64_t k = 0; k < count * n; ++k) variable.tiles[k * kTileLanes + lane] = variable.rows[k];
}

const float* tile_of(const Variable* variable, std::uint64_t row, std::uint64_t n) {
  return variable == nullptr ? nullptr : variable->tiles.data() + row * n * kTileLanes;
}

}  // namespace

void replay_trajectories(const std::string& path, RunRecorder& recorder) {
  // Rows are handed over without the lock: a recorder that is a run file takes it itself.
  std::unique_lock lock(hdf5_mutex());
  const Hdf5Handle file = hdf5::open_file(path, false);
  if (!hdf5::exists(file, "trajectories")) return;
  const Hdf5Handle group = hdf5::open_group(file, "trajectories");
  std::vector<Variable> variables;
  const auto open = [&](const char* name) {
    if (!hdf5::exists(group, name)) return;
    variables.push_back({hdf5::open_dataset(group, name), {}, {}});
  };
  open("amplitude");
  if (variables.empty()) throw InputError(path + ": /trajectories without amplitude");
  const bool has_error = hdf5::exists(group, "error");
  const bool has_measured = hdf5::exists(group, "measured");
  open("error");
  open("measured");
  const std::vector<std::uint64_t> dims = hdf5::dimensions(variables[0].dataset);
  Axes axes{hdf5::read_all<std::int64_t>(group, "round"), hdf5::read_all<double>(group, "time"),
            hdf5::read_all<double>(group, "pump"), hdf5::read_all<std::int64_t>(group, "rows_written")};
  const Hdf5Handle energy_set = hdf5::open_dataset(group, "energy");
  if (dims.size() != 3 || axes.round.size() != dims[1] || axes.time.size() != dims[1] ||
      axes.pump.size() != dims[1] || axes.written.size() != dims[0] ||
      hdf5::dimensions(energy_set) != std::vector{dims[0], dims[1]}) {
    throw InputError(path + ": /trajectories: datasets of different lengths");
  }
  for (const Variable& variable : variables) {
    if (hdf5::dimensions(variable.dataset) != dims)
      throw InputError(path + ": /trajectories: datasets of different lengths");
  }
  if (dims[0] == 0 || dims[1] == 0 || dims[2] == 0) return;
  const std::uint64_t n = dims[2];
  const std::int64_t every = dims[1] > 1 ? std::max<std::int64_t>(1, axes.round[1] - axes.round[0]) : 1;
  const double dt = axes.round.back() > 0 ? axes.time.back() / static_cast<double>(axes.round.back()) : 1.0;
  lock.unlock();
  recorder.begin(static_cast<int>(dims[0]), static_cast<int>(n), axes.round.back(), every, dt, has_error,
                 has_measured);
  lock.lock();

  const Variable* error = has_error ? &variables[1] : nullptr;
  const Variable* measured = has_measured ? &variables.back() : nullptr;
  std::vector<double> energies, energy_rows;
  for (std::uint64_t first = 0; first < dims[0]; first += kTileLanes) {
    const std::uint64_t lanes = std::min<std::uint64_t>(kTileLanes, dims[0] - first);
    std::int64_t longest = 0;
    for (std::uint64_t l = 0; l < lanes; ++l) longest = std::max(longest, axes.written[first + l]);
    const std::uint64_t rows = std::min(dims[1], static_cast<std::uint64_t>(longest));
    for (std::uint64_t begin = 0; begin < rows; begin += kRowsAtOnce) {
      const std::uint64_t count = std::min(kRowsAtOnce, rows - begin);
      energies.assign(count * kTileLanes, std::numeric_limits<double>::quiet_NaN());
      energy_rows.resize(count);
      for (Variable& variable : variables) variable.tiles.assign(count * n * kTileLanes, 0.0F);
      for (std::uint64_t l = 0; l < lanes; ++l) {
        for (Variable& variable : variables) read_rows(variable, first + l, l, begin, count, n);
        hdf5::read_block<double>(energy_set, {first + l, begin}, {1, count}, energy_rows.data());
        for (std::uint64_t k = 0; k < count; ++k) energies[k * kTileLanes + l] = energy_rows[k];
      }
      lock.unlock();
      for (std::uint64_t k = 0; k < count; ++k) {
        recorder.record({axes.round[begin + k], static_cast<std::uint32_t>(first), static_cast<int>(lanes),
                         axes.time[begin + k], axes.pump[begin + k], static_cast<int>(n),
                         tile_of(&variables[0], k, n), tile_of(error, k, n), tile_of(measured, k, n),
                         energies.data() + k * kTileLanes});
      }
      lock.lock();
    }
  }
}

}  // namespace opoloop
