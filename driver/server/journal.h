#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace opoloop {

/// The server's memory on disk: records appended to numbered segment files in one folder, each record with
/// its length and a CRC-32, so that a kill at any instant leaves a prefix of whole records. A record may be
/// relied on once sync() of its ticket has returned. One process at a time: the folder is locked.
///
/// Layout of a folder: `lock`; `segment-00000001.log`, …; the engine's own files beside them.
/// Layout of a record, little-endian: u32 magic "OPJ1", u32 type, u64 length, u32 CRC-32 of type and body,
/// u32 0, body.
class Journal {
 public:
  /// Where a record's body lies, for reading it again.
  struct Place {
    std::uint32_t segment = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
  };
  using Replay = std::function<void(std::uint32_t type, std::string body, const Place& place)>;

  /// Opens or creates the folder, replays every record in order, cuts an unfinished one off the end.
  /// Throws InputError where another process has the folder or a record in the middle is damaged, Error where
  /// the disk refuses. A record of more than `max_record_bytes` counts as damaged. A segment of more than
  /// `segment_bytes` is followed by a new one.
  Journal(const std::string& folder, std::uint64_t max_record_bytes, const Replay& replay,
          std::uint64_t segment_bytes = std::uint64_t{64} << 20);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Appends a record and returns its ticket; any thread. Throws Error where the disk refuses, and takes back
  /// what it had written of the record. `place` says where the body lies.
  std::uint64_t append(std::uint32_t type, std::string_view body, Place* place = nullptr);
  /// Waits until the record is on the disk; many threads share one flush. Throws Error where flushing failed:
  /// from then on nothing more is taken, because nobody knows what the disk holds.
  void sync(std::uint64_t ticket);

  std::string read(const Place& place) const;
  std::uint32_t current_segment() const;
  /// Removes every segment before `first_needed`: none of their records matters any more.
  void drop_before(std::uint32_t first_needed);

  const std::string& folder() const { return folder_; }

 private:
  struct Impl;
  std::string folder_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace opoloop
