#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace opoloop {

/// True where the bytes begin as a gzip file (RFC 1952).
bool is_gzip(std::string_view bytes);

/// Inflates a gzip file, all its members. Throws InputError naming `file` where it is damaged, truncated,
/// followed by something else, or inflates to more than `limit` bytes.
std::string gunzip(std::string_view bytes, const std::string& file, std::uint64_t limit);

/// One gzip member, without a time stamp: the same text gives the same bytes.
std::string gzip(std::string_view text);

/// Inflates raw deflate data (RFC 1951), as in a zip archive, to exactly `size` bytes.
std::string inflate_raw(std::string_view bytes, std::size_t size, const std::string& file,
                        const std::string& member);

/// CRC-32 as gzip and zip use it.
std::uint32_t crc32_of(std::string_view bytes);

}  // namespace opoloop
