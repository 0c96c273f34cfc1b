#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "driver/server/job_json.h"
#include "driver/server/sapi_codec.h"

namespace opoloop {

/// What a solver of D-Wave's interface offers here.
struct SapiSolver {
  std::string name = "opoloop-emulator";
  std::string description;  ///< one line
  std::int32_t qubits = 0;  ///< of a clique
  int max_reads = 10000;
};

/// What has to be known of a problem beside the job when its answer is encoded; kept as the job's note.
struct SapiNote {
  bool binary = false;  ///< "qubo", not "ising"
  std::string solver;
  double offset = 0;  ///< of the energies; the client adds it
  bool histogram = true;
  std::size_t max_answers = 0;
  std::vector<std::int32_t> active;
};
std::string sapi_note_text(const SapiNote& note);
/// Whether a job's note is one of these; then `note` is it.
bool read_sapi_note(const std::string& text, SapiNote& note);

/// The solver's definition as JSON text, without its load: "identity" and so on for version 3 of the
/// interface, "id" for 2. `fields`: the interface's own filter, "all,-avg_load" or "none,+id,+avg_load".
std::string sapi_solver_text(const SapiSolver& solver, bool version_3, double load,
                             const std::string& fields);

/// A JSON text, where its tree is likely to take no more than `memory_bytes`. Throws InputError of one line.
nlohmann::ordered_json parse_sapi_json(std::string_view text, std::uint64_t memory_bytes);
/// {"solver", "type", "data": {"format": "qp", "lin", "quad", "offset"}, "params", "label"} as a job for the
/// server's default device. Throws InputError naming what is wrong.
JobRequest parse_sapi_problem(const nlohmann::ordered_json& json, const SapiSolver& solver);

}  // namespace opoloop
