#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "driver/run_file.h"
#include "driver/trajectory_log.h"

// The groups of a run file, each written by one function (docs/run-file.md describes them). `file` is an
// open HDF5 file. Callers hold hdf5_mutex().
namespace opoloop::run_file {

inline constexpr const char* kSchema = "opoloop-run";
/// J is stored as a dense matrix up to this many spins, as compressed sparse rows above.
inline constexpr std::int32_t kDenseSpins = 1000;

/// Who wrote a file, when, with what: the attributes that all files of this program begin with.
void write_provenance(std::int64_t file, const std::string& schema, std::int64_t schema_version,
                      const std::string& command_line, std::uint64_t seed);
/// Group `parameters` of a device: one scalar dataset each.
void write_parameters(std::int64_t device, const std::map<std::string, ParameterValue>& parameters);
void write_root(std::int64_t file, const RunFile::Header& header);
void write_problem(std::int64_t file, const Problem& problem);
/// /trajectories with room for every planned row, unfiltered; says where everything lies.
LogPlaces create_trajectories(std::int64_t file, const LogShape& shape);
/// The same group made anew from a log whose rows are all written, compressed.
void pack_trajectories(std::int64_t file, std::int64_t log_file, const LogShape& shape,
                       const std::vector<std::int64_t>& rows_written, std::int64_t rows);
/// Cuts the planned rows of a log to those that were written.
void shorten_trajectories(std::int64_t file, const LogShape& shape, std::int64_t rows);
/// /problem/adaptations, /device, /runs, /statistics.
void write_results(std::int64_t file, const Result& result, const SolveStatistics& statistics,
                   std::int32_t n);

/// Bit 1 = spin +1, most significant bit first, rows padded to whole bytes: numpy.unpackbits undoes it.
std::vector<std::uint8_t> pack_spins(const std::vector<std::int8_t>& spins);
std::vector<std::int8_t> unpack_spins(const std::uint8_t* bits, std::int32_t n);

}  // namespace opoloop::run_file
