#include "core/random.h"

#include <Random123/philox.h>

#include <cmath>
#include <numbers>

namespace opoloop {

PhiloxWords philox_words(std::uint64_t seed, Stream stream, std::uint32_t trajectory, std::uint64_t step,
                         std::uint32_t index) {
  using Generator = r123::Philox4x32_R<kPhiloxRounds>;
  const Generator::ctr_type counter = {
      {index, static_cast<std::uint32_t>(step), trajectory,
       static_cast<std::uint32_t>(stream) | static_cast<std::uint32_t>(step >> 32) << 8}};
  const Generator::key_type key = {
      {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}};
  const Generator::ctr_type out = Generator()(counter, key);
  return {out[0], out[1], out[2], out[3]};
}

std::array<double, 2> box_muller(std::uint32_t a, std::uint32_t b) {
  const double u = (static_cast<double>(a >> 1) + 0.5) * 0x1p-31;
  const double radius = std::sqrt(-2.0 * std::log(u));
  const double angle = 2.0 * std::numbers::pi * static_cast<double>(b) * 0x1p-32;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

std::array<double, 4> philox_normals(std::uint64_t seed, Stream stream, std::uint32_t trajectory,
                                     std::uint64_t step, std::uint32_t index) {
  const PhiloxWords w = philox_words(seed, stream, trajectory, step, index);
  const auto first = box_muller(w[0], w[1]);
  const auto second = box_muller(w[2], w[3]);
  return {first[0], first[1], second[0], second[1]};
}

std::uint32_t RandomSequence::next_word() {
  if (left_ == 0) {
    words_ = philox_words(seed_, stream_, trajectory_, step_++, 0);
    left_ = 4;
  }
  return words_[static_cast<std::size_t>(4 - left_--)];
}

double RandomSequence::uniform() {
  const std::uint64_t high = next_word();
  const std::uint64_t low = next_word();
  return static_cast<double>((high << 32 | low) >> 11) * 0x1p-53;
}

std::uint64_t RandomSequence::below(std::uint64_t bound) {
  // Rejection on the top of the range keeps every value equally likely.
  const std::uint64_t limit = bound * (UINT64_MAX / bound);
  for (;;) {
    const std::uint64_t high = next_word();
    const std::uint64_t low = next_word();
    const std::uint64_t value = high << 32 | low;
    if (value < limit) return value % bound;
  }
}

double RandomSequence::normal() {
  const std::uint32_t a = next_word();
  const std::uint32_t b = next_word();
  return box_muller(a, b)[0];
}

}  // namespace opoloop
