#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "driver/calibration/record.h"
#include "driver/device.h"

namespace opoloop::calibration {

/// What an operator knows before anything is measured.
struct AcquisitionPlan {
  int pulses = 24;          ///< used in every run; even, at least 4
  int runs = 64;            ///< of each setting
  double largest_pump = 4;  ///< largest setting of the pump that may be sent
  std::uint64_t seed = 1;   ///< of the first job; each job has its own
  int threads = 1;
  std::optional<double> round_trip_time_s;
  /// Sent with every job beside law = linear, xi = 1, gain = 1: with those the number injected is Σ J ·
  /// record.
  std::map<std::string, std::string> settings;
};

/// The parameters of a job: law = linear, xi = 1, gain = 1 and the pump, and the plan's own.
std::map<std::string, std::string> job_parameters(const AcquisitionPlan& plan, const Schedule& pump);

/// Told what is measured next.
using AcquisitionProgress = std::function<void(const std::string& what)>;

/// Measures everything that calibrate() wants, through the seam alone: jobs with a pump, couplings and a
/// number of round trips go out, amplitudes come back. A first look finds threshold, lifetime and strength of
/// the feedback roughly, so that the records proper are taken where they say most. Throws InputError where
/// the device returns no amplitudes, or never oscillates up to the largest pump.
RecordSet acquire(Device& device, const AcquisitionPlan& plan, const AcquisitionProgress& progress = {});

}  // namespace opoloop::calibration
