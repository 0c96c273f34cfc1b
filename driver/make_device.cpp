#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "driver/annealing_device.h"
#include "driver/bifurcation_device.h"
#include "driver/device.h"
#include "driver/emulator_device.h"
#include "driver/exact_device.h"
#include "driver/kaiwu_device.h"
#include "driver/opoloop_device.h"
#include "driver/quanfluence_device.h"
#include "driver/spool_device.h"
#include "driver/uri.h"

namespace opoloop {
namespace {

using Maker = std::function<std::unique_ptr<Device>(DeviceUri)>;

/// Every scheme and what answers it: the one place a new device is entered.
const std::vector<std::pair<std::string, Maker>>& device_makers() {
  static const std::vector<std::pair<std::string, Maker>> makers = {
      {"emulator", [](DeviceUri uri) { return std::make_unique<EmulatorDevice>(std::move(uri)); }},
      {"annealing", [](DeviceUri uri) { return std::make_unique<AnnealingDevice>(std::move(uri)); }},
      {"dsb",
       [](DeviceUri uri) {
         return std::make_unique<BifurcationDevice>(std::move(uri), BifurcationKind::discrete);
       }},
      {"bsb",
       [](DeviceUri uri) {
         return std::make_unique<BifurcationDevice>(std::move(uri), BifurcationKind::ballistic);
       }},
      {"exact", [](DeviceUri uri) { return std::make_unique<ExactDevice>(std::move(uri)); }},
      {"opoloop+https", [](DeviceUri uri) { return std::make_unique<OpoloopDevice>(std::move(uri)); }},
      {"opoloop", [](DeviceUri uri) { return std::make_unique<OpoloopDevice>(std::move(uri)); }},
      {"quanfluence",
       [](DeviceUri uri) { return std::make_unique<RemoteQuanfluenceDevice>(std::move(uri)); }},
      {"quanfluence+https",
       [](DeviceUri uri) { return std::make_unique<RemoteQuanfluenceDevice>(std::move(uri)); }},
      {"kaiwu", [](DeviceUri uri) { return std::make_unique<KaiwuDevice>(std::move(uri)); }},
      {"spool", [](DeviceUri uri) { return std::make_unique<SpoolDevice>(std::move(uri)); }},
  };
  return makers;
}

}  // namespace

std::unique_ptr<Device> make_device(const std::string& uri) {
  DeviceUri parsed = parse_device_uri(uri);
  std::vector<std::string> schemes;
  for (const auto& [scheme, make] : device_makers()) {
    if (scheme == parsed.scheme) return make(std::move(parsed));
    schemes.push_back(scheme + ":");
  }
  throw InputError(fmt::format("device '{}': unknown scheme '{}:'; known: {}", uri, parsed.scheme,
                               fmt::join(schemes, " ")));
}

}  // namespace opoloop
