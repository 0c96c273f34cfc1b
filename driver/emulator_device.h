#pragma once

#include "cim_model/presets.h"
#include "driver/local_device.h"

namespace opoloop {

/// `emulator:` — the simulated machine in this process; `emulator:ntt-2016` with that machine's limits and
/// clock. The query and the job's parameters are those of emulator_parameters().
class EmulatorDevice final : public LocalDevice {
 public:
  explicit EmulatorDevice(DeviceUri uri);
  ~EmulatorDevice() override { stop(); }

  Capabilities capabilities() const override;

 protected:
  void validate(const Job& job) const override;
  Result execute(const Job& job, JobControl& control) override;

 private:
  const MachinePreset* machine_ = nullptr;  ///< null: no machine, no machine time
};

}  // namespace opoloop
