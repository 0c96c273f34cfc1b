// libFuzzer target for what the facade of D-Wave's interface reads from strangers: the body of a submission
// (first byte even), base64 and a qp problem (odd). Only InputError of one line may come out; an accepted
// problem keeps its note, and bytes keep their base64.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/error.h"
#include "driver/server/sapi_submission.h"
#include "tests/fuzz/must.h"

namespace {

using namespace opoloop;

SapiSolver fuzz_solver() {
  SapiSolver solver;
  solver.name = "s";
  solver.qubits = 4;
  return solver;
}

void read_submission(std::string_view text) {
  const nlohmann::ordered_json json = parse_sapi_json(text, std::uint64_t{32} << 20);
  const JobRequest job = parse_sapi_problem(json, fuzz_solver());
  SapiNote note;
  must(read_sapi_note(job.note, note), "a note");
  must(sapi_note_text(note) == job.note, "a note changes on its way");
  must(note.active.size() == static_cast<std::size_t>(job.problem.ising.size()), "spins");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] % 2 == 0) {
      read_submission(bytes);
      return 0;
    }
    must(base64_decode(base64_encode(bytes), "bytes") == bytes, "base64");
    // The lower half of the bytes as biases, the rest as couplings.
    const std::size_t half = std::min<std::size_t>(bytes.size(), 4 * sizeof(double));
    const QpProblem decoded = decode_qp(data[0] % 4 == 1, base64_encode(bytes.substr(0, half)),
                                        base64_encode(bytes.substr(half)), 4);
    must(!decoded.active.empty(), "active");
    base64_decode(bytes, "bytes");
  } catch (const InputError& error) {
    must(std::string_view(error.what()).find('\n') == std::string_view::npos, "a message of several lines");
  }
  return 0;
}
