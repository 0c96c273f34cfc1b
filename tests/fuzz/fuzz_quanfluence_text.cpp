// libFuzzer target for what the Quanfluence facade reads from strangers: a zip archive or a text that holds a
// QUBO (first byte even), a device record in JSON (odd). Only InputError of one line may come out, and a
// problem that was read keeps within its limits.

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/error.h"
#include "driver/server/quanfluence_store.h"
#include "driver/server/quanfluence_text.h"
#include "tests/fuzz/must.h"

namespace {

using namespace opoloop;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  QuanfluenceLimits limits;
  limits.max_spins = 1000;
  limits.inflated_bytes = std::uint64_t{1} << 20;
  limits.memory_bytes = std::uint64_t{32} << 20;
  try {
    if (data[0] % 2 != 0) {
      QuanfluenceDevice device;
      const auto json = nlohmann::ordered_json::parse(bytes, nullptr, false);
      if (!json.is_object()) return 0;
      change_quanfluence_device(device, json);
      must(device.iters >= 1 && device.runs >= 1 && device.runtime >= 0, "a record out of range");
      QuanfluenceDevice again;
      change_quanfluence_device(again, quanfluence_device_json(device));
      must(again.iters == device.iters && again.alpha == device.alpha, "a record changes on its way");
      return 0;
    }
    const Problem problem = parse_quanfluence(bytes, "file", limits);
    must(problem.ising.size() >= 1 && problem.ising.size() <= 1000, "spins");
    must(std::isfinite(problem.ising.offset()), "a constant that is not finite");
  } catch (const InputError& error) {
    must(std::string_view(error.what()).find('\n') == std::string_view::npos, "a message of several lines");
  }
  return 0;
}
