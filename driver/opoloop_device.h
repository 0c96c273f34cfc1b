#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "driver/device.h"
#include "driver/http_client.h"
#include "driver/uri.h"

namespace opoloop {

/// `opoloop://host:port` — a device behind another `opoloop serve` (docs/server.md). The path picks one of
/// the server's devices (`opoloop://host:port/annealing:`), the query holds parameters for it. The token
/// comes from OPOLOOP_TOKEN or the file that OPOLOOP_TOKEN_FILE names. `opoloop+https://` encrypts and checks
/// the server's certificate (http_client.h).
///
/// The same job gives the same samples as in this process. A request is repeated, with growing pauses, where
/// that is safe: a submission carries a key of its own, so that the server takes it once.
class OpoloopDevice final : public Device {
 public:
  explicit OpoloopDevice(DeviceUri uri);
  ~OpoloopDevice() override;

  std::string uri() const override { return uri_.text; }
  /// Asks the server, once. Throws Error where it cannot be reached.
  Capabilities capabilities() const override;
  void check(const Job& job) const override;
  std::string submit(const Job& job) override;
  JobStatus poll(const std::string& id, Progress* progress = nullptr) override;
  JobStatus wait(const std::string& id, double timeout_s, Progress* progress = nullptr) override;
  /// Amplitudes, where the job logs them, go to its recorder here.
  Result result(const std::string& id) override;
  void cancel(const std::string& id) override;
  void attach(const std::string& id, const Job& job) override;

 private:
  HttpReply request(const std::string& method, const std::string& path,
                    const std::vector<HttpContent>& content = {},
                    const std::map<std::string, std::string>& headers = {}, double timeout_s = 60) const;
  std::vector<HttpContent> form(const Job& job) const;
  void fetch_trajectories(const std::string& id, RunRecorder& recorder) const;

  DeviceUri uri_;
  std::string device_;  ///< of the server; empty: its default
  mutable std::unique_ptr<HttpClient> client_;
  mutable std::mutex mutex_;
  mutable std::optional<Capabilities> capabilities_;
  std::map<std::string, RunRecorder*> recorders_;
};

}  // namespace opoloop
