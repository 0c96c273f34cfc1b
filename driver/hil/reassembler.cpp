#include "driver/hil/reassembler.h"

#include <cstring>
#include <tuple>

namespace opoloop::hil {
namespace {

/// Messages of one session are ordered by what they are about; another type is another message.
auto order(const FrameHeader& header) {
  return std::make_tuple(header.run, header.round);
}

bool same_message(const FrameHeader& a, const FrameHeader& b) {
  return a.type == b.type && a.session == b.session && order(a) == order(b);
}

}  // namespace

Reassembler::Reassembler(std::size_t fragment_bytes, std::size_t largest)
    : fragment_bytes_(fragment_bytes), largest_(largest) {}

/// A fragment must lie where its number says: all but the last are full.
bool Reassembler::fits(const FrameHeader& header, std::size_t bytes) const {
  const bool last = header.fragment + 1 == header.fragments;
  if (last ? bytes > fragment_bytes_ : bytes != fragment_bytes_) return false;
  if (last && bytes == 0 && header.fragments > 1) return false;
  return static_cast<std::size_t>(header.fragments - 1) * fragment_bytes_ + (last ? bytes : 0) <= largest_;
}

/// A few late copies of a message that was whole before are no loss.
void Reassembler::drop() {
  if (under_way_ && !same_message(message_.header, completed_)) ++dropped_;
  under_way_ = false;
}

Reassembler::Outcome Reassembler::add(const FrameHeader& header, std::span<const std::uint8_t> payload) {
  if (!fits(header, payload.size())) return Outcome::inconsistent;
  if (header.fragments == 1) {
    // An unfinished longer message of the same kind is overtaken; one of another kind goes on.
    if (under_way_ && message_.header.type == header.type && order(header) < order(message_.header))
      return Outcome::behind;
    drop();
    message_.header = header;
    message_.payload.assign(payload.begin(), payload.end());
    return Outcome::whole;
  }
  if (under_way_ && !same_message(header, message_.header)) {
    if (message_.header.type == header.type && order(header) < order(message_.header)) return Outcome::behind;
    drop();
  }
  if (!under_way_) {
    under_way_ = true;
    message_.header = header;
    message_.payload.assign(header.fragments * fragment_bytes_, 0);
    there_.assign(header.fragments, false);
    missing_ = header.fragments;
    last_bytes_ = 0;
  }
  const FrameHeader& first = message_.header;
  if (header.fragments != first.fragments || header.format != first.format || header.lsb != first.lsb)
    return Outcome::inconsistent;
  if (there_[header.fragment]) return Outcome::duplicate;
  there_[header.fragment] = true;
  std::memcpy(message_.payload.data() + header.fragment * fragment_bytes_, payload.data(), payload.size());
  if (header.fragment + 1 == header.fragments) last_bytes_ = payload.size();
  // A repeat that completes the message is marked as what it is, and so is a saturation in any part.
  message_.header.flags |= header.flags;
  if (--missing_ > 0) return Outcome::waiting;
  under_way_ = false;
  completed_ = header;
  message_.payload.resize((header.fragments - std::size_t{1}) * fragment_bytes_ + last_bytes_);
  message_.header.n = static_cast<std::uint32_t>(message_.payload.size() / sample_bytes(header.format));
  return Outcome::whole;
}

}  // namespace opoloop::hil
