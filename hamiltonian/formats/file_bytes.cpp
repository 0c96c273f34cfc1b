#include "hamiltonian/formats/file_bytes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "hamiltonian/formats/read_context.h"

namespace opoloop {

namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }
  /// Closes now, because the last error of a write may come from here.
  bool close() {
    const int fd = fd_;
    fd_ = -1;
    return ::close(fd) == 0;
  }

 private:
  int fd_;
};

mode_t creation_mask() {
  // It is read by setting it, for all threads: once, or one of them could find and keep the other's 0.
  static const mode_t mask = [] {
    const mode_t found = ::umask(0);
    ::umask(found);
    return found;
  }();
  return mask;
}

[[noreturn]] void throw_too_large(const std::string& path, double bytes, std::uint64_t limit) {
  throw_file_error(path, 0, {},
                   fmt::format("the file has {}, more than the {} that can be read", bytes_text(bytes),
                               bytes_text(static_cast<double>(limit))));
}

}  // namespace

std::string read_file_bytes(const std::string& path, std::uint64_t limit) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (file.get() < 0 || ::fstat(file.get(), &info) != 0) throw_file_error(path, 0, {}, std::strerror(errno));
  if (S_ISDIR(info.st_mode)) throw_file_error(path, 0, {}, "is a directory, not a problem file");
  if (S_ISREG(info.st_mode) && static_cast<std::uint64_t>(info.st_size) > limit) {
    throw_too_large(path, static_cast<double>(info.st_size), limit);
  }
  std::string bytes;
  if (S_ISREG(info.st_mode)) bytes.reserve(static_cast<std::size_t>(info.st_size) + 1);
  // Read to the end rather than st_size: pipes and files in /proc have none.
  std::size_t used = 0;
  while (true) {
    bytes.resize(std::max(bytes.capacity(), used + (std::size_t{1} << 16)));
    const ssize_t got = ::read(file.get(), bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_file_error(path, 0, {}, std::strerror(errno));
    used += static_cast<std::size_t>(got);
    if (used > limit) throw_too_large(path, static_cast<double>(used), limit);
    if (got == 0) break;
  }
  bytes.resize(used);
  return bytes;
}

void rename_durably(const std::string& from, const std::string& path) {
  const auto fail = [&]() {
    throw Error(fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
  };
  FileDescriptor file(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 || ::fsync(file.get()) != 0) fail();
  if (std::rename(from.c_str(), path.c_str()) != 0) fail();
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  // Some file systems sync no folders; the file is there all the same.
  const FileDescriptor place(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (place.get() >= 0) ::fsync(place.get());
}

bool is_stream(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return false;
  if (S_ISDIR(info.st_mode)) return false;
  if (!S_ISREG(info.st_mode)) return true;
  // What the shell has opened for this process may be a file, too.
  const auto leads_to_process = [](const std::filesystem::path& place) {
    return place.string().starts_with("/proc/");
  };
  std::error_code none;
  const std::filesystem::path given(path);
  return leads_to_process(std::filesystem::read_symlink(given, none)) ||
         leads_to_process(std::filesystem::canonical(std::filesystem::absolute(given).parent_path(), none));
}

void write_atomically(const std::string& path, const std::function<void(const std::string&)>& write) {
  if (is_stream(path)) return write(path);
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    throw InputError(fmt::format("{}: is a directory", path));
  }
  std::string temporary = path + ".XXXXXX";
  const int fd = ::mkstemp(temporary.data());
  if (fd < 0) throw Error(fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
  // mkstemp makes the file private; give it what a plain open() would have.
  ::fchmod(fd, 0666 & ~creation_mask());
  ::close(fd);
  try {
    write(temporary);
    rename_durably(temporary, path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

void write_file_bytes(const std::string& path, std::string_view bytes) {
  write_atomically(path, [&](const std::string& temporary) {
    FileDescriptor file(::open(temporary.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    bool ok = file.get() >= 0;
    std::string_view rest = bytes;
    while (ok && !rest.empty()) {
      const ssize_t done = ::write(file.get(), rest.data(), rest.size());
      if (done < 0 && errno == EINTR) continue;
      ok = done >= 0;
      if (ok) rest.remove_prefix(static_cast<std::size_t>(done));
    }
    if (!ok || !file.close()) {
      throw Error(fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
    }
  });
}

}  // namespace opoloop
