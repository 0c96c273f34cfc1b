#include "hamiltonian/formats/zip_archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "hamiltonian/formats/compression.h"
#include "hamiltonian/formats/read_context.h"

namespace opoloop {

namespace {

constexpr std::string_view kLocalHeader("PK\x03\x04", 4);
constexpr std::string_view kDirectoryEntry("PK\x01\x02", 4);
constexpr std::string_view kEndOfDirectory("PK\x05\x06", 4);
constexpr std::size_t kLocalBytes = 30, kEntryBytes = 46, kEndBytes = 22;
constexpr std::uint16_t kStored = 0, kDeflated = 8;
constexpr std::uint16_t kEncrypted = 1;        // flag bit 0
constexpr std::uint16_t kFirstDosDate = 0x21;  // 1 January 1980

std::uint32_t little(std::string_view bytes, std::size_t at, int size) {
  std::uint32_t value = 0;
  for (int k = size - 1; k >= 0; --k) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(k)]);
  }
  return value;
}

void put(std::string& out, std::uint64_t value, int size) {
  for (int k = 0; k < size; ++k) out += static_cast<char>(value >> (8 * k) & 255);
}

}  // namespace

ZipArchive::ZipArchive(std::string_view bytes, std::string file, std::uint64_t inflated_limit)
    : bytes_(bytes), file_(std::move(file)), budget_(inflated_limit) {
  const auto damaged = [this](const std::string& what) {
    throw_file_error(file_, 0, {}, "zip archive: " + what);
  };
  const std::size_t end = bytes_.rfind(kEndOfDirectory);
  if (end == std::string_view::npos || bytes_.size() - end < kEndBytes)
    damaged("truncated, no directory at its end");
  const std::uint32_t count = little(bytes_, end + 10, 2);
  const std::uint32_t size = little(bytes_, end + 12, 4);
  const std::uint32_t start = little(bytes_, end + 16, 4);
  if (count == 0xFFFF || size == 0xFFFFFFFF || start == 0xFFFFFFFF) {
    damaged("zip64 directories (over 4 GiB) are not read; use HDF5");
  }
  if (little(bytes_, end + 4, 2) != 0 || little(bytes_, end + 8, 2) != count) damaged("spans several disks");
  if (end + kEndBytes + little(bytes_, end + 20, 2) != bytes_.size()) damaged("trailing garbage");
  if (std::uint64_t{start} + size > end) damaged("damaged directory");
  std::size_t at = start;
  for (std::uint32_t k = 0; k < count; ++k) {
    if (at + kEntryBytes > end || bytes_.substr(at, 4) != kDirectoryEntry) damaged("damaged directory");
    const std::size_t name_bytes = little(bytes_, at + 28, 2);
    if (at + kEntryBytes + name_bytes > end) damaged("damaged directory");
    const std::string name(bytes_.substr(at + kEntryBytes, name_bytes));
    const Member member{static_cast<std::uint16_t>(little(bytes_, at + 10, 2)), little(bytes_, at + 16, 4),
                        little(bytes_, at + 20, 4), little(bytes_, at + 24, 4), little(bytes_, at + 42, 4)};
    if ((little(bytes_, at + 8, 2) & kEncrypted) != 0) damaged("encrypted members are not read");
    if (member.bytes == 0xFFFFFFFF || member.packed_bytes == 0xFFFFFFFF || member.header_at == 0xFFFFFFFF) {
      damaged("zip64 members (over 4 GiB) are not read; use HDF5");
    }
    if (!members_.emplace(name, member).second) damaged("two members have the same name");
    at += kEntryBytes + name_bytes + little(bytes_, at + 30, 2) + little(bytes_, at + 32, 2);
  }
}

std::vector<std::string> ZipArchive::names() const {
  std::vector<std::string> names;
  for (const auto& [name, member] : members_) names.push_back(name);
  return names;
}

std::string ZipArchive::read(const std::string& name) {
  const Member& member = members_.at(name);
  if (member.bytes > budget_) {
    throw_file_error(
        file_, 0, name,
        fmt::format("the archive inflates to more than can be read, {} here", bytes_text(member.bytes)));
  }
  budget_ -= member.bytes;
  // The local header repeats the name and has its own extra field (NumPy puts zip64 sizes there even for
  // small members); its sizes are not needed.
  const std::size_t at = member.header_at;
  if (at + kLocalBytes > bytes_.size() || bytes_.substr(at, 4) != kLocalHeader) {
    throw_file_error(file_, 0, name, "damaged archive member");
  }
  const std::size_t data = at + kLocalBytes + little(bytes_, at + 26, 2) + little(bytes_, at + 28, 2);
  if (data > bytes_.size() || member.packed_bytes > bytes_.size() - data) {
    throw_file_error(file_, 0, name, "truncated archive member");
  }
  const std::string_view packed = bytes_.substr(data, member.packed_bytes);
  std::string out;
  if (member.method == kStored) {
    if (member.packed_bytes != member.bytes) throw_file_error(file_, 0, name, "damaged archive member");
    out = packed;
  } else if (member.method == kDeflated) {
    out = inflate_raw(packed, member.bytes, file_, name);
  } else {
    throw_file_error(file_, 0, name, "compressed by a method that is not read (stored and deflate are)");
  }
  if (crc32_of(out) != member.crc)
    throw_file_error(file_, 0, name, "damaged archive member: checksum differs");
  return out;
}

std::string zip_of(const std::vector<std::pair<std::string, std::string>>& members) {
  std::uint64_t total = 0;
  for (const auto& [name, bytes] : members)
    total += bytes.size() + 2 * name.size() + kLocalBytes + kEntryBytes;
  if (total > std::numeric_limits<std::uint32_t>::max() / 2) {
    throw InputError(fmt::format("a .npz archive of {} would need zip64; use HDF5",
                                 bytes_text(static_cast<double>(total))));
  }
  std::string out;
  std::string directory;
  for (const auto& [name, bytes] : members) {
    const std::size_t header_at = out.size();
    std::string common;
    put(common, 20, 2);  // version needed
    put(common, 0, 2);   // flags
    put(common, kStored, 2);
    put(common, 0, 2);  // time
    put(common, kFirstDosDate, 2);
    put(common, crc32_of(bytes), 4);
    put(common, bytes.size(), 4);
    put(common, bytes.size(), 4);
    put(common, name.size(), 2);
    put(common, 0, 2);  // extra field
    out += kLocalHeader;
    out += common;
    out += name;
    out += bytes;
    directory += kDirectoryEntry;
    put(directory, 20, 2);  // version made by
    directory += common;
    put(directory, 0, 2);  // comment
    put(directory, 0, 2);  // disk
    put(directory, 0, 2);  // internal attributes
    put(directory, 0, 4);  // external attributes
    put(directory, header_at, 4);
    directory += name;
  }
  const std::size_t start = out.size();
  out += directory;
  out += kEndOfDirectory;
  put(out, 0, 4);  // disks
  put(out, members.size(), 2);
  put(out, members.size(), 2);
  put(out, directory.size(), 4);
  put(out, start, 4);
  put(out, 0, 2);  // comment
  return out;
}

}  // namespace opoloop
