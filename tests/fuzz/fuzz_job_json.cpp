// libFuzzer target for what a server reads from strangers: a job in JSON (first byte even), the answer that a
// client reads from a server (odd). Only InputError of one line may come out; an accepted job keeps its
// settings when they are written and read again.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "driver/server/job_json.h"
#include "tests/fuzz/must.h"

namespace {

using namespace opoloop;

JobLimits fuzz_limits() {
  JobLimits limits;
  limits.max_spins = 1000;
  limits.max_runs = 1000;
  limits.memory_bytes = std::uint64_t{32} << 20;
  return limits;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] % 2 != 0) {
      const std::string once = result_json(parse_result(text));
      must(result_json(parse_result(once)) == once, "an answer changes on its way");
      return 0;
    }
    const JobRequest job = parse_job(text, fuzz_limits());
    must(job.problem.ising.size() >= 1 && job.problem.ising.size() <= 1000, "spins");
    const std::string once = description_json(job.description);
    must(description_json(parse_description(once, fuzz_limits())) == once, "settings change on their way");
  } catch (const InputError& error) {
    must(std::string_view(error.what()).find('\n') == std::string_view::npos, "a message of several lines");
  }
  return 0;
}
