#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <optional>

#include "core/public_data.h"

namespace opoloop::testing {

/// public_data_folder(). Nothing, with a warning, where it is missing.
inline std::optional<std::filesystem::path> public_data() {
  const std::filesystem::path path = public_data_folder();
  if (std::filesystem::is_directory(path / "small")) return path;
  WARN("public instances not found; set OPOLOOP_DATA (skipping)");
  return std::nullopt;
}

}  // namespace opoloop::testing
