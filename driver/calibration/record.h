#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cim_model/schedule.h"
#include "hamiltonian/ising_model.h"

namespace opoloop::calibration {

/// What a record was taken for (docs/calibration.md has what each must look like).
enum class RecordKind {
  below,      ///< no couplings, constant pump below threshold: noise around zero
  above,      ///< no couplings, constant pump above threshold, from vacuum: build-up and amplitude
  ring_down,  ///< no couplings, pump above threshold, then off
  pairs,   ///< pairs of pulses coupled with both signs, below threshold: gain, sign and delay of the feedback
  ladder,  ///< pairs at rising couplings, driven above threshold: gain and clipping of the feedback
  drift,   ///< no couplings, one long stretch at constant pump above threshold
  clip,    ///< anything strong: shows where the converter of the measurement ends
};

/// Homodyne samples of some runs at one setting. The operator knows all of it: what was sent, what came back.
struct CalibrationRecord {
  RecordKind kind = RecordKind::below;
  std::string name;
  Schedule pump;             ///< setting of the pump over the run, in the machine's own units
  std::int64_t rounds = 0;   ///< round trips of a run; row k holds the samples of round k = 0 … rounds
  std::int64_t settled = 0;  ///< first row that no longer knows the start of the run
  std::vector<IsingEdge> couplings;  ///< injected into pulse i: Σ_j J_ij · (record of pulse j)
  int runs = 0;
  int pulses = 0;
  std::vector<float> samples;  ///< [run][row][pulse], in units of the record (volts, say)

  std::int64_t rows() const { return rounds + 1; }
  const float* row(int run, std::int64_t k) const {
    return samples.data() + (static_cast<std::int64_t>(run) * rows() + k) * pulses;
  }
  double pump_at(std::int64_t round) const { return pump.at(round, rounds); }
  /// Throws InputError `name: …` where the numbers do not fit each other or the kind.
  void validate() const;
};

/// Everything a calibration is made from.
struct RecordSet {
  std::string description;
  std::string source;                       ///< device URI or file
  std::optional<double> round_trip_time_s;  ///< what the operator's clock says
  std::vector<CalibrationRecord> records;

  int pulses() const { return records.empty() ? 0 : records.front().pulses; }
};

std::string name_of(RecordKind kind);
/// Throws InputError listing the kinds.
RecordKind parse_kind_of_record(const std::string& text);

/// Round in which the pump of a ring-down goes off; throws InputError where it does not.
std::int64_t switch_off_round(const CalibrationRecord& record);

}  // namespace opoloop::calibration
