#pragma once

#include <cstdint>
#include <span>

namespace opoloop::hil {

/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78) of `bytes`, continuing from `crc` (0 to begin). The
/// processor's own instruction where it has one, tables otherwise; crc32c of "123456789" is 0xE3069283.
std::uint32_t crc32c(std::uint32_t crc, std::span<const std::uint8_t> bytes);

/// The same by tables only: what the instruction is tested against, and what a port would use.
std::uint32_t crc32c_by_table(std::uint32_t crc, std::span<const std::uint8_t> bytes);

}  // namespace opoloop::hil
