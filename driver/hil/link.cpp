#include "driver/hil/link.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace opoloop::hil {
namespace {

/// Of a message: a million pulses, or a block of the configuration.
constexpr std::size_t kLargestMessage = std::size_t{4} << 20;

std::size_t usable(std::size_t datagram) {
  return (datagram - kHeaderBytes) / 4 * 4;
}

}  // namespace

std::string LinkCounts::complaints() const {
  const std::pair<const char*, std::int64_t> all[] = {{"with a wrong checksum", crc_bad},
                                                      {"malformed", malformed},
                                                      {"of another version", other_version},
                                                      {"of another session", other_session}};
  std::string text;
  for (const auto& [what, count] : all) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "datagrams: " : ", ", count, what);
  }
  return text;
}

Link::Link(std::unique_ptr<Carrier> carrier, std::size_t fragment_bytes)
    : carrier_(std::move(carrier)),
      fragment_bytes_(fragment_bytes > 0 ? fragment_bytes : usable(carrier_->largest_datagram())),
      reassembler_(fragment_bytes_, kLargestMessage) {}

void Link::set_fragment_bytes(std::size_t bytes) {
  if (bytes == fragment_bytes_) return;
  lost_before_ += reassembler_.dropped();
  fragment_bytes_ = bytes;
  reassembler_ = Reassembler(bytes, kLargestMessage);
}

LinkCounts Link::counts() const {
  LinkCounts counts = counts_;
  counts.lost = lost_before_ + reassembler_.dropped();
  return counts;
}

Clock::time_point Link::send(FrameHeader header, std::span<const std::uint8_t> payload) {
  const std::size_t fragments =
      std::max<std::size_t>(1, (payload.size() + fragment_bytes_ - 1) / fragment_bytes_);
  if (fragments > 65535) throw Error("a message of more than 65535 fragments");
  const auto now = Clock::now();
  header.session = session_;
  header.t_send_ns = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count());
  header.fragments = static_cast<std::uint16_t>(fragments);
  for (std::size_t f = 0; f < fragments; ++f) {
    header.fragment = static_cast<std::uint16_t>(f);
    const std::size_t at = f * fragment_bytes_;
    encode_frame(header, payload.subspan(at, std::min(fragment_bytes_, payload.size() - at)), datagram_);
    carrier_->send(datagram_);
    ++counts_.sent;
  }
  if ((header.flags & kRepeat) != 0) ++counts_.repeats;
  return now;
}

const Message* Link::receive(Clock::time_point until) {
  for (;;) {
    const auto datagram = carrier_->receive(until);
    if (datagram.empty()) return nullptr;
    ++counts_.received;
    FrameHeader header;
    std::span<const std::uint8_t> payload;
    switch (decode_frame(datagram, header, payload)) {
      case FrameFault::none:
        break;
      case FrameFault::crc:
        ++counts_.crc_bad;
        continue;
      case FrameFault::version:
        ++counts_.other_version;
        continue;
      default:
        ++counts_.malformed;
        continue;
    }
    // A controller's first HELLO cannot know the session.
    const bool greeting = header.type == FrameType::hello && header.session == 0;
    if (session_ != 0 && header.session != session_ && !greeting) {
      ++counts_.other_session;
      continue;
    }
    switch (reassembler_.add(header, payload)) {
      case Reassembler::Outcome::whole:
        return &reassembler_.message();
      case Reassembler::Outcome::waiting:
        break;
      case Reassembler::Outcome::duplicate:
        ++counts_.duplicates;
        break;
      case Reassembler::Outcome::behind:
        ++counts_.reordered;
        break;
      case Reassembler::Outcome::inconsistent:
        ++counts_.malformed;
        break;
    }
  }
}

}  // namespace opoloop::hil
