#pragma once

#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "driver/hil/carrier.h"

namespace opoloop::hil {

/// Probabilities, each in [0, 1], of what may happen to a datagram on its way, in either direction.
struct Faults {
  double loss = 0;
  double duplication = 0;
  double reordering = 0;  ///< held back until up to three later ones have passed it
  double corruption = 0;  ///< one bit is turned over
  std::uint64_t seed = 1;

  bool any() const { return loss > 0 || duplication > 0 || reordering > 0 || corruption > 0; }
  /// Throws InputError naming the probability that is none.
  void validate() const;
};

/// What was done to the datagrams that passed.
struct FaultCounts {
  std::int64_t passed = 0, lost = 0, duplicated = 0, reordered = 0, corrupted = 0;
};

/// A bad line between a carrier and its user, seeded.
class FaultyCarrier final : public Carrier {
 public:
  FaultyCarrier(std::unique_ptr<Carrier> carrier, const Faults& faults);

  void send(std::span<const std::uint8_t> datagram) override;
  std::span<const std::uint8_t> receive(Clock::time_point until) override;
  std::size_t largest_datagram() const override { return carrier_->largest_datagram(); }
  bool reliable() const override { return false; }
  std::string name() const override { return carrier_->name(); }
  const FaultCounts& counts() const { return counts_; }

 private:
  struct Held {
    std::vector<std::uint8_t> datagram;
    int passes;  // let so many go first
  };
  /// One direction: what comes out of the line when `datagram` goes in.
  struct Line {
    std::deque<std::vector<std::uint8_t>> out;
    std::vector<Held> held;
  };
  void pass(Line& line, std::span<const std::uint8_t> datagram);
  bool happens(double probability);

  std::unique_ptr<Carrier> carrier_;
  Faults faults_;
  FaultCounts counts_;
  std::mt19937_64 random_;
  Line outgoing_, incoming_;
  std::vector<std::uint8_t> received_;
};

}  // namespace opoloop::hil
