#pragma once

#include <cstdlib>
#include <filesystem>

namespace opoloop {

/// Where public instances lie that are read in place and never copied: $OPOLOOP_DATA. Where that is not set,
/// its name: a folder that is not there, and messages that say "$OPOLOOP_DATA/… is missing".
inline std::filesystem::path public_data_folder() {
  const char* variable = std::getenv("OPOLOOP_DATA");
  return variable != nullptr && *variable != '\0' ? variable : "$OPOLOOP_DATA";
}

}  // namespace opoloop
