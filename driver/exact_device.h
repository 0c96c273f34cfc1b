#pragma once

#include "driver/local_device.h"

namespace opoloop {

/// `exact:` looks at every state of up to 24 spins (hamiltonian/brute_force.h). Its samples are ground
/// states: run k gets the k-th of them, cyclically, so several runs show the degeneracy. Steps mean nothing
/// here. A job that a cancel or a time limit cuts short answers with the lowest state it saw and says that
/// nothing is proven.
class ExactDevice final : public LocalDevice {
 public:
  explicit ExactDevice(DeviceUri uri);
  ~ExactDevice() override { stop(); }
  Capabilities capabilities() const override;

 private:
  void validate(const Job& job) const override;
  Result execute(const Job& job, JobControl& control) override;
};

}  // namespace opoloop
