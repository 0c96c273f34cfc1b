// libFuzzer target for what arrives over the wire of hardware in the loop: frames, their reassembly, samples,
// HELLO and the configuration. The first byte chooses the fragment length and whether checksums are mended
// (most inputs would end there); then datagrams, each behind two bytes of length.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "driver/hil/crc32c.h"
#include "driver/hil/frame.h"
#include "driver/hil/hello.h"
#include "driver/hil/reassembler.h"
#include "driver/hil/reference_law.h"
#include "tests/fuzz/must.h"

namespace {

using namespace opoloop::hil;

constexpr std::size_t kLargest = 4096;

void mend_checksum(std::vector<std::uint8_t>& datagram) {
  if (datagram.size() < kHeaderBytes) return;
  const std::span<const std::uint8_t> all(datagram);
  const std::uint8_t zero[4] = {0, 0, 0, 0};
  const std::uint32_t crc =
      crc32c(crc32c(crc32c(0, all.first(kHeaderBytes - 4)), zero), all.subspan(kHeaderBytes));
  std::memcpy(datagram.data() + kHeaderBytes - 4, &crc, 4);
}

/// A message as each side would take it.
void use(const Message& message) {
  const auto& payload = message.payload;
  must(payload.size() <= kLargest, "a message larger than allowed");
  must(payload.size() == message.header.n * sample_bytes(message.header.format), "a wrong number of samples");
  std::vector<float> values(message.header.n);
  const WireFormat wire{message.header.format, message.header.lsb};
  if (decode_samples(wire, payload, values) && wire.format != SampleFormat::f32) {
    // Codes go out as they came in, but for the one that encoding never makes (−2^(b−1)).
    if (wire.lsb > 1e-20f && wire.lsb < 1e20f) {
      std::vector<std::uint8_t> again;
      if (encode_samples(wire, values, again) == 0) must(again == payload, "samples do not survive");
    }
  }
  try {
    must(Hello::parse(payload).bytes().size() == payload.size(), "HELLO");
  } catch (const opoloop::Error&) {
    // no HELLO
  }
  std::vector<std::uint32_t> words(payload.size() / 4);
  if (!words.empty()) std::memcpy(words.data(), payload.data(), words.size() * 4);
  try {
    const std::uint32_t n = words.size() > 2 ? words[2] : 0;
    const LawConfiguration configuration = LawConfiguration::parse(words, n);
    auto back = configuration.words();
    for (std::size_t reserved = 10; reserved < 16; ++reserved) back[reserved] = words[reserved];
    must(back == words, "a configuration does not survive");
  } catch (const opoloop::Error&) {
    // no configuration
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t fragment_bytes = 4 * (1 + std::size_t{data[0] & 63u});
  const bool mend = (data[0] & 64) != 0;
  Reassembler reassembler(fragment_bytes, kLargest);
  std::size_t at = 1;
  while (at + 2 <= size) {
    const std::size_t length = std::min<std::size_t>(data[at] | (data[at + 1] << 8), size - at - 2);
    std::vector<std::uint8_t> datagram(data + at + 2, data + at + 2 + length);
    at += 2 + length;
    if (mend) mend_checksum(datagram);
    FrameHeader header;
    std::span<const std::uint8_t> payload;
    if (decode_frame(datagram, header, payload) != FrameFault::none) continue;
    std::vector<std::uint8_t> again;
    encode_frame(header, payload, again);
    must(again == datagram, "a frame does not survive");
    if (reassembler.add(header, payload) == Reassembler::Outcome::whole) use(reassembler.message());
  }
  return 0;
}
