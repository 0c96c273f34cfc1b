#pragma once

#include <span>

#include "driver/adapt.h"
#include "driver/device_parameters.h"
#include "driver/local_device.h"
#include "driver/sampled_job.h"
#include "driver/spool_folder.h"

namespace opoloop {

/// `spool:FOLDER` — a machine that is not on the network (docs/remote-devices.md). submit() writes the matrix
/// of the job for somebody to upload; the solutions that the machine's platform gives are put beside it.
/// Waiting ends after `wait` seconds, by default at once, with NotAnswered; attach() finishes the job another
/// day.
class SpoolDevice final : public LocalDevice {
 public:
  explicit SpoolDevice(DeviceUri uri);
  ~SpoolDevice() override { stop(); }

  Capabilities capabilities() const override;
  void attach(const std::string& id, const Job& job) override;
  /// Writes all problems, one job each, before it waits for any. Jobs are known by what they ask: the same
  /// batch again takes the answers that have come since and writes nothing twice.
  BatchResult run_batch(std::span<const QamaProblem> problems, const JobSettings& settings) override;

  static std::span<const ParameterHelp> parameters();

 protected:
  void validate(const Job& job) const override;
  std::string hand_over(const Job& job) override;
  Result execute(const Job& job, JobControl& control) override;

 private:
  struct Choices;
  /// A job in the machine's form.
  struct Prepared {
    AdaptedProblem adapted;
    IntegerMatrix matrix;
    std::string fingerprint;
  };
  Choices choices(const JobSettings& settings) const;
  Prepared prepare(const Job& job) const;
  void write(const std::string& id, const Job& job, const Prepared& prepared) const;

  SpoolFolder folder_;
};

}  // namespace opoloop
