#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "driver/server/http_server.h"
#include "driver/server/job_engine.h"

namespace opoloop {

struct QuanfluenceOptions {
  std::string token;  ///< what signing in takes as the password; empty: any
  std::uint64_t max_inflated_bytes = std::uint64_t{64} << 20;  ///< of an uploaded text
  std::size_t max_uploads = 1000;                              ///< kept; the oldest are forgotten
  std::uint64_t max_uploads_bytes = std::uint64_t{1} << 30;
};

/// The REST interface that clients of Quanfluence's coherent Ising machine speak (docs/facades.md), over the
/// same jobs: /api/…. Device records and uploads are kept in a folder `quanfluence` of the journal's. The
/// engine must outlive the routes. Throws InputError where that folder cannot be used.
std::vector<Route> quanfluence_routes(JobEngine& engine, const QuanfluenceOptions& options);

}  // namespace opoloop
