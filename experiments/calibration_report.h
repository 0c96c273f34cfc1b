#pragma once

#include <optional>
#include <string>

#include "driver/calibration/calibration.h"
#include "driver/calibration/compare.h"
#include "driver/calibration/sample_fit.h"

namespace opoloop {

/// A page: estimates with their intervals, what every record shows beside the fitted loop, residuals in
/// standard errors, gain map, drift spectrum; the comparison with the machine where there is one.
std::string calibration_html(const calibration::Calibration& result,
                             const calibration::DeviceComparison* comparison,
                             const std::string& command_line);
/// The same of samples alone.
std::string sample_calibration_html(const calibration::SampleCalibration& result, const std::string& device,
                                    const std::string& command_line);
/// Two devices on the same jobs: success, energies, bias, and the energy histograms of each problem.
std::string comparison_html(const calibration::DeviceComparison& comparison, const std::string& command_line);

/// The same three as JSON text, indented.
std::string calibration_json(const calibration::Calibration& result,
                             const calibration::DeviceComparison* comparison,
                             const std::string& command_line);
std::string sample_calibration_json(const calibration::SampleCalibration& result, const std::string& device,
                                    const std::string& command_line);
std::string comparison_json(const calibration::DeviceComparison& comparison, const std::string& command_line);

}  // namespace opoloop
