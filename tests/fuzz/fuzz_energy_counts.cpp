// libFuzzer target for the text in which the energies of runs are kept (driver/energy_counts.h). Only
// InputError of one line may come out; what is accepted has finite energies and whole numbers of runs.

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "driver/energy_counts.h"
#include "tests/fuzz/must.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    for (const auto& [energy, runs] : opoloop::parse_energies(text)) {
      must(std::isfinite(energy), "an energy that is not finite");
      must(runs >= 1 && runs == std::floor(runs), "a number of runs that is none");
    }
  } catch (const opoloop::InputError& error) {
    must(std::string_view(error.what()).find('\n') == std::string_view::npos, "a message of several lines");
  }
  return 0;
}
