#pragma once

#include <optional>

#include "driver/calibration/record.h"

namespace opoloop::calibration {

/// What the samples show of the analogue-to-digital converter: they are (k + ½) LSB with whole k, and pile up
/// at the outermost codes where the range ends.
struct ConverterSteps {
  double lsb = 0;                    ///< 0: samples are not quantised, or finer than floats show
  double largest = 0;                ///< |sample|
  std::optional<int> bits;           ///< set only where the end of the range was reached
  std::optional<double> full_scale;  ///< 2^(bits − 1) LSB

  /// Variance that steps add to a sample whose own noise covers some of them.
  double variance() const { return lsb * lsb / 12; }
};

ConverterSteps find_converter(const RecordSet& set);

/// Part of a record's samples that are at the end of the range found.
double clipped_part(const CalibrationRecord& record, const ConverterSteps& steps);

}  // namespace opoloop::calibration
