#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "driver/server/http_server.h"
#include "driver/server/job_engine.h"

namespace opoloop {

/// Counts finished requests for /metrics. Any thread.
class RequestCounter {
 public:
  void add(const RequestRecord& record);
  /// Prometheus text, one line a status.
  std::string metrics() const;

 private:
  mutable std::mutex mutex_;
  std::map<int, std::uint64_t> by_status_;
  double seconds_ = 0;
};

/// The program's own interface, docs/server.md: /v1/…, /metrics and /healthz. Engine and counter must outlive
/// the routes.
std::vector<Route> native_routes(JobEngine& engine, const RequestCounter& counter);

/// The OpenAPI 3.0 document of native_routes(), JSON (openapi.cpp). A test holds it against the handlers.
const char* native_openapi();

}  // namespace opoloop
