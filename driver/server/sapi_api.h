#pragma once

#include <cstdint>
#include <vector>

#include "driver/server/http_server.h"
#include "driver/server/job_engine.h"

namespace opoloop {

struct SapiOptions {
  std::int32_t qubits = 512;  ///< of the clique on offer; less where the default device takes less
};

/// The interface of D-Wave's cloud that its public client speaks (docs/facades.md), over the same jobs:
/// solvers/remote/ and problems/, at the root, under /sapi and under /sapi/v2. One solver, the server's
/// default device. The engine must outlive the routes.
std::vector<Route> sapi_routes(JobEngine& engine, const SapiOptions& options);

}  // namespace opoloop
