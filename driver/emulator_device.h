#pragma once

#include <map>
#include <string>

#include "cim_model/presets.h"
#include "driver/local_device.h"

namespace opoloop {

/// `emulator:` — the simulated machine in this process; `emulator:ntt-2016` with that machine's limits, clock
/// and published electronics, `emulator:twin.toml` with what a device file says (driver/device_file.h). The
/// query and the job's parameters are those of emulator_parameters(): a job's go before the query's, those
/// before the file's, those before the machine's.
class EmulatorDevice final : public LocalDevice {
 public:
  explicit EmulatorDevice(DeviceUri uri);
  ~EmulatorDevice() override { stop(); }

  Capabilities capabilities() const override;
  /// Problems side by side, a few trajectories and a short ramp each (driver/emulator_batch.cpp).
  BatchResult run_batch(std::span<const QamaProblem> problems, const JobSettings& settings) override;

 protected:
  void validate(const Job& job) const override;
  Result execute(const Job& job, JobControl& control) override;

 private:
  /// The parameters in force for a job.
  std::map<std::string, std::string> in_force(const Job& job) const;

  const MachinePreset* machine_ = nullptr;  ///< null: no machine, no machine time
  std::string device_file_;                 ///< empty: none
  std::map<std::string, std::string> defaults_;
};

}  // namespace opoloop
