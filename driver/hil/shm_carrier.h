#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "driver/hil/carrier.h"

namespace opoloop::hil {

// What lies in shared memory, byte by byte (docs/hil.md): written down once more in
// examples/hil/controller.c.
inline constexpr std::uint32_t kShmMagic = 0x524D4943;  ///< "CIMR"
inline constexpr std::uint32_t kShmVersion = 1;
inline constexpr std::uint32_t kShmSlots = 16;
inline constexpr std::uint32_t kShmSlotBytes = 16384;  ///< largest datagram

/// Counts of one direction: datagrams ever put in, ever taken out. Each has a cache line of its own.
struct ShmRing {
  alignas(64) std::atomic<std::uint64_t> head;  ///< advanced by the side that sends
  alignas(64) std::atomic<std::uint64_t> tail;  ///< advanced by the side that receives
};

struct ShmSlot {
  std::uint32_t bytes;
  alignas(64) std::uint8_t datagram[kShmSlotBytes];
};

struct ShmRegion {
  std::atomic<std::uint32_t> magic;  ///< written last by the plant: the region is ready
  std::uint32_t version;
  std::uint32_t slots;
  std::uint32_t slot_bytes;
  std::atomic<std::uint32_t> plant_pid;
  std::atomic<std::uint32_t> controller_pid;
  std::atomic<std::uint32_t> plant_closed;
  std::atomic<std::uint32_t> controller_closed;
  ShmRing to_controller;
  ShmRing to_plant;
  ShmSlot slots_to_controller[kShmSlots];
  ShmSlot slots_to_plant[kShmSlots];
};
static_assert(offsetof(ShmRegion, plant_pid) == 16 && offsetof(ShmRegion, controller_closed) == 28);
static_assert(offsetof(ShmRegion, to_controller) == 64 && offsetof(ShmRegion, to_plant) == 192);
static_assert(offsetof(ShmRegion, slots_to_controller) == 320 && sizeof(ShmSlot) == 64 + kShmSlotBytes);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// Two rings in POSIX shared memory "/opoloop-NAME", each with one sender and one receiver. Who waits spins,
/// then yields, and looks now and then whether the peer still lives: a process that ends says so, one that is
/// killed leaves a process number that is nobody's.
class ShmCarrier final : public Carrier {
 public:
  /// The plant makes the region and holds a lock on it; one left over from a plant that was killed is
  /// replaced. Throws Error where another plant serves this name; a controller, where none has within wait_s
  /// or where another controller is at work.
  ShmCarrier(const std::string& name, Side side, double wait_s);
  ~ShmCarrier() override;
  ShmCarrier(const ShmCarrier&) = delete;
  ShmCarrier& operator=(const ShmCarrier&) = delete;

  void send(std::span<const std::uint8_t> datagram) override;
  std::span<const std::uint8_t> receive(Clock::time_point until) override;
  std::size_t largest_datagram() const override { return kShmSlotBytes; }
  bool reliable() const override { return true; }
  std::string name() const override { return "shm:" + name_; }

 private:
  void make_region();
  void join_region(double wait_s);
  /// Whether the name still stands for this file, and not for one that another plant has made since.
  bool named(int file) const;
  bool map(int file);
  void require_peer() const;

  std::string name_;
  std::string path_;
  Side side_;
  int file_ = -1;
  ShmRegion* region_ = nullptr;
  bool mine_ = false;  // the controller_pid in the region is this one's
  ShmRing* out_ = nullptr;
  ShmRing* in_ = nullptr;
  ShmSlot* out_slots_ = nullptr;
  ShmSlot* in_slots_ = nullptr;
  std::vector<std::uint8_t> received_;
  Clock::time_point looked_at_peer_;
};

}  // namespace opoloop::hil
