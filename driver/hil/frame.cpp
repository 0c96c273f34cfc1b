#include "driver/hil/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "driver/hil/crc32c.h"

namespace opoloop::hil {
namespace {

static_assert(std::endian::native == std::endian::little, "headers are copied as they lie in memory");

constexpr std::size_t kCrcAt = offsetof(FrameHeader, crc);

std::uint32_t frame_crc(const std::uint8_t* header, std::span<const std::uint8_t> payload) {
  constexpr std::uint8_t zero[4] = {0, 0, 0, 0};
  return crc32c(crc32c(crc32c(0, {header, kCrcAt}), zero), payload);
}

template <class Code>
void put_codes(const WireFormat& wire, std::span<const float> values, std::uint8_t* out,
               std::int64_t& saturated) {
  const auto limit = static_cast<float>(largest_code(wire.format));
  for (std::size_t i = 0; i < values.size(); ++i) {
    float code = std::nearbyint(values[i] / wire.lsb);
    if (!(std::abs(code) <= limit)) {
      ++saturated;
      code = std::isnan(code) ? 0 : std::copysign(limit, code);
    }
    const auto stored = static_cast<Code>(code);
    std::memcpy(out + i * sizeof stored, &stored, sizeof stored);
  }
}

template <class Code>
bool get_codes(const WireFormat& wire, const std::uint8_t* in, std::span<float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    Code code = 0;
    std::memcpy(&code, in + i * sizeof code, sizeof code);
    if (wire.format == SampleFormat::i12 && (code < -2048 || code > 2047)) return false;
    values[i] = static_cast<float>(code) * wire.lsb;
  }
  return true;
}

}  // namespace

std::size_t sample_bytes(SampleFormat format) {
  switch (format) {
    case SampleFormat::i8:
      return 1;
    case SampleFormat::f32:
      return 4;
    default:
      return 2;
  }
}

std::int32_t largest_code(SampleFormat format) {
  switch (format) {
    case SampleFormat::i8:
      return 127;
    case SampleFormat::i12:
      return 2047;
    case SampleFormat::i16:
      return 32767;
    default:
      return 0;
  }
}

std::string name_of(SampleFormat format) {
  static const char* const names[] = {"i8", "i12", "i16", "f32"};
  return names[static_cast<std::size_t>(format)];
}

SampleFormat parse_sample_format(const std::string& text) {
  for (const SampleFormat format :
       {SampleFormat::i8, SampleFormat::i12, SampleFormat::i16, SampleFormat::f32}) {
    if (name_of(format) == text) return format;
  }
  throw InputError("sample format = '" + text + "': must be one of i8, i12, i16, f32");
}

void encode_frame(FrameHeader header, std::span<const std::uint8_t> payload,
                  std::vector<std::uint8_t>& datagram) {
  header.n = static_cast<std::uint32_t>(payload.size() / sample_bytes(header.format));
  header.crc = 0;
  datagram.resize(kHeaderBytes + payload.size());
  std::memcpy(datagram.data(), &header, kHeaderBytes);
  if (!payload.empty()) std::memcpy(datagram.data() + kHeaderBytes, payload.data(), payload.size());
  header.crc = frame_crc(datagram.data(), payload);
  std::memcpy(datagram.data() + kCrcAt, &header.crc, sizeof header.crc);
}

FrameFault decode_frame(std::span<const std::uint8_t> datagram, FrameHeader& header,
                        std::span<const std::uint8_t>& payload) {
  if (datagram.size() < kHeaderBytes) return FrameFault::malformed;
  FrameHeader read;
  // Enumerations are checked before they are used as such.
  std::memcpy(&read.magic, datagram.data(), sizeof read.magic);
  if (read.magic != kFrameMagic) return FrameFault::magic;
  if (datagram[offsetof(FrameHeader, format)] > 3) return FrameFault::malformed;
  const std::uint8_t type = datagram[offsetof(FrameHeader, type)];
  if (type < 1 || type > 6) return FrameFault::malformed;
  std::memcpy(&read, datagram.data(), kHeaderBytes);
  if (read.version != kFrameVersion) {
    header = read;
    return FrameFault::version;
  }
  const auto body = datagram.subspan(kHeaderBytes);
  if (body.size() != std::uint64_t{read.n} * sample_bytes(read.format)) return FrameFault::malformed;
  if (read.fragment >= read.fragments) return FrameFault::malformed;
  if (frame_crc(datagram.data(), body) != read.crc) return FrameFault::crc;
  header = read;
  payload = body;
  return FrameFault::none;
}

WireFormat WireFormat::of(SampleFormat format, double full_scale) {
  if (format == SampleFormat::f32) return {};
  if (!(full_scale > 0 && std::isfinite(full_scale)))
    throw_parameter_error("full scale", full_scale, "finite and above 0");
  return {format, static_cast<float>(full_scale / largest_code(format))};
}

std::int64_t encode_samples(const WireFormat& wire, std::span<const float> values,
                            std::vector<std::uint8_t>& payload) {
  payload.resize(values.size() * sample_bytes(wire.format));
  std::int64_t saturated = 0;
  switch (wire.format) {
    case SampleFormat::i8:
      put_codes<std::int8_t>(wire, values, payload.data(), saturated);
      break;
    case SampleFormat::f32:
      if (!values.empty()) std::memcpy(payload.data(), values.data(), payload.size());
      break;
    default:
      put_codes<std::int16_t>(wire, values, payload.data(), saturated);
  }
  return saturated;
}

bool decode_samples(const WireFormat& wire, std::span<const std::uint8_t> payload, std::span<float> values) {
  if (payload.size() != values.size() * sample_bytes(wire.format)) return false;
  if (!std::isfinite(wire.lsb)) return false;
  switch (wire.format) {
    case SampleFormat::i8:
      return get_codes<std::int8_t>(wire, payload.data(), values);
    case SampleFormat::f32:
      if (!values.empty()) std::memcpy(values.data(), payload.data(), payload.size());
      return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
    default:
      return get_codes<std::int16_t>(wire, payload.data(), values);
  }
}

}  // namespace opoloop::hil
