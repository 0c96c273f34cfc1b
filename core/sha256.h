#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace opoloop {

/// SHA-256 (FIPS 180-4), for identifying problem files.
class Sha256 {
 public:
  Sha256();
  void update(const void* data, std::size_t bytes);
  /// 64 lower-case hexadecimal digits. The object is spent afterwards.
  std::string hex_digest();

 private:
  void block(const std::uint8_t* bytes);

  std::array<std::uint32_t, 8> state_;
  std::array<std::uint8_t, 64> pending_{};
  std::size_t pending_bytes_ = 0;
  std::uint64_t total_bytes_ = 0;
};

/// The digest of a text.
std::string sha256_of(const std::string& text);

}  // namespace opoloop
