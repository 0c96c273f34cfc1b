#include "driver/server/hdf5_upload.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <hdf5.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/clock.h"
#include "core/error.h"
#include "driver/hdf5_handle.h"
#include "driver/problem_hdf5.h"

namespace opoloop {
namespace {

constexpr int kSeconds = 20;
constexpr std::uint64_t kSpareBytes = std::uint64_t{256} << 20;
constexpr std::size_t kLongestName = 60;
constexpr char kTaken = '+', kRefused = '-';
// Descriptors of the child: beside the standard ones the pipe, then one for the file and a few to spare, of
// which a sanitizer needs two.
constexpr int kPipe = 3, kMostDescriptors = 8;

/// Closes at the end.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator int() const { return fd_; }  // NOLINT: passed straight to the system calls
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

bool write_all(int fd, std::string_view bytes);

/// Gone at the end.
class TemporaryFile {
 public:
  TemporaryFile()
      : path_(std::filesystem::temp_directory_path() / "opoloop-upload-XXXXXX"),
        fd_(::mkostemp(path_.data(), O_CLOEXEC)) {}
  ~TemporaryFile() {
    if (fd_ >= 0) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  bool write(std::string_view bytes) const { return fd_ >= 0 && write_all(fd_, bytes); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  Descriptor fd_;
};

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

/// What this process has mapped already.
std::uint64_t address_space_bytes() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// What the child does, and all of it.
[[noreturn]] void read_and_exit(int pipe, const std::string& path, const std::string& name,
                                const JobLimits& limits) {
  std::signal(SIGPIPE, SIG_DFL);
  if (pipe != kPipe && ::dup2(pipe, kPipe) < 0) ::_exit(1);
  const std::uint64_t mapped = address_space_bytes();
  ::close_range(kPipe + 1, ~0U, 0);
  const rlimit descriptors{kMostDescriptors, kMostDescriptors}, seconds{kSeconds, kSeconds};
  const rlim_t room = mapped + limits.memory_bytes + kSpareBytes;
  const rlimit no_core{0, 0}, memory{room, room};
  if (::setrlimit(RLIMIT_NOFILE, &descriptors) != 0 || ::setrlimit(RLIMIT_CPU, &seconds) != 0 ||
      ::setrlimit(RLIMIT_CORE, &no_core) != 0 || ::setrlimit(RLIMIT_AS, &memory) != 0) {
    ::_exit(1);
  }
  // Links to objects of other files lead nowhere from here on.
  H5Lunregister(H5L_TYPE_EXTERNAL);
  std::string answer;
  try {
    LoadOptions options;
    options.memory_limit_bytes = limits.memory_bytes;
    Problem problem = read_problem_hdf5(path, options);
    if (problem.source.ends_with("/" + problem.name)) problem.name = name;
    problem.name = problem.name.substr(0, kLongestName);
    for (char& c : problem.name) {
      if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    }
    answer = kTaken + problem.sha256 + problem.name + "\n" + problem_to_bytes(problem, ProblemFormat::npz);
  } catch (const std::exception& error) {
    answer = kRefused + std::string(error.what());
  }
  ::_exit(write_all(kPipe, answer) ? 0 : 1);
}

/// Everything that the child writes, until it closes its end or the time is over.
std::string hear(int pipe, std::uint64_t most) {
  std::string all;
  std::array<char, 64 << 10> piece{};
  const auto until = Clock::now() + std::chrono::seconds(kSeconds);
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd p{pipe, POLLIN, 0};
    const int ready = left > 0 ? ::poll(&p, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return {};
    const ssize_t got = ::read(pipe, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0 ? all : std::string();
    all.append(piece.data(), static_cast<std::size_t>(got));
    if (all.size() > most) return {};
  }
}

}  // namespace

Problem read_uploaded_hdf5(std::string_view bytes, const std::string& name, const JobLimits& limits) {
  const auto no_room = [] {
    throw Error(fmt::format("no HDF5 file can be read now: {}", std::strerror(errno)));
  };
  // HDF5 wants a file with a name.
  TemporaryFile file;
  std::array<int, 2> ends{-1, -1};
  if (!file.write(bytes) || ::pipe2(ends.data(), O_CLOEXEC) != 0) no_room();
  const Descriptor from_child(ends[0]);
  Descriptor to_parent(ends[1]);
  pid_t child = -1;
  {
    // No other thread is inside the library when its memory is copied.
    std::unique_lock lock(hdf5_mutex());
    child = ::fork();
    lock.unlock();
  }
  if (child == 0) read_and_exit(to_parent, file.path(), name, limits);
  if (child < 0) no_room();
  to_parent.close();
  const std::string answer = hear(from_child, limits.memory_bytes);
  ::kill(child, SIGKILL);
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (answer.starts_with(kRefused)) {
    std::string reason = answer.substr(1);
    const std::string& path = file.path();
    for (std::size_t at = reason.find(path); at != std::string::npos; at = reason.find(path)) {
      reason.replace(at, path.size(), name);
    }
    throw InputError(reason);
  }
  // A plus, the hash, the name, the end of the line, the problem.
  constexpr std::size_t kName = 1 + 64;
  const std::size_t line = answer.find('\n');
  if (!answer.starts_with(kTaken) || line == std::string::npos || line < kName) {
    throw InputError(name + ": an HDF5 file that could not be read in time and memory, or damaged");
  }
  LoadOptions load;
  load.format = ProblemFormat::npz;
  Problem problem = load_problem_from_bytes(std::string_view(answer).substr(line + 1), name, load);
  problem.source = "request";
  problem.name = answer.substr(kName, line - kName);
  problem.sha256 = answer.substr(1, kName - 1);
  if (problem.ising.size() > limits.max_spins) {
    throw InputError(fmt::format("{}: {} spins, this server takes at most {}", name, problem.ising.size(),
                                 limits.max_spins));
  }
  return problem;
}

}  // namespace opoloop
