#include "driver/hil/udp_carrier.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "driver/hil/frame.h"

namespace opoloop::hil {
namespace {

constexpr int kSocketBuffer = 4 << 20;
constexpr int kRefusals = 3;  // one may be left over from a peer that had not begun yet
constexpr auto kSpin = std::chrono::microseconds(50);

sockaddr_in resolve(const std::string& host, std::uint16_t port, const std::string& name) {
  addrinfo hints = {};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (failed != 0) throw Error(fmt::format("{}: {}", name, ::gai_strerror(failed)));
  sockaddr_in address = {};
  std::memcpy(&address, found->ai_addr, std::min<std::size_t>(sizeof address, found->ai_addrlen));
  ::freeaddrinfo(found);
  address.sin_port = htons(port);
  return address;
}

bool is_hello(std::span<const std::uint8_t> datagram) {
  FrameHeader header;
  std::span<const std::uint8_t> payload;
  return decode_frame(datagram, header, payload) == FrameFault::none && header.type == FrameType::hello;
}

}  // namespace

UdpCarrier::UdpCarrier(const std::string& host, std::uint16_t port, Side side)
    : side_(side), name_(fmt::format("udp:{}:{}", host, port)), received_(65536) {
  sockaddr_in address = resolve(host, port, name_);
  socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket_ < 0) throw Error(fmt::format("{}: {}", name_, std::strerror(errno)));
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof kSocketBuffer);
  auto* at = reinterpret_cast<sockaddr*>(&address);
  const bool plant = side == Side::plant;
  if ((plant ? ::bind(socket_, at, sizeof address) : ::connect(socket_, at, sizeof address)) != 0) {
    const std::string reason = std::strerror(errno);
    ::close(socket_);
    throw Error(fmt::format(
        "{}: {}", name_, plant && errno == EADDRINUSE ? "another plant or program has this port" : reason));
  }
  connected_ = !plant;
  if (plant && port == 0) {
    socklen_t length = sizeof address;
    ::getsockname(socket_, at, &length);
    name_ = fmt::format("udp:{}:{}", host, ntohs(address.sin_port));
  }
}

UdpCarrier::~UdpCarrier() {
  ::close(socket_);
}

std::size_t UdpCarrier::largest_datagram() const {
  return kLargestDatagram;
}

/// The peer's computer answers that its port is closed. Before it was ever heard of, that is no news.
void UdpCarrier::refused() {
  if (++refusals_ >= kRefusals && heard_) {
    throw Error(
        fmt::format("{}: the {} has closed its port", name_, side_ == Side::plant ? "controller" : "plant"));
  }
}

void UdpCarrier::send(std::span<const std::uint8_t> datagram) {
  if (!connected_) return;  // nobody to talk to yet
  while (::send(socket_, datagram.data(), datagram.size(), MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    if (errno == ECONNREFUSED) {
      refused();  // an answer to an earlier datagram: this one has not gone
      continue;
    }
    // A full queue loses datagrams like a full switch does: the other side asks again.
    if (errno == EAGAIN || errno == ENOBUFS || errno == ENETUNREACH || errno == EHOSTUNREACH) return;
    throw Error(fmt::format("{}: cannot send: {}", name_, std::strerror(errno)));
  }
}

/// Bytes of a datagram now in received_, −1 where there is none.
long UdpCarrier::take() {
  for (;;) {
    sockaddr_in from = {};
    socklen_t length = sizeof from;
    const ssize_t got = ::recvfrom(socket_, received_.data(), received_.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &length);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == ECONNREFUSED) {
        refused();
        continue;
      }
      if (errno == EAGAIN) return -1;
      throw Error(fmt::format("{}: cannot receive: {}", name_, std::strerror(errno)));
    }
    if (!connected_) {
      if (!is_hello({received_.data(), static_cast<std::size_t>(got)})) return got;  // counted, not answered
      connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&from), length) == 0;
      if (!connected_) continue;  // no way back to where it came from
    }
    heard_ = true;
    refusals_ = 0;
    return got;
  }
}

std::span<const std::uint8_t> UdpCarrier::receive(Clock::time_point until) {
  const auto spin_until = Clock::now() + kSpin;
  for (;;) {
    const long got = take();
    if (got >= 0) return {received_.data(), static_cast<std::size_t>(got)};
    const auto now = Clock::now();
    if (now >= until) return {};
    if (now < spin_until) continue;
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - now).count();
    const timespec wait = {static_cast<time_t>(left / 1000000000), static_cast<long>(left % 1000000000)};
    pollfd waiting = {socket_, POLLIN, 0};
    ::ppoll(&waiting, 1, &wait, nullptr);
  }
}

}  // namespace opoloop::hil
