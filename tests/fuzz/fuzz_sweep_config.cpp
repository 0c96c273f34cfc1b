// libFuzzer target for the TOML of a sweep. Only InputError may come out; what is accepted names each of its
// points and describes itself.

#include <cstdint>
#include <string>

#include "core/error.h"
#include "experiments/sweep/sweep_plan.h"
#include "tests/fuzz/must.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace opoloop;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (text.find("files") != std::string::npos) return 0;  // patterns look at this computer's folders
  try {
    const SweepPlan plan(parse_sweep_config(text, "sweep.toml", 1), 1);
    must(plan.size() > 0, "a plan without points");
    must(!plan.name(0).empty() && !plan.name(plan.size() - 1).empty(), "a point without a name");
    must(!plan.description().empty(), "a plan without words");
  } catch (const InputError&) {
  }
  return 0;
}
