#include "driver/server/random_id.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>

#include "core/error.h"

namespace opoloop {
namespace {

std::array<std::uint64_t, 2> random_bits() {
  std::array<std::uint64_t, 2> bits{};
  if (::getrandom(bits.data(), sizeof bits, 0) != static_cast<ssize_t>(sizeof bits)) {
    throw Error("the system gives no random numbers");
  }
  return bits;
}

}  // namespace

std::string random_id() {
  const auto bits = random_bits();
  return fmt::format("{:016x}{:016x}", bits[0], bits[1]);
}

std::uint64_t random_seed() {
  return random_bits()[0];
}

}  // namespace opoloop
