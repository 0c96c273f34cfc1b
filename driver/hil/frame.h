#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace opoloop::hil {

/// How a sample is written. Integers are codes: the value is code · LSB.
enum class SampleFormat : std::uint8_t {
  i8 = 0,
  i12 = 1,  ///< 12 bits, sign-extended to 16
  i16 = 2,
  f32 = 3,  ///< the value itself, LSB 1
};

enum class FrameType : std::uint8_t { hello = 1, cfg = 2, meas = 3, fdbk = 4, end = 5, err = 6 };

inline constexpr std::uint8_t kSaturated = 1;  ///< a sample was outside the range of its format
inline constexpr std::uint8_t kLate = 2;       ///< MEAS: the injection before it came too late
inline constexpr std::uint8_t kRepeat = 4;     ///< sent before
inline constexpr std::uint8_t kLast = 8;       ///< the last round of a run; END: the last run

inline constexpr std::uint32_t kFrameMagic = 0x464D4943;  ///< "CIMF"
inline constexpr std::uint8_t kFrameVersion = 1;
inline constexpr std::size_t kHeaderBytes = 64;
/// A datagram that fits an Ethernet packet: 1500 − 20 (IP) − 8 (UDP).
inline constexpr std::size_t kLargestDatagram = 1472;

/// The first 64 bytes of every datagram, little-endian (docs/hil.md).
struct FrameHeader {
  std::uint32_t magic = kFrameMagic;
  std::uint8_t version = kFrameVersion;
  SampleFormat format = SampleFormat::f32;
  FrameType type = FrameType::hello;
  std::uint8_t flags = 0;
  std::uint32_t session = 0;    ///< chosen by the plant; 0 in the controller's first HELLO
  std::uint32_t run = 0;        ///< trajectory, from 0
  std::uint64_t round = 0;      ///< k; CFG: number of the block
  std::uint64_t apply = 0;      ///< k + d, the round whose injection this is for
  std::uint64_t t_sim_ns = 0;   ///< k · round-trip time of the machine
  std::uint64_t t_send_ns = 0;  ///< the sender's own clock
  std::uint32_t n = 0;          ///< samples in this fragment
  float lsb = 1;
  std::uint16_t fragment = 0;   ///< 0 … fragments − 1
  std::uint16_t fragments = 1;  ///< of the whole message
  std::uint32_t crc = 0;        ///< crc32c of the header with this field 0, then of the payload
};
static_assert(sizeof(FrameHeader) == kHeaderBytes);
static_assert(offsetof(FrameHeader, magic) == 0 && offsetof(FrameHeader, version) == 4);
static_assert(offsetof(FrameHeader, format) == 5 && offsetof(FrameHeader, type) == 6);
static_assert(offsetof(FrameHeader, flags) == 7 && offsetof(FrameHeader, session) == 8);
static_assert(offsetof(FrameHeader, run) == 12 && offsetof(FrameHeader, round) == 16);
static_assert(offsetof(FrameHeader, apply) == 24 && offsetof(FrameHeader, t_sim_ns) == 32);
static_assert(offsetof(FrameHeader, t_send_ns) == 40 && offsetof(FrameHeader, n) == 48);
static_assert(offsetof(FrameHeader, lsb) == 52 && offsetof(FrameHeader, fragment) == 56);
static_assert(offsetof(FrameHeader, fragments) == 58 && offsetof(FrameHeader, crc) == 60);

/// Bytes of one sample.
std::size_t sample_bytes(SampleFormat format);
/// Largest code, the same on both sides of 0; 0 for f32.
std::int32_t largest_code(SampleFormat format);
std::string name_of(SampleFormat format);
/// Throws InputError listing the known names.
SampleFormat parse_sample_format(const std::string& text);

/// Writes header and payload into `datagram` (resized); n and crc are filled in. payload.size() must be a
/// multiple of the sample size.
void encode_frame(FrameHeader header, std::span<const std::uint8_t> payload,
                  std::vector<std::uint8_t>& datagram);

/// What is wrong with a datagram.
enum class FrameFault { none, magic, version, malformed, crc };

/// Reads a datagram; `payload` is a view of it. Nothing is set unless the answer is none or version (then
/// only the header's first eight bytes mean anything).
FrameFault decode_frame(std::span<const std::uint8_t> datagram, FrameHeader& header,
                        std::span<const std::uint8_t>& payload);

/// How samples cross the wire in one direction.
struct WireFormat {
  SampleFormat format = SampleFormat::f32;
  float lsb = 1;

  /// The LSB that puts `full_scale` on the largest code.
  static WireFormat of(SampleFormat format, double full_scale);
};

/// Values to payload bytes, code = value/LSB rounded to the nearest, halves to even, and held to ± the
/// largest code. Returns how many were held (NaN counts, and becomes code 0; f32 is passed on as it is).
std::int64_t encode_samples(const WireFormat& wire, std::span<const float> values,
                            std::vector<std::uint8_t>& payload);

/// Payload bytes to values. False where a code of i12 is outside 12 bits, where a float or the LSB is not
/// finite, or where the payload does not hold values.size() samples.
bool decode_samples(const WireFormat& wire, std::span<const std::uint8_t> payload, std::span<float> values);

}  // namespace opoloop::hil
