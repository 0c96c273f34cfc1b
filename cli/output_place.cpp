#include "cli/output_place.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/error.h"
#include "driver/device_file.h"
#include "driver/uri.h"
#include "hamiltonian/formats/file_bytes.h"

namespace opoloop {
namespace {

void require_writable_place(const std::string& path, const std::string& option) {
  const std::filesystem::path target(path);
  const auto folder = target.has_parent_path() ? target.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(folder)) {
    throw InputError(fmt::format("{} {}: the folder {} does not exist", option, path, folder.string()));
  }
  if (std::filesystem::is_directory(target))
    throw InputError(fmt::format("{} {}: is a directory", option, path));
}

/// Whether two paths are one file, or would be one as soon as they are written. Nothing is lost where a
/// terminal, a pipe or /dev/null is named twice.
bool same_file(const std::string& a, const std::string& b) {
  if (is_stream(a)) return false;
  std::error_code failure;
  if (std::filesystem::equivalent(a, b, failure)) return true;
  const auto real_a = std::filesystem::weakly_canonical(std::filesystem::absolute(a), failure);
  if (failure) return false;
  const auto real_b = std::filesystem::weakly_canonical(std::filesystem::absolute(b), failure);
  return !failure && real_a == real_b;
}

}  // namespace

void FilePlaces::reads(const std::string& path, const std::string& what) {
  if (!path.empty()) files_.push_back({path, what});
}

void FilePlaces::reads_device(const std::string& uri) {
  if (uri.empty()) return;
  const DeviceUri device = parse_device_uri(uri);
  if (device.scheme == "emulator" && names_device_file(device.rest)) reads(device.rest, "the device file");
}

void FilePlaces::writes(const std::string& path, const std::string& option) {
  if (path.empty()) return;
  require_writable_place(path, option);
  for (const NamedFile& file : files_) {
    if (same_file(path, file.path))
      throw InputError(fmt::format("{} {}: is {} itself", option, path, file.what));
  }
  files_.push_back({path, fmt::format("the file of {}", option)});
}

void require_no_measurements(const std::string& path, const char* option) {
  if (!std::filesystem::exists(path)) return;
  throw InputError(fmt::format(
      "{0} {1}: is there already: go on with --resume {1}, or remove it to measure anew", option, path));
}

}  // namespace opoloop
