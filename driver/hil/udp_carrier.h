#pragma once

#include <string>
#include <vector>

#include "driver/hil/carrier.h"

namespace opoloop::hil {

/// Datagrams of at most 1472 bytes over UDP (IPv4). The plant binds HOST:PORT (port 0: any free one) and
/// talks to whoever sends the first valid HELLO, and to nobody else from then on.
class UdpCarrier final : public Carrier {
 public:
  /// Throws Error where the host is unknown or the port is taken.
  UdpCarrier(const std::string& host, std::uint16_t port, Side side);
  ~UdpCarrier() override;
  UdpCarrier(const UdpCarrier&) = delete;
  UdpCarrier& operator=(const UdpCarrier&) = delete;

  void send(std::span<const std::uint8_t> datagram) override;
  std::span<const std::uint8_t> receive(Clock::time_point until) override;
  std::size_t largest_datagram() const override;
  bool reliable() const override { return false; }
  std::string name() const override { return name_; }

 private:
  long take();
  void refused();

  Side side_;
  std::string name_;
  int socket_ = -1;
  bool connected_ = false;
  bool heard_ = false;  // the peer has answered at least once
  int refusals_ = 0;    // in a row: its port is closed
  std::vector<std::uint8_t> received_;
};

}  // namespace opoloop::hil
