#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "driver/calibration/record.h"

namespace opoloop::calibration {

/// Bench records as files (docs/calibration.md): a description in TOML, and the samples beside it in HDF5,
/// NumPy archives or CSV.
///
///     format = 1
///     description = "loop 3, 2026-11-20"
///     round_trip_time_s = 1.0e-6       # optional
///     [[record]]
///     kind = "ring-down"
///     name = "off"                     # optional
///     pump = "1.4@0,1.4@0.85,0@0.851"  # a number, or a schedule over the run
///     settled = 240                    # first row that no longer knows the start
///     samples = "bench.h5:off"         # FILE:DATASET (HDF5, npz) or FILE.csv, relative to this file
///     couplings = [[0, 1, 0.25], [2, 3, -0.25]]
struct RecordDescription {
  CalibrationRecord record;  ///< without samples, runs, pulses and rounds: those are in the data
  std::string file;          ///< as written
  std::string dataset;       ///< empty for CSV
  std::string pump_text;
  int line = 0;
};
struct SetDescription {
  RecordSet set;  ///< without records
  std::vector<RecordDescription> records;
};

/// Throws InputError `path:line: 'key': reason`.
SetDescription parse_description(const std::string& text, const std::string& path);

/// Samples of a record as they lie in a file.
struct SampleArray {
  std::int64_t runs = 0, rows = 0, pulses = 0;
  std::vector<float> values;  ///< [run][row][pulse]
};
/// `run,round,y0,y1,…`: a line a run and round trip, both counted from 0, in order; a first line of names may
/// stand above. Throws InputError `file:line: …`.
SampleArray parse_samples_csv(std::string_view text, const std::string& file);
/// Array [run][row][pulse], or [row][pulse] of a single run, of an npz archive.
SampleArray parse_samples_npz(std::string_view bytes, const std::string& dataset, const std::string& file);

/// A description and the samples it names. Throws InputError, one line.
RecordSet read_records(const std::string& path);
/// Writes `path` (.toml) and, beside it, the samples as HDF5: what read_records() reads.
void write_records(const RecordSet& set, const std::string& path, const std::string& command_line);

}  // namespace opoloop::calibration
