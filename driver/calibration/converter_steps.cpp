#include "driver/calibration/converter_steps.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace opoloop::calibration {
namespace {

/// Some of the magnitudes, evenly over all records.
std::vector<double> some_magnitudes(const RecordSet& set, std::size_t wanted) {
  std::vector<double> values;
  for (const CalibrationRecord& r : set.records) {
    const std::size_t step = std::max<std::size_t>(1, r.samples.size() * set.records.size() / wanted);
    for (std::size_t i = 0; i < r.samples.size(); i += step | 1U) {
      if (r.samples[i] != 0) values.push_back(std::abs(static_cast<double>(r.samples[i])));
    }
  }
  std::sort(values.begin(), values.end());
  return values;
}

/// The step of which all values are odd multiples of a half; 0 where there is none.
double step_of(const std::vector<double>& sorted) {
  if (sorted.size() < 100) return 0;
  const double rounding = 4e-7 * sorted.back();
  double gap = 0;
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    const double difference = sorted[i] - sorted[i - 1];
    if (difference > rounding && (gap == 0 || difference < gap)) gap = difference;
  }
  if (gap == 0) return 0;
  // The gap is as uncertain as the two floats it lies between; the largest code that fits makes it exact.
  double lsb = gap;
  for (const double value : sorted) {
    const double code = std::round(value / lsb - 0.5);
    if (std::abs(value / lsb - 0.5 - code) > 0.25) return 0;
    if (code >= 1) lsb = value / (code + 0.5);
  }
  for (const double value : sorted) {
    const double code = value / lsb - 0.5;
    if (std::abs(code - std::round(code)) > 0.02) return 0;
  }
  return lsb;
}

}  // namespace

ConverterSteps find_converter(const RecordSet& set) {
  ConverterSteps steps;
  for (const CalibrationRecord& r : set.records) {
    for (const float sample : r.samples)
      steps.largest = std::max(steps.largest, std::abs(static_cast<double>(sample)));
  }
  steps.lsb = step_of(some_magnitudes(set, 20000));
  if (steps.lsb == 0) return steps;
  const auto top = static_cast<std::int64_t>(std::lround(steps.largest / steps.lsb - 0.5));
  const int bits = static_cast<int>(std::lround(std::log2(static_cast<double>(top) + 1))) + 1;
  if (bits < 1 || bits > 24 || (std::int64_t{1} << (bits - 1)) != top + 1) return steps;
  // A range ends where far more samples lie in the last code than in the one before it.
  std::int64_t last = 0, before = 0;
  for (const CalibrationRecord& r : set.records) {
    for (const float sample : r.samples) {
      const auto code =
          static_cast<std::int64_t>(std::lround(std::abs(static_cast<double>(sample)) / steps.lsb - 0.5));
      last += code == top ? 1 : 0;
      before += code == top - 1 ? 1 : 0;
    }
  }
  if (last < 20 || last < 3 * before) return steps;
  steps.bits = bits;
  steps.full_scale = std::ldexp(steps.lsb, bits - 1);
  return steps;
}

double clipped_part(const CalibrationRecord& record, const ConverterSteps& steps) {
  if (!steps.full_scale) return 0;
  const double end = *steps.full_scale - steps.lsb * 0.75;
  const auto clipped = std::count_if(record.samples.begin(), record.samples.end(), [&](float sample) {
    return std::abs(static_cast<double>(sample)) > end;
  });
  return static_cast<double>(clipped) / static_cast<double>(record.samples.size());
}

}  // namespace opoloop::calibration
