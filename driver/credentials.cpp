#include "driver/credentials.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/error.h"

namespace opoloop {
namespace {

/// Goes into a header as it is: no line ends, nothing a header cannot hold.
std::string checked(const std::string& secret, const std::string& where) {
  for (const char c : secret) {
    if (c <= 0x20 || c == 0x7f) throw InputError(where + ": a token is one word of printable characters");
  }
  if (secret.empty()) throw InputError(where + ": holds no token");
  return secret;
}

}  // namespace

bool same_secret(std::string_view given, std::string_view secret) {
  unsigned difference = given.size() == secret.size() ? 0U : 1U;
  for (std::size_t k = 0; k < given.size(); ++k) {
    difference |= static_cast<unsigned char>(given[k]) ^
                  static_cast<unsigned char>(secret[k % std::max<std::size_t>(secret.size(), 1)]);
  }
  return difference == 0;
}

std::string secret_from_file(const std::string& path) {
  constexpr std::size_t kLongest = 4096;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw InputError(fmt::format("{}: {}", path, std::strerror(errno)));
  struct stat info{};
  std::array<char, kLongest> text{};
  const bool known = ::fstat(fd, &info) == 0;
  const ssize_t got = ::read(fd, text.data(), text.size());
  ::close(fd);
  if (!known || got < 0) throw InputError(fmt::format("{}: cannot be read", path));
  if (info.st_uid != ::geteuid() || (info.st_mode & 077) != 0) {
    throw InputError(fmt::format("{}: holds a token and is open to others: chmod 600 {}", path, path));
  }
  const std::string all(text.data(), static_cast<std::size_t>(got));
  return checked(all.substr(0, all.find_first_of("\r\n")), path);
}

std::string secret_from_environment(const std::string& name) {
  // Read before any thread of this program could change the environment; none does.
  if (const char* value = std::getenv(name.c_str()))
    return checked(value, name);  // NOLINT(concurrency-mt-unsafe)
  const std::string file = name + "_FILE";
  if (const char* path = std::getenv(file.c_str()))
    return secret_from_file(path);  // NOLINT(concurrency-mt-unsafe)
  return {};
}

}  // namespace opoloop
