#include "cli/output_place.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/error.h"

namespace opoloop {

void require_writable_place(const std::string& path, const char* option) {
  const std::filesystem::path target(path);
  const auto folder = target.has_parent_path() ? target.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(folder)) {
    throw InputError(fmt::format("{} {}: the folder {} does not exist", option, path, folder.string()));
  }
  if (std::filesystem::is_directory(target))
    throw InputError(fmt::format("{} {}: is a directory", option, path));
}

void require_no_measurements(const std::string& path, const char* option) {
  if (!std::filesystem::exists(path)) return;
  throw InputError(fmt::format(
      "{0} {1}: is there already: go on with --resume {1}, or remove it to measure anew", option, path));
}

}  // namespace opoloop
