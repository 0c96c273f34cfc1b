#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "driver/calibration/acquisition.h"
#include "driver/calibration/calibration.h"
#include "driver/device.h"

namespace opoloop::calibration {

/// Energies of one setting: pairs of pulses coupled with both signs at constant pump, read after some round
/// trips. A pair is satisfied or not, so that the energy of a run counts them.
struct EnergySetting {
  double pump = 0;      ///< setting
  double coupling = 0;  ///< |J|
  std::int64_t rounds = 0;
  int pairs = 0;                  ///< in each run
  std::vector<double> satisfied;  ///< of each run: number of satisfied pairs, −E = J (2·satisfied − pairs)

  double fraction() const;
  double success() const;  ///< runs in the ground state
};

/// Which parts of a machine that returns samples only can be told apart, and how well.
///
/// Below threshold a pair is a linear loop from vacuum. Its sum and its difference, s = ±1, respond to a kick
/// with h_s(t+1) = a h_s(t) + s b h_s(t−d), a = 1 − dt (1 − P), b = f κ v dt, and after K round trips have
///
///     V_s = g² [ h_s(K)²/4 + (dt/2) Σ_{t<K} h_s(t)² + b² w Σ_{t<K−d} h_s(t)² ],     ρ = (V₊ − V₋)/(V₊ + V₋),
///     probability that two signs agree = ½ + asin(ρ)/π.
///
/// g² drops out; threshold, lifetime and f κ do not. Noise of the record (w, in units of κ²g²) and delay move
/// ρ a little: every combination that explains the data is fitted, and the interval is the hull of them all.
struct SampleCalibration {
  std::vector<Estimate> estimates;  ///< pump_unit, dt, loop_gain = feedback_gain · record_gain
  std::vector<EnergySetting> settings;
  std::vector<double> predicted;  ///< fraction of satisfied pairs
  double misfit = 0;              ///< Σ z² of the best fit
  std::vector<std::string> notes;
};

SampleCalibration calibrate_from_samples(Device& device, const AcquisitionPlan& plan,
                                         const AcquisitionProgress& progress = {});

/// The fit alone.
SampleCalibration fit_samples(std::vector<EnergySetting> settings, int resamples, std::uint64_t seed);

/// Probability that a pair with coupling |v| and sign of the loop gain agrees with its coupling.
struct SampleLoop {
  double pump_unit = 1, dt = 0.1, loop_gain = 1;
  double record_noise = 0;  ///< w, variance in units of κ²g²
  int delay = 0;
};
double satisfied_probability(const SampleLoop& loop, const EnergySetting& setting);

/// The estimates as parameters of a device file; the rest of the machine is left as the program has it.
std::string sample_twin_file(const SampleCalibration& calibration, const std::string& source);

}  // namespace opoloop::calibration
