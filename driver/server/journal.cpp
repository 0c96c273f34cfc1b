#include "driver/server/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <bit>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <set>

#include "core/error.h"

namespace opoloop {

static_assert(std::endian::native == std::endian::little, "records are little-endian");

namespace {

constexpr std::uint32_t kMagic = 0x314A504F;  // "OPJ1"

struct RecordHeader {
  std::uint32_t magic = kMagic;
  std::uint32_t type = 0;
  std::uint64_t length = 0;
  std::uint32_t crc = 0;
  std::uint32_t unused = 0;
};
static_assert(sizeof(RecordHeader) == 24);

std::uint32_t crc_of(std::uint32_t type, std::string_view body) {
  uLong crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(&type), sizeof type);
  crc = ::crc32_z(crc, reinterpret_cast<const Bytef*>(body.data()), body.size());
  return static_cast<std::uint32_t>(crc);
}

[[noreturn]] void throw_system(const std::string& path, const char* what) {
  throw Error(fmt::format("{}: cannot {} the journal: {}", path, what, std::strerror(errno)));
}

/// Reads up to `size` bytes at `offset`; less only at the end of the file.
std::size_t read_at(int fd, char* to, std::size_t size, std::uint64_t offset, const std::string& path) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(fd, to + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_system(path, "read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void sync_folder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw_system(folder, "open");
  const int failed = ::fsync(fd);
  ::close(fd);
  if (failed != 0) throw_system(folder, "flush");
}

}  // namespace

struct Journal::Impl {
  std::string folder;
  std::uint64_t max_record_bytes = 0;
  std::uint64_t segment_bytes = 0;
  int lock = -1;

  mutable std::mutex mutex;
  std::condition_variable flushed;
  std::set<std::uint32_t> segments;
  int file = -1;  ///< the last segment, at its end
  std::uint32_t segment = 0;
  std::uint64_t end = 0;
  std::uint64_t written = 0;  ///< tickets
  std::uint64_t synced = 0;
  bool syncing = false;
  std::string failure;  ///< a failed flush

  ~Impl() {
    if (file >= 0) ::close(file);
    if (lock >= 0) ::close(lock);
  }

  std::string path_of(std::uint32_t number) const {
    return fmt::format("{}/segment-{:08}.log", folder, number);
  }

  void take_lock() {
    const std::string path = folder + "/lock";
    lock = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0) throw_system(path, "open");
    if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) throw_system(path, "lock");
      std::array<char, 32> owner{};
      const ssize_t got = ::pread(lock, owner.data(), owner.size() - 1, 0);
      throw InputError(fmt::format("the journal {} is in use by another server (process {})", folder,
                                   got > 0 ? owner.data() : "unknown"));
    }
    const std::string owner = std::to_string(::getpid());
    if (::ftruncate(lock, 0) != 0 ||
        ::pwrite(lock, owner.data(), owner.size(), 0) != static_cast<ssize_t>(owner.size())) {
      throw_system(path, "write");
    }
  }

  void find_segments() {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().filename();
      unsigned number = 0;
      if (std::sscanf(name.c_str(), "segment-%8u.log", &number) == 1 &&  // NOLINT: the name is checked whole
          path_of(number) == folder + "/" + name) {
        segments.insert(number);
      }
    }
  }

  /// Whether a whole record begins anywhere in [from, size): then what is before it was not cut off by a
  /// kill.
  bool record_after(int fd, std::uint64_t from, std::uint64_t size, const std::string& path) const {
    std::string rest(size > from ? size - from : 0, '\0');
    rest.resize(read_at(fd, rest.data(), rest.size(), from, path));
    const std::string_view magic(reinterpret_cast<const char*>(&kMagic), sizeof kMagic);
    for (std::size_t at = rest.find(magic); at != std::string::npos; at = rest.find(magic, at + 1)) {
      RecordHeader header;
      if (rest.size() - at < sizeof header) return false;
      std::memcpy(&header, rest.data() + at, sizeof header);
      if (header.length > rest.size() - at - sizeof header) continue;
      const std::string_view body(rest.data() + at + sizeof header, header.length);
      if (crc_of(header.type, body) == header.crc) return true;
    }
    return false;
  }

  /// Replays one segment and returns where its last whole record ends.
  std::uint64_t replay(std::uint32_t number, bool last, const Replay& take) const {
    const std::string path = path_of(number);
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw_system(path, "open");
    struct Closer {
      int fd;
      ~Closer() { ::close(fd); }
    } const closer{fd};
    struct stat info{};
    if (::fstat(fd, &info) != 0) throw_system(path, "read");
    const auto size = static_cast<std::uint64_t>(info.st_size);
    std::uint64_t at = 0;
    while (at < size) {
      RecordHeader header;
      bool whole = read_at(fd, reinterpret_cast<char*>(&header), sizeof header, at, path) == sizeof header &&
                   header.magic == kMagic && header.length <= max_record_bytes &&
                   header.length <= size - at - sizeof header;
      std::string body;
      if (whole) {
        body.resize(header.length);
        whole = read_at(fd, body.data(), body.size(), at + sizeof header, path) == body.size() &&
                crc_of(header.type, body) == header.crc;
      }
      if (!whole) {
        // A kill can leave unfinished only what stands last, and nobody was told that it had been taken.
        if (last && !record_after(fd, at + 1, size, path)) return at;
        throw InputError(fmt::format("{}: damaged at byte {}: restore the folder from a copy", path, at));
      }
      take(header.type, std::move(body), {number, at + sizeof header, header.length});
      at += sizeof header + header.length;
    }
    return at;
  }

  /// Nothing may be written any more: what the kernel has dropped looks like written to the next flush.
  void flush_failed(int reason) {
    failure = fmt::format("{}: cannot flush the journal: {}", folder, std::strerror(reason));
    flushed.notify_all();
  }

  void open_segment(std::uint32_t number, std::uint64_t at) {
    const std::string path = path_of(number);
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) throw_system(path, "open");
    if (::ftruncate(fd, static_cast<off_t>(at)) != 0) {
      ::close(fd);
      throw_system(path, "write");
    }
    if (file >= 0) ::close(file);
    file = fd;
    segment = number;
    end = at;
    segments.insert(number);
    sync_folder(folder);
  }
};

Journal::Journal(const std::string& folder, std::uint64_t max_record_bytes, const Replay& replay,
                 std::uint64_t segment_bytes)
    : folder_(folder), impl_(std::make_unique<Impl>()) {
  std::error_code failed;
  // Problems and answers are their owner's business.
  if (std::filesystem::create_directories(folder, failed)) ::chmod(folder.c_str(), 0700);
  if (failed) throw InputError(fmt::format("{}: cannot make this folder: {}", folder, failed.message()));
  impl_->folder = folder;
  impl_->max_record_bytes = max_record_bytes;
  impl_->segment_bytes = segment_bytes;
  impl_->take_lock();
  impl_->find_segments();
  std::uint64_t end = 0;
  std::uint32_t last = 1;
  if (!impl_->segments.empty()) last = *impl_->segments.rbegin();
  for (const std::uint32_t number : impl_->segments) end = impl_->replay(number, number == last, replay);
  impl_->open_segment(last, end);
}

Journal::~Journal() = default;

std::uint64_t Journal::append(std::uint32_t type, std::string_view body, Place* place) {
  RecordHeader header;
  header.type = type;
  header.length = body.size();
  header.crc = crc_of(type, body);
  std::string record(reinterpret_cast<const char*>(&header), sizeof header);
  record += body;

  std::unique_lock lock(impl_->mutex);
  if (!impl_->failure.empty()) throw Error(impl_->failure);
  if (impl_->end >= impl_->segment_bytes) {
    // What is in the old segment must be safe before anything stands in the next one.
    impl_->flushed.wait(lock, [&] { return !impl_->syncing; });
    if (!impl_->failure.empty()) throw Error(impl_->failure);
    if (impl_->end >= impl_->segment_bytes) {
      if (::fdatasync(impl_->file) != 0) {
        impl_->flush_failed(errno);
        throw Error(impl_->failure);
      }
      impl_->synced = impl_->written;
      impl_->flushed.notify_all();
      impl_->open_segment(impl_->segment + 1, 0);
    }
  }
  std::size_t done = 0;
  while (done < record.size()) {
    const ssize_t put = ::pwrite(impl_->file, record.data() + done, record.size() - done,
                                 static_cast<off_t>(impl_->end + done));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) {
      const int reason = put < 0 ? errno : ENOSPC;
      if (::ftruncate(impl_->file, static_cast<off_t>(impl_->end)) != 0) {
        impl_->failure = fmt::format("{}: the journal cannot be written any more", folder_);
      }
      errno = reason;
      throw_system(folder_, "write");
    }
    done += static_cast<std::size_t>(put);
  }
  if (place != nullptr) *place = {impl_->segment, impl_->end + sizeof header, body.size()};
  impl_->end += record.size();
  return ++impl_->written;
}

void Journal::sync(std::uint64_t ticket) {
  std::unique_lock lock(impl_->mutex);
  while (impl_->synced < ticket) {
    if (!impl_->failure.empty()) throw Error(impl_->failure);
    if (impl_->syncing) {
      impl_->flushed.wait(lock);
      continue;
    }
    // This thread flushes for all that have written so far.
    impl_->syncing = true;
    const std::uint64_t target = impl_->written;
    const int fd = impl_->file;
    lock.unlock();
    const bool ok = ::fdatasync(fd) == 0;
    const int reason = errno;
    lock.lock();
    impl_->syncing = false;
    if (ok) {
      impl_->synced = std::max(impl_->synced, target);
      impl_->flushed.notify_all();
    } else {
      impl_->flush_failed(reason);
    }
  }
}

std::string Journal::read(const Place& place) const {
  const std::string path = impl_->path_of(place.segment);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw_system(path, "open");
  std::string body(place.length, '\0');
  std::size_t got = 0;
  try {
    got = read_at(fd, body.data(), body.size(), place.offset, path);
  } catch (...) {
    ::close(fd);
    throw;
  }
  ::close(fd);
  if (got != body.size()) throw Error(path + ": shorter than the journal says");
  return body;
}

std::uint32_t Journal::current_segment() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->segment;
}

void Journal::drop_before(std::uint32_t first_needed) {
  const std::lock_guard lock(impl_->mutex);
  // Oldest first: what stays is always the end of the story, never a middle without its beginning.
  while (!impl_->segments.empty() && *impl_->segments.begin() < std::min(first_needed, impl_->segment)) {
    const std::uint32_t number = *impl_->segments.begin();
    if (::unlink(impl_->path_of(number).c_str()) != 0 && errno != ENOENT) return;
    impl_->segments.erase(number);
  }
}

}  // namespace opoloop
