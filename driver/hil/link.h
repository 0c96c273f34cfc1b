#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "driver/hil/carrier.h"
#include "driver/hil/reassembler.h"

namespace opoloop::hil {

/// What went over a link and what was wrong with it. Datagrams, unless it says messages.
struct LinkCounts {
  std::int64_t sent = 0, received = 0;
  std::int64_t repeats = 0;        ///< messages sent again because no answer came
  std::int64_t duplicates = 0;     ///< fragments and messages that were there already
  std::int64_t reordered = 0;      ///< fragments and messages overtaken by newer ones
  std::int64_t lost = 0;           ///< messages of which only a part came
  std::int64_t crc_bad = 0;        ///< checksum wrong
  std::int64_t malformed = 0;      ///< no frame, or one that contradicts itself
  std::int64_t other_version = 0;  ///< frames of another version of the format
  std::int64_t other_session = 0;  ///< frames of another session

  /// What was wrong, in words; empty where nothing was.
  std::string complaints() const;
};

/// Messages of any length over a carrier: fragments, checks, counts.
class Link {
 public:
  /// fragment_bytes: payload of a full fragment, as HELLO says; 0: as much as the carrier takes.
  explicit Link(std::unique_ptr<Carrier> carrier, std::size_t fragment_bytes = 0);

  /// Sends a message in as many fragments as it takes, with the session's number and the time filled in.
  /// Returns the time it was handed over.
  Clock::time_point send(FrameHeader header, std::span<const std::uint8_t> payload);
  /// The next whole message of the session, nullptr where there is none until then. Valid until the next
  /// call. A session of 0 takes any.
  const Message* receive(Clock::time_point until);

  void set_session(std::uint32_t session) { session_ = session; }
  std::uint32_t session() const { return session_; }
  void set_fragment_bytes(std::size_t bytes);
  std::size_t fragment_bytes() const { return fragment_bytes_; }

  Carrier& carrier() { return *carrier_; }
  LinkCounts counts() const;
  LinkCounts& count() { return counts_; }

 private:
  std::unique_ptr<Carrier> carrier_;
  std::size_t fragment_bytes_;
  Reassembler reassembler_;
  std::int64_t lost_before_ = 0;  // by reassemblers that were replaced
  std::uint32_t session_ = 0;
  LinkCounts counts_;
  std::vector<std::uint8_t> datagram_;
};

}  // namespace opoloop::hil
