#include "driver/server/connection.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "core/clock.h"
#include "driver/server/http_server.h"

namespace opoloop {
namespace {

constexpr std::size_t kBuffer = 16 << 10;
constexpr std::size_t kPiece = 256 << 10;
constexpr std::size_t kLongestHead = 64 << 10;

/// Waits until the socket is ready. 1: ready (or broken, which the next call will find), 0: time is over.
int wait_until(int socket, short events, Clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count() + 1;
    if (left <= 0) return 0;
    pollfd p{socket, events, 0};
    const int ready = ::poll(&p, 1, static_cast<int>(std::min<long long>(left, 1'000'000)));
    if (ready > 0) return 1;
    if (ready < 0 && errno != EINTR) return 1;
  }
}

void address_of(const sockaddr_storage& address, std::string& ip, int& port) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
    ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    port = ntohs(v4->sin_port);
  } else if (address.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    port = ntohs(v6->sin6_port);
  }
  ip = text.data();
}

}  // namespace

Connection::Connection(int socket, ConnectionTimes times, const TlsContext* tls)
    : socket_(socket),
      times_(times),
      deadline_(Clock::now() + clock_duration(times.request_s)),
      buffer_(kBuffer) {
  if (tls != nullptr) tls_.emplace(*tls);
}

bool Connection::wait_for_request(double idle_s, const std::atomic<bool>& stopping) {
  constexpr double kLookEvery_s = 0.1;
  if (begin_ < end_) return true;
  const auto until = Clock::now() + clock_duration(idle_s);
  if (unread()) return fill(until) > 0;
  while (!stopping.load() && Clock::now() < until) {
    if (wait_until(socket_, POLLIN, std::min(until, Clock::now() + clock_duration(kLookEvery_s))) == 1)
      return fill(until) > 0;
  }
  return false;
}

void Connection::begin_request() {
  deadline_ = Clock::now() + clock_duration(times_.request_s);
  allowance_ = kLongestHead;
  timed_out_ = false;
  too_long_ = false;
  answered_ = false;
}

ssize_t Connection::receive(char* to, std::size_t size, Clock::time_point until) {
  for (;;) {
    if (wait_until(socket_, POLLIN, until) == 0) {
      timed_out_ = true;
      return -1;
    }
    const ssize_t got = ::recv(socket_, to, size, MSG_DONTWAIT);
    if (got >= 0 || (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)) return got;
  }
}

ssize_t Connection::decrypt(Clock::time_point until) {
  std::vector<char> encrypted;
  for (;;) {
    std::size_t got = 0;
    const TlsSession::State state = tls_->read(buffer_.data(), buffer_.size(), got);
    // Of the handshake, or an alert that says why there will be none.
    const std::string reply = tls_->take();
    if (!reply.empty() && !send_all(reply.data(), reply.size())) return -1;
    if (state == TlsSession::State::ok) return static_cast<ssize_t>(got);
    if (state == TlsSession::State::closed) return 0;
    if (state == TlsSession::State::plain_http) {
      tls_.reset();
      refuse(400, "not_encrypted", "this server speaks https only");
      return -1;
    }
    if (state != TlsSession::State::wants_input) return -1;
    encrypted.resize(kBuffer);
    const ssize_t arrived = receive(encrypted.data(), encrypted.size(), until);
    if (arrived <= 0) return arrived;
    tls_->put({encrypted.data(), static_cast<std::size_t>(arrived)});
  }
}

ssize_t Connection::fill(Clock::time_point until) {
  const ssize_t got = tls_ ? decrypt(until) : receive(buffer_.data(), buffer_.size(), until);
  begin_ = 0;
  end_ = got > 0 ? static_cast<std::size_t>(got) : 0;
  return got;
}

bool Connection::is_readable() const {
  return unread() || wait_until(socket_, POLLIN, deadline_) == 1;
}

bool Connection::is_writable() const {
  if (wait_until(socket_, POLLOUT, Clock::now() + clock_duration(times_.write_s)) == 0) return false;
  if (tls_) {
    // It ends with a message, which is there to be read.
    pollfd p{socket_, POLLRDHUP, 0};
    return ::poll(&p, 1, 0) == 0;
  }
  // A peer that has closed makes a socket writable; it is readable then, with nothing to read.
  char byte = 0;
  const ssize_t seen = ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return seen > 0 || (seen < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
}

ssize_t Connection::read(char* to, std::size_t size) {
  if (allowance_ == 0) {
    too_long_ = true;
    return -1;
  }
  if (begin_ == end_) {
    const ssize_t got = fill(deadline_);
    if (got <= 0) return got;
  } else if (Clock::now() > deadline_) {
    timed_out_ = true;
    return -1;
  }
  const std::size_t count = std::min({size, end_ - begin_, allowance_});
  std::memcpy(to, buffer_.data() + begin_, count);
  begin_ += count;
  allowance_ -= count;
  return static_cast<ssize_t>(count);
}

ssize_t Connection::write(const char* from, std::size_t size) {
  answered_ = true;
  if (!tls_) return send_all(from, size) ? static_cast<ssize_t>(size) : -1;
  // Piece by piece: what is encrypted is a copy.
  for (std::size_t done = 0; done < size;) {
    const std::size_t piece = std::min(size - done, kPiece);
    if (tls_->write(from + done, piece) != TlsSession::State::ok) return -1;
    const std::string encrypted = tls_->take();
    if (!send_all(encrypted.data(), encrypted.size())) return -1;
    done += piece;
  }
  return static_cast<ssize_t>(size);
}

bool Connection::send_all(const char* from, std::size_t size) {
  const auto until = Clock::now() + clock_duration(times_.write_s);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t put = ::send(socket_, from + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put > 0) {
      done += static_cast<std::size_t>(put);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (wait_until(socket_, POLLOUT, until) == 0) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void Connection::refuse(int status, const std::string& code, const std::string& message) {
  const std::string body = error_response(status, code, message).body;
  const std::string text = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nRetry-After: 1\r\n"
      "Connection: close\r\n\r\n{}",
      status,
      status == 400   ? "Bad Request"
      : status == 408 ? "Request Timeout"
      : status == 431 ? "Request Header Fields Too Large"
                      : "Service Unavailable",
      body.size(), body);
  write(text.data(), text.size());
}

void Connection::linger() {
  constexpr double kAtMost_s = 2;
  close_tls();
  ::shutdown(socket_, SHUT_WR);
  const auto until = Clock::now() + clock_duration(kAtMost_s);
  while (fill(until) > 0) {
  }
}

void Connection::close_tls() {
  if (!tls_) return;
  tls_->close();
  const std::string last = tls_->take();
  // Whoever does not take it now has gone.
  ::send(socket_, last.data(), last.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getpeername(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0)
    address_of(address, ip, port);
}

void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0)
    address_of(address, ip, port);
}

}  // namespace opoloop
