#pragma once

#include <span>

#include "driver/device_parameters.h"
#include "driver/local_device.h"

namespace opoloop {

/// `annealing:` Metropolis simulated annealing (driver/annealing.h), the software rival every Ising machine
/// has to beat. A run is one read from a random start, a step one sweep. The samples of a seed do not depend
/// on the number of threads.
class AnnealingDevice final : public LocalDevice {
 public:
  explicit AnnealingDevice(DeviceUri uri);
  ~AnnealingDevice() override { stop(); }
  Capabilities capabilities() const override {
    Capabilities can;
    can.seed_determines_answer = true;
    return can;
  }

  /// The structured annealer (driver/qama_annealing.h), problems side by side.
  BatchResult run_batch(std::span<const QamaProblem> problems, const JobSettings& settings) override;

  static std::span<const ParameterHelp> parameters();

 private:
  void validate(const Job& job) const override;
  Result execute(const Job& job, JobControl& control) override;
};

}  // namespace opoloop
