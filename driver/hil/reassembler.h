#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "driver/hil/frame.h"

namespace opoloop::hil {

/// A message put together again: the header of one of its fragments (n and fragment count those of the
/// whole) and all samples in order.
struct Message {
  FrameHeader header;
  std::vector<std::uint8_t> payload;
};

/// Puts the fragments of a message together, whatever order they come in and however often. One message is
/// under way at a time: the first fragment of another one that is newer drops what is not whole by then; one
/// that is older is refused. Every fragment but the last carries `fragment_bytes`.
class Reassembler {
 public:
  enum class Outcome { whole, waiting, duplicate, behind, inconsistent };

  /// fragment_bytes: payload bytes of a full fragment, a multiple of 4; largest: bytes of a whole message.
  Reassembler(std::size_t fragment_bytes, std::size_t largest);

  /// Takes a fragment. After `whole`, message() is the whole message until the next call.
  Outcome add(const FrameHeader& header, std::span<const std::uint8_t> payload);
  const Message& message() const { return message_; }
  /// Messages that were dropped before they were whole.
  std::int64_t dropped() const { return dropped_; }

  std::size_t fragment_bytes() const { return fragment_bytes_; }

 private:
  void drop();
  bool fits(const FrameHeader& header, std::size_t bytes) const;

  std::size_t fragment_bytes_;
  std::size_t largest_;
  Message message_;
  FrameHeader completed_;
  std::vector<bool> there_;
  std::size_t missing_ = 0;
  std::size_t last_bytes_ = 0;
  bool under_way_ = false;
  std::int64_t dropped_ = 0;
};

}  // namespace opoloop::hil
