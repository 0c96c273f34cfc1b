#pragma once

#include <Eigen/Dense>
#include <vector>

#include "driver/calibration/loop_moments.h"
#include "driver/calibration/record.h"

namespace opoloop::calibration {

/// What is common to all pulses of a long record, over frequency, and what of it is the pump.
///
/// The mean over every other pulse and the mean over the rest share the pump and nothing else (noise of
/// cavity, detector and electronics is every pulse's own), so that the real part of their cross-spectrum
/// shows the pump alone. A relative deviation δ(k) of the pump moves the amplitude m by
///
///     ξ(k+1) = (1 − 2m² dt) ξ(k) + P m dt δ(k),
///
/// and the expected cross-periodogram of a δ with spectrum 1/f (that of pump_drift, cim_model/drift.h) and of
/// a white one (pump_noise) follow exactly, window included. Their two variances are a linear least-squares
/// fit to bins of the spectrum, run by run.
struct DriftSpectrum {
  std::vector<double> frequency;  ///< middle of each bin, per round trip
  std::vector<double> measured;   ///< cross-spectrum of the two halves, record² · round trip
  std::vector<double> error;      ///< standard error
  std::vector<double> fitted;
  std::vector<double> own_noise;     ///< what each half has besides, for comparison
  Eigen::MatrixXd variance_per_run;  ///< [run][1/f, white]: unbiased, may be negative
  double exponent = 0;               ///< of f^−α where the drift stands out of the white part; 0: it does not
  double exponent_error = 0;
};

DriftSpectrum drift_spectrum(const CalibrationRecord& record, const std::vector<std::int32_t>& dead,
                             const LoopGuess& guess);

}  // namespace opoloop::calibration
