#pragma once

#include <cstdlib>
#include <filesystem>

namespace opoloop {

/// Where public instances lie that are read in place and never copied: $OPOLOOP_DATA; where that is not set,
/// beside a checkout (tests, benchmarks and experiments run in its root).
inline std::filesystem::path public_data_folder() {
  const char* variable = std::getenv("OPOLOOP_DATA");
  return variable != nullptr && *variable != '\0' ? variable : "../shared/data";
}

}  // namespace opoloop
