#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "driver/calibration/converter_steps.h"
#include "driver/calibration/drift_spectrum.h"
#include "driver/calibration/loop_fit.h"
#include "driver/calibration/record.h"

namespace opoloop::calibration {

/// One number of the machine with its 95% interval: the hull of the interval from the Jacobian (Student's t,
/// as many degrees of freedom as the record with the fewest runs has) and that of the bootstrap.
struct Estimate {
  std::string name;  ///< as `emulator:` calls it; derived quantities have names of their own
  std::string unit;
  double value = 0;
  double low = 0, high = 0;
  double jacobian_low = 0, jacobian_high = 0;
  double bootstrap_low = 0, bootstrap_high = 0;
  std::string what;               ///< in words
  bool only_lower_bound = false;  ///< the records end before the limit is reached
  bool holds(double truth) const { return truth >= low && truth <= high; }
};

/// A block of statistics beside what the fitted loop predicts: residuals for the report.
struct BlockResiduals {
  RecordKind kind = RecordKind::below;
  std::string name;
  std::vector<std::string> labels;
  std::vector<double> axis, measured, error, predicted;

  double chi_squared() const;
};

struct Calibration {
  LoopGuess loop;
  std::vector<Estimate> estimates;  ///< scalars
  std::vector<Estimate> gain_map;   ///< one a pulse, relative, mean 0
  ConverterSteps converter;
  std::optional<DriftSpectrum> drift;
  std::vector<std::int32_t> dead_pulses;
  std::vector<BlockResiduals> blocks;
  std::vector<double> delay_misfit;  ///< of each delay from 0
  std::vector<std::string> notes;    ///< what was not estimated and why, what should be looked at
  std::optional<double> round_trip_time_s;
  std::string description, source;

  /// Null where there is none of this name.
  const Estimate* find(const std::string& name) const;
};

struct CalibrationOptions {
  int resamples = 400;
  std::uint64_t seed = 1;
  int largest_delay = 16;
};

/// Estimates everything the records speak of. Throws InputError where a kind of record is missing without
/// which nothing can be said.
Calibration calibrate(const RecordSet& set, const CalibrationOptions& options = {});

}  // namespace opoloop::calibration
