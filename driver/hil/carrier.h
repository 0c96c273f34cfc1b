#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/clock.h"

namespace opoloop::hil {

/// Which side of the loop this process is.
enum class Side { plant, controller };

/// Takes datagrams from one side of the loop to the other. One thread a side.
class Carrier {
 public:
  virtual ~Carrier() = default;

  /// Hands a datagram over. Throws Error where the peer is gone or takes nothing any more.
  virtual void send(std::span<const std::uint8_t> datagram) = 0;
  /// The next datagram, waiting until `until` at most; empty where time is up. Valid until the next call.
  /// Throws Error where the peer is gone.
  virtual std::span<const std::uint8_t> receive(Clock::time_point until) = 0;
  /// Bytes of the largest datagram, header included.
  virtual std::size_t largest_datagram() const = 0;
  /// Nothing is lost, doubled or overtaken on the way.
  virtual bool reliable() const = 0;
  /// "shm:demo", "udp:127.0.0.1:5005": what a peer connects to.
  virtual std::string name() const = 0;
};

/// Opens "shm:NAME", "udp:PORT" or "udp:HOST:PORT": the plant makes the place, a controller waits for it up
/// to wait_s. Throws InputError where the text is none of them, Error where the place is taken or not there.
std::unique_ptr<Carrier> open_carrier(const std::string& uri, Side side, double wait_s);

}  // namespace opoloop::hil
