#include "driver/hil/hello.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.h"

namespace opoloop::hil {
namespace {

constexpr std::size_t kWords = 16;

}  // namespace

std::vector<std::uint8_t> Hello::bytes() const {
  const std::array<std::uint32_t, kWords> words = {n,
                                                   fragment_bytes,
                                                   static_cast<std::uint32_t>(clock),
                                                   delay,
                                                   rounds,
                                                   runs,
                                                   static_cast<std::uint32_t>(measurement.format),
                                                   static_cast<std::uint32_t>(feedback.format),
                                                   std::bit_cast<std::uint32_t>(measurement.lsb),
                                                   std::bit_cast<std::uint32_t>(feedback.lsb),
                                                   config_words,
                                                   block_words,
                                                   round_trip_ns};
  std::vector<std::uint8_t> out(sizeof words);
  std::memcpy(out.data(), words.data(), out.size());
  return out;
}

Hello Hello::parse(std::span<const std::uint8_t> payload) {
  std::array<std::uint32_t, kWords> words = {};
  if (payload.size() != sizeof words) throw Error("HELLO: not 16 words");
  std::memcpy(words.data(), payload.data(), sizeof words);
  Hello hello;
  hello.n = words[0];
  hello.fragment_bytes = words[1];
  hello.delay = words[3];
  hello.rounds = words[4];
  hello.runs = words[5];
  hello.config_words = words[10];
  hello.block_words = words[11];
  hello.round_trip_ns = words[12];
  const bool sound = hello.n > 0 && hello.n <= (1u << 20) && hello.fragment_bytes >= 4 &&
                     hello.fragment_bytes % 4 == 0 && hello.fragment_bytes <= (1u << 20) && words[2] <= 1 &&
                     words[6] <= 3 && words[7] <= 3 && hello.config_words > 0 && hello.block_words > 0 &&
                     hello.block_words <= (1u << 20);
  if (!sound) throw Error("HELLO: numbers out of range");
  hello.clock = static_cast<ClockMode>(words[2]);
  hello.measurement = {static_cast<SampleFormat>(words[6]), std::bit_cast<float>(words[8])};
  hello.feedback = {static_cast<SampleFormat>(words[7]), std::bit_cast<float>(words[9])};
  if (!(std::isfinite(hello.feedback.lsb) && hello.feedback.lsb > 0)) throw Error("HELLO: LSB out of range");
  return hello;
}

}  // namespace opoloop::hil
