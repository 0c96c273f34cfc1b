#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <optional>

namespace opoloop::testing {

/// The public instances that are read where they lie and never copied: $OPOLOOP_DATA, or ../shared/data
/// beside the repository (tests run in its root). Nothing, with a warning, where they are missing.
inline std::optional<std::filesystem::path> public_data() {
  const char* variable = std::getenv("OPOLOOP_DATA");
  const std::filesystem::path path = variable != nullptr ? variable : "../shared/data";
  if (std::filesystem::is_directory(path / "small")) return path;
  WARN("public instances not found; set OPOLOOP_DATA (skipping)");
  return std::nullopt;
}

}  // namespace opoloop::testing
