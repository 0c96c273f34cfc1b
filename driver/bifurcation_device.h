#pragma once

#include <span>

#include "driver/bifurcation.h"
#include "driver/device_parameters.h"
#include "driver/local_device.h"

namespace opoloop {

/// `bsb:` and `dsb:` ballistic and discrete simulated bifurcation (driver/bifurcation.h). A run is one
/// trajectory, a step one product with J. The samples of a seed do not depend on the number of threads.
class BifurcationDevice final : public LocalDevice {
 public:
  BifurcationDevice(DeviceUri uri, BifurcationKind kind);
  ~BifurcationDevice() override { stop(); }
  Capabilities capabilities() const override {
    Capabilities can;
    can.seed_determines_answer = true;
    return can;
  }

  static std::span<const ParameterHelp> parameters();

 private:
  void validate(const Job& job) const override;
  Result execute(const Job& job, JobControl& control) override;
  BifurcationParameters read_parameters(const JobSettings& settings) const;

  BifurcationKind kind_;
};

}  // namespace opoloop
