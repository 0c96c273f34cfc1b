#include <hdf5.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "core/error.h"
#include "driver/hdf5_handle.h"
#include "driver/run_file_parts.h"

// The group /trajectories of a run file: laid out in full before the run, compressed or cut after it.
namespace opoloop::run_file {

namespace {

constexpr std::int64_t kAxisChunkRows = 16384;  // 128 KiB of doubles
constexpr double kLargestLog = 4e12;            // bytes planned: beyond it, not a log but a mistake

struct Array {
  const char* name;
  hdf5::Description description;
};

std::vector<Array> arrays(const LogShape& shape) {
  std::vector<Array> list = {
      {"amplitude", {"1", "In-phase amplitude x of every pulse after the round trip, as laws see it."}}};
  if (shape.has_error) list.push_back({"error", {"1", "Error (feedback gain) variable e of every pulse."}});
  if (shape.has_measured)
    list.push_back({"measured", {"1", "Measured amplitude of every pulse, noise included."}});
  return list;
}

const hdf5::Description kEnergyRows = {"problem energy",
                                       "Ising energy of the signs of the amplitudes, offset included."};
const hdf5::Description kRound = {"round trips", "Round trip of each row; 0 is the starting state."};
const hdf5::Description kTime = {"signal amplitude lifetimes", "Round trip times dt."};
const hdf5::Description kPump = {"solitary threshold", "Pump parameter p."};

std::uint64_t u(std::int64_t v) {
  return static_cast<std::uint64_t>(v);
}

std::int64_t chunk_rows_of(const LogShape& shape) {
  // 128 KiB each, larger for huge logs so that their number stays in the tens of thousands.
  const double bytes = std::clamp(shape.planned_bytes() / 50000, 131072.0, 4194304.0);
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(bytes / (4.0 * shape.n)), 1, shape.rows());
}

DatasetPlace place_of(std::int64_t dataset, std::int64_t trajectories, std::int64_t rows,
                      std::int64_t chunk_rows, std::int64_t row_bytes, std::size_t rank, bool by_trajectory) {
  DatasetPlace place;
  place.chunk_rows = chunk_rows;
  place.row_bytes = row_bytes;
  place.chunks_per_trajectory = (rows + chunk_rows - 1) / chunk_rows;
  place.address.reserve(static_cast<std::size_t>(trajectories * place.chunks_per_trajectory));
  std::vector<hsize_t> offset(rank, 0);
  for (std::int64_t r = 0; r < trajectories; ++r) {
    for (std::int64_t c = 0; c < place.chunks_per_trajectory; ++c) {
      if (by_trajectory) offset[0] = u(r);
      offset[by_trajectory ? 1 : 0] = u(c * chunk_rows);
      unsigned mask = 0;
      haddr_t address = HADDR_UNDEF;
      hsize_t size = 0;
      hdf5_check(H5Dget_chunk_info_by_coord(dataset, offset.data(), &mask, &address, &size),
                 "place of a chunk");
      if (address == HADDR_UNDEF) throw Error("HDF5 did not allocate a chunk in advance");
      place.address.push_back(address);
    }
  }
  return place;
}

/// Axes of the group: attaches trajectory, round (and time) and spin where they belong.
struct Axes {
  Hdf5Handle trajectory, round, time, spin;

  void attach(std::int64_t dataset, std::size_t rank) const {
    hdf5::attach_scale(dataset, trajectory, 0, "trajectory");
    hdf5::attach_scale(dataset, round, 1, "round");
    hdf5::attach_scale(dataset, time, 1, "time");
    if (rank == 3) hdf5::attach_scale(dataset, spin, 2, "spin");
  }
};

Axes write_axes(std::int64_t group, const LogShape& shape, Hdf5Handle round, Hdf5Handle time) {
  hdf5::write_attribute(group, "dt", shape.dt);
  hdf5::write_attribute(group, "rounds", shape.rounds);
  hdf5::write_attribute(group, "every", shape.every);
  std::vector<std::int32_t> index(static_cast<std::size_t>(std::max(shape.n, shape.trajectories)));
  std::iota(index.begin(), index.end(), 0);
  Axes axes;
  axes.round = std::move(round);
  axes.time = std::move(time);
  axes.trajectory = hdf5::write_dataset<std::int32_t>(group, "trajectory", {u(shape.trajectories)},
                                                      index.data(), {"1", "Row of /runs."});
  axes.spin = hdf5::write_dataset<std::int32_t>(group, "spin", {u(shape.n)}, index.data(),
                                                {"1", "Index of a pulse."});
  return axes;
}

}  // namespace

LogPlaces create_trajectories(std::int64_t file, const LogShape& shape) {
  if (shape.planned_bytes() > kLargestLog) {
    throw InputError(
        fmt::format("a log of {} trajectories × {} rows × {} pulses would need {:.1f} TB: log fewer "
                    "trajectories (--log-trajectories) or rows (--log-every)",
                    shape.trajectories, shape.rows(), shape.n, shape.planned_bytes() * 1e-12));
  }
  const Hdf5Handle group = hdf5::create_group(file, "trajectories");
  hdf5::write_attribute(group, "filters", std::string("none"));
  const std::uint64_t R = u(shape.trajectories);
  const std::uint64_t T = u(shape.rows());
  const std::uint64_t N = u(shape.n);
  const std::int64_t axis_chunk = std::min(kAxisChunkRows, shape.rows());
  LogPlaces places;

  Hdf5Handle round = hdf5::create_chunked<std::int64_t>(group, "round", {T}, {u(axis_chunk)}, kRound, true);
  Hdf5Handle time = hdf5::create_chunked<double>(group, "time", {T}, {u(axis_chunk)}, kTime, true);
  places.round = place_of(round, 1, shape.rows(), axis_chunk, 8, 1, false);
  places.time = place_of(time, 1, shape.rows(), axis_chunk, 8, 1, false);
  const Axes axes = write_axes(group, shape, std::move(round), std::move(time));
  const Hdf5Handle pump = hdf5::create_chunked<double>(group, "pump", {T}, {u(axis_chunk)}, kPump, true);
  hdf5::attach_scale(pump, axes.round, 0, "round");
  places.pump = place_of(pump, 1, shape.rows(), axis_chunk, 8, 1, false);

  const Hdf5Handle energy =
      hdf5::create_chunked<double>(group, "energy", {R, T}, {1, u(axis_chunk)}, kEnergyRows, true);
  axes.attach(energy, 2);
  places.energy = place_of(energy, shape.trajectories, shape.rows(), axis_chunk, 8, 2, true);
  const std::int64_t chunk = chunk_rows_of(shape);
  for (const Array& array : arrays(shape)) {
    const Hdf5Handle dataset =
        hdf5::create_chunked<float>(group, array.name, {R, T, N}, {1, u(chunk), N}, array.description, true);
    axes.attach(dataset, 3);
    places.variables.push_back(
        place_of(dataset, shape.trajectories, shape.rows(), chunk, 4LL * shape.n, 3, true));
  }

  const std::vector<std::int64_t> none(R, 0);
  const Hdf5Handle written =
      hdf5::write_dataset<std::int64_t>(group, "rows_written", {R}, none.data(),
                                        {"1",
                                         "Rows of each trajectory that hold data; later rows are NaN in a "
                                         "finished file, 0 in one that was cut off."});
  hdf5::attach_scale(written, axes.trajectory, 0, "trajectory");
  places.rows_written = H5Dget_offset(written);
  if (places.rows_written == HADDR_UNDEF) throw Error("HDF5 did not allocate rows_written");
  return places;
}

void pack_trajectories(std::int64_t file, std::int64_t log_file, const LogShape& shape,
                       const std::vector<std::int64_t>& rows_written, std::int64_t rows) {
  const Hdf5Handle log = hdf5::open_group(log_file, "trajectories");
  const Hdf5Handle group = hdf5::create_group(file, "trajectories");
  hdf5::write_attribute(group, "filters", std::string("shuffle deflate fletcher32"));
  const std::uint64_t R = u(shape.trajectories);
  const std::uint64_t T = u(rows);
  const std::uint64_t N = u(shape.n);
  const auto axis = [&]<class Number>(const char* name, const hdf5::Description& description, Number) {
    std::vector<Number> values = hdf5::read_all<Number>(log, name);
    values.resize(T);
    return hdf5::write_dataset<Number>(group, name, {T}, values.data(), description, hdf5::Packing::packed);
  };
  Hdf5Handle round = axis("round", kRound, std::int64_t{});
  Hdf5Handle time = axis("time", kTime, double{});
  const Axes axes = write_axes(group, shape, std::move(round), std::move(time));
  const Hdf5Handle pump = axis("pump", kPump, double{});
  hdf5::attach_scale(pump, axes.round, 0, "round");

  const auto copy = [&]<class Number>(const Array& array, bool per_spin, Number blank) {
    const std::uint64_t width = per_spin ? N : 1;
    const std::uint64_t fit = std::clamp<std::uint64_t>((128U << 10) / (width * sizeof(Number)), 1, T);
    std::vector<std::uint64_t> dims = {R, T};
    std::vector<std::uint64_t> chunk = {1, fit};
    if (per_spin) {
      dims.push_back(N);
      chunk.push_back(N);
    }
    const Hdf5Handle from = hdf5::open_dataset(log, array.name);
    const Hdf5Handle to =
        hdf5::create_chunked<Number>(group, array.name, dims, chunk, array.description, false);
    axes.attach(to, dims.size());
    std::vector<Number> values;
    for (std::uint64_t r = 0; r < R; ++r) {
      for (std::uint64_t t = 0; t < T; t += fit) {
        std::vector<std::uint64_t> start = {r, t};
        std::vector<std::uint64_t> count = {1, std::min(fit, T - t)};
        if (per_spin) {
          start.push_back(0);
          count.push_back(N);
        }
        values.resize(count[1] * width);
        hdf5::read_block<Number>(from, start, count, values.data());
        const std::uint64_t held = std::clamp(u(rows_written[r]), t, t + count[1]) - t;
        std::fill(values.begin() + static_cast<std::ptrdiff_t>(held * width), values.end(), blank);
        hdf5::write_block<Number>(to, start, count, values.data());
      }
    }
  };
  copy({"energy", kEnergyRows}, false, std::numeric_limits<double>::quiet_NaN());
  for (const Array& array : arrays(shape)) copy(array, true, std::numeric_limits<float>::quiet_NaN());
  const Hdf5Handle written =
      hdf5::write_dataset<std::int64_t>(group, "rows_written", {R}, rows_written.data(),
                                        {"1", "Rows of each trajectory that hold data; later rows are NaN."});
  hdf5::attach_scale(written, axes.trajectory, 0, "trajectory");
}

void shorten_trajectories(std::int64_t file, const LogShape& shape, std::int64_t rows) {
  const Hdf5Handle group = hdf5::open_group(file, "trajectories");
  std::vector<std::string> names = {"round", "time", "pump", "energy"};
  for (const Array& array : arrays(shape)) names.emplace_back(array.name);
  for (const std::string& name : names) {
    const Hdf5Handle dataset = hdf5::open_dataset(group, name);
    std::vector<std::uint64_t> dims = hdf5::dimensions(dataset);
    dims[dims.size() == 1 ? 0 : 1] = u(rows);
    const std::vector<hsize_t> extent(dims.begin(), dims.end());
    hdf5_check(H5Dset_extent(dataset, extent.data()), "cutting " + name);
  }
}

}  // namespace opoloop::run_file
