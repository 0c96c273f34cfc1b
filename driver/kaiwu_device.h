#pragma once

#include <span>
#include <string>

#include "driver/adapt.h"
#include "driver/device_parameters.h"
#include "driver/local_device.h"

namespace opoloop {

/// `kaiwu:MACHINE` — a coherent Ising machine of QBoson ("CPQC-550") through the vendor's Python SDK, which a
/// child process runs for each job (driver/kaiwu_bridge.py; docs/remote-devices.md). A job's folder holds
/// what was asked and the SDK's checkpoint, by which the SDK finds its task again: attach() resumes a job
/// after this process was killed.
///
/// The licence comes from KAIWU_USER_ID and KAIWU_SDK_CODE (or the files that …_FILE name) and goes to the
/// child over its standard input. OPOLOOP_PYTHON names the interpreter that has the SDK (python3 otherwise),
/// OPOLOOP_KAIWU_BRIDGE the script, OPOLOOP_KAIWU_FOLDER the place of the jobs.
class KaiwuDevice final : public LocalDevice {
 public:
  explicit KaiwuDevice(DeviceUri uri);
  ~KaiwuDevice() override { stop(); }

  Capabilities capabilities() const override;
  void attach(const std::string& id, const Job& job) override;

  static std::span<const ParameterHelp> parameters();

 protected:
  void validate(const Job& job) const override;
  std::string hand_over(const Job& job) override;
  Result execute(const Job& job, JobControl& control) override;

 private:
  struct Choices;
  Choices choices(const JobSettings& settings) const;
  AdaptedProblem prepare(const Job& job) const;
  std::string fingerprint(const Job& job) const;
  std::string request_line(const Job& job, const AdaptedProblem& adapted, const std::string& id) const;

  std::string machine_;
};

}  // namespace opoloop
