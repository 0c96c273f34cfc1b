#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "driver/hil/frame.h"

namespace opoloop::hil {

enum class ClockMode : std::uint32_t {
  lock_step = 0,  ///< virtual time: the plant waits for every answer
  free_run = 1,   ///< wall time: an answer that misses its round trip is not waited for
};

/// What the plant's HELLO says of the session, 16 words of 32 bits.
struct Hello {
  std::uint32_t n = 0;               ///< pulses: samples of a MEAS and of a FDBK
  std::uint32_t fragment_bytes = 0;  ///< payload of every fragment but the last
  ClockMode clock = ClockMode::lock_step;
  std::uint32_t delay = 0;  ///< d: FDBK(k) is injected in round k + d
  std::uint32_t rounds = 0;
  std::uint32_t runs = 0;
  WireFormat measurement;
  WireFormat feedback;              ///< what the plant wants answers in
  std::uint32_t config_words = 0;   ///< of the whole configuration
  std::uint32_t block_words = 0;    ///< of every CFG block but the last
  std::uint32_t round_trip_ns = 0;  ///< of the machine; 0: not known

  std::vector<std::uint8_t> bytes() const;
  /// Throws Error where the payload is none.
  static Hello parse(std::span<const std::uint8_t> payload);
};

}  // namespace opoloop::hil
