#include "driver/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "core/clock.h"
#include "core/error.h"

namespace opoloop {
namespace {

using Seconds = std::chrono::duration<double>;

/// Waits until `fd` can be read or written; false when the time is over.
bool ready(int fd, short events, Clock::time_point end) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd watched{fd, events, 0};
    const int found = ::poll(&watched, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
    if (found > 0) return true;
    if (found < 0 && errno != EINTR) return true;  // the call that follows says what is wrong
    if (Clock::now() >= end) return false;
  }
}

/// "NAME=value" of this process, those of `added` instead where they have the same name.
std::vector<std::string> environment_with(const std::map<std::string, std::string>& added) {
  std::vector<std::string> all;
  for (char** item = environ; item != nullptr && *item != nullptr; ++item) {
    const std::string text = *item;
    if (!added.contains(text.substr(0, text.find('=')))) all.push_back(text);
  }
  for (const auto& [name, value] : added) all.push_back(fmt::format("{}={}", name, value));
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command, const std::string& stderr_path,
                           const std::map<std::string, std::string>& environment) {
  // Everything that allocates happens before fork(): other threads may hold the allocator's lock.
  std::vector<std::string> arguments = command;
  std::vector<std::string> variables = environment_with(environment);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(variables);
  const int log = ::open(stderr_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) throw Error(fmt::format("{}: cannot be written: {}", stderr_path, std::strerror(errno)));
  // A socket rather than pipes: writing to a child that has gone answers EPIPE without raising SIGPIPE.
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    ::close(log);
    throw Error(fmt::format("cannot talk to a program: {}", std::strerror(errno)));
  }
  const pid_t parent = ::getpid();
  // Until the child has dropped the handlers of this program, no signal reaches it.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::setpgid(0, 0);                     // Ctrl-C is this program's to handle
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody is left to read its answer
    if (::getppid() != parent) ::_exit(127);
    ::dup2(ends[1], STDIN_FILENO);
    ::dup2(ends[1], STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::close_range(3, ~0U, 0);  // run files and sockets of this process
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
    ::sigemptyset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(log);
  ::close(ends[1]);
  channel_ = ends[0];
  if (pid_ < 0) {
    ::close(channel_);
    throw Error(fmt::format("{} cannot be started: {}", command[0], std::strerror(errno)));
  }
  ::setpgid(pid_, pid_);  // whichever of the two is first
}

ChildProcess::~ChildProcess() {
  stop(0);
  ::close(channel_);
}

bool ChildProcess::send_line(std::string_view line, double timeout_s) {
  const auto end = Clock::now() + Seconds(timeout_s);
  std::string text(line);
  text += '\n';
  std::string_view rest = text;
  while (!rest.empty()) {
    if (!ready(channel_, POLLOUT, std::chrono::time_point_cast<Clock::duration>(end))) return false;
    const ssize_t sent = ::send(channel_, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (sent < 0) return false;
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::optional<std::string> ChildProcess::read_line(double timeout_s, std::size_t longest) {
  const auto end = std::chrono::time_point_cast<Clock::duration>(Clock::now() + Seconds(timeout_s));
  std::size_t looked = 0;
  for (;;) {
    const std::size_t newline = pending_.find('\n', looked);
    if (newline != std::string::npos) {
      std::string line = pending_.substr(0, newline);
      pending_.erase(0, newline + 1);
      return line;
    }
    looked = pending_.size();
    if (looked > longest) throw Error(fmt::format("a program wrote a line of more than {} bytes", longest));
    if (output_ended_ || !ready(channel_, POLLIN, end)) return std::nullopt;
    std::array<char, 1 << 16> buffer{};
    const ssize_t got = ::recv(channel_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) {
      output_ended_ = true;
    } else {
      pending_.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
}

bool ChildProcess::reaped(double timeout_s) {
  const auto end = Clock::now() + Seconds(timeout_s);
  Seconds pause{0.001};
  while (!reaped_) {
    // Looked at before it is reaped: until then its number, and that of its group, belong to nobody else.
    siginfo_t info{};
    const int failed = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    if (failed != 0 && errno != EINTR) reaped_ = true;  // somebody else reaped it
    if (failed == 0 && info.si_pid == pid_) {
      ::kill(-pid_, SIGKILL);  // what it left behind
      ::waitpid(pid_, &status_, 0);
      reaped_ = true;
    }
    if (reaped_ || Clock::now() >= end) break;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, Seconds(0.05));
  }
  return reaped_;
}

void ChildProcess::stop(double patience_s) {
  if (!reaped_ && patience_s > 0) {
    ::kill(-pid_, SIGTERM);
    reaped(patience_s);
  }
  if (reaped_) return;
  ::kill(pid_, SIGKILL);
  while (!reaped(60)) {
  }
}

std::string ChildProcess::ending() {
  if (!reaped(1)) return "still running";
  if (WIFSIGNALED(status_)) return fmt::format("killed by signal {}", WTERMSIG(status_));
  return fmt::format("exit code {}", WEXITSTATUS(status_));
}

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? name : std::string();
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::string candidate = fmt::format("{}/{}", rest.substr(0, end), name);
    if (end > 0 && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

}  // namespace opoloop
