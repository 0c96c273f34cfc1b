#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "driver/adapt.h"
#include "driver/device_parameters.h"
#include "driver/local_device.h"
#include "driver/quanfluence_client.h"

namespace opoloop {

/// `quanfluence://host:port/device/ID` (`quanfluence+https://…`) — a coherent Ising machine behind
/// Quanfluence's REST interface (docs/remote-devices.md). A run is a job of the service, which gives one
/// solution. The user and password come from QUANFLUENCE_USERNAME and QUANFLUENCE_PASSWORD, or the files that
/// …_FILE name.
class RemoteQuanfluenceDevice final : public LocalDevice {
 public:
  explicit RemoteQuanfluenceDevice(DeviceUri uri);
  ~RemoteQuanfluenceDevice() override { stop(); }

  Capabilities capabilities() const override;
  /// The id names jobs of the service, which does not tell what they were: that it was this problem shows in
  /// the energy that comes with the answer.
  void attach(const std::string& id, const Job& job) override;

  static std::span<const ParameterHelp> parameters();

 protected:
  void validate(const Job& job) const override;
  std::string hand_over(const Job& job) override;
  Result execute(const Job& job, JobControl& control) override;

 private:
  struct Choices;
  struct Prepared;
  Choices choices(const JobSettings& settings) const;
  Prepared prepare(const Job& job) const;

  mutable std::unique_ptr<QuanfluenceClient> client_;
  bool open_line_ = false;  ///< not encrypted, and not this computer
  mutable std::mutex mutex_;
  std::map<std::string, std::chrono::steady_clock::time_point> begun_;  ///< by this process, and when
};

}  // namespace opoloop
