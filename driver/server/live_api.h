#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "driver/server/http_server.h"
#include "driver/server/job_engine.h"

namespace opoloop {

/// {"fraction", "rate_per_s", "best_energy"}.
nlohmann::ordered_json progress_json(const Progress& progress);

/// What a picture shows, and the rows of trajectory `run` after round trip `after`, as one JSON text:
/// {"run", "runs", "spins", "pulses", "rounds", "dt", "stride", "rows": [[round, pump, energy, [x, …]], …]};
/// amplitudes with four digits, null where a number is not finite.
std::string amplitudes_json(const LivePicture& picture, int run);

/// Server-sent events of a job until it ends: progress as it changes and one end; with `run` also that
/// trajectory's amplitudes: `run` (the object above without stride and rows) once they begin, then `rows`
/// ({"stride", "rows"}) of what came since the last, at most some 25 times a second. Somebody who reads
/// slowly gets fewer and thinner rows; nothing is queued for him.
HttpResponse event_stream(const JobEngine& engine, const std::string& id, std::optional<int> run);

}  // namespace opoloop
