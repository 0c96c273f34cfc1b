#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace opoloop {

/// The members of a zip archive in memory (APPNOTE.TXT; stored and deflated members, no zip64, no
/// encryption), read from its central directory. Members are inflated one by one when asked for.
class ZipArchive {
 public:
  /// bytes must outlive the object. Throws InputError on a damaged directory or a feature that is not read.
  ZipArchive(std::string_view bytes, std::string file, std::uint64_t inflated_limit);

  bool contains(const std::string& name) const { return members_.contains(name); }
  std::vector<std::string> names() const;
  /// A member's bytes, its checksum verified. Throws InputError where it is damaged, or where the members
  /// read so far inflate to more than the limit.
  std::string read(const std::string& name);

 private:
  struct Member {
    std::uint16_t method;
    std::uint32_t crc;
    std::uint32_t packed_bytes;
    std::uint32_t bytes;
    std::uint32_t header_at;
  };

  std::string_view bytes_;
  std::string file_;
  std::uint64_t budget_;
  std::map<std::string, Member> members_;
};

/// An archive of stored members without time stamps. Throws InputError where it would need zip64.
std::string zip_of(const std::vector<std::pair<std::string, std::string>>& members);

}  // namespace opoloop
