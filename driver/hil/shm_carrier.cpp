#include "driver/hil/shm_carrier.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <new>
#include <thread>

#include "core/error.h"

namespace opoloop::hil {
namespace {

using std::chrono::milliseconds;

constexpr auto kLookEvery = milliseconds(20);
constexpr int kSpins = 300;  // pauses before the first yield: some ten microseconds
constexpr auto kFullFor = std::chrono::seconds(10);

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Spins for a while, then lets others run.
class Waiting {
 public:
  void once() {
    if (++spins_ < kSpins) {
      pause();
    } else {
      ::sched_yield();
    }
  }

 private:
  int spins_ = 0;
};

bool alive(std::uint32_t pid) {
  return ::kill(static_cast<pid_t>(pid), 0) == 0 || errno != ESRCH;
}

}  // namespace

ShmCarrier::ShmCarrier(const std::string& name, Side side, double wait_s)
    : name_(name), path_("/opoloop-" + name), side_(side), looked_at_peer_(Clock::now()) {
  try {
    if (side == Side::plant) {
      make_region();
    } else {
      join_region(wait_s);
    }
  } catch (...) {
    if (region_ != nullptr) ::munmap(region_, sizeof(ShmRegion));
    if (file_ >= 0) ::close(file_);
    throw;
  }
  const bool plant = side == Side::plant;
  out_ = plant ? &region_->to_controller : &region_->to_plant;
  in_ = plant ? &region_->to_plant : &region_->to_controller;
  out_slots_ = plant ? region_->slots_to_controller : region_->slots_to_plant;
  in_slots_ = plant ? region_->slots_to_plant : region_->slots_to_controller;
  received_.resize(kShmSlotBytes);
}

ShmCarrier::~ShmCarrier() {
  if (side_ == Side::plant) {
    region_->plant_closed.store(1);
    if (named(file_)) ::shm_unlink(path_.c_str());
  } else if (mine_) {
    region_->controller_closed.store(1);
  }
  ::munmap(region_, sizeof(ShmRegion));
  ::close(file_);  // gives the lock back
}

bool ShmCarrier::named(int file) const {
  struct stat ours = {};
  struct stat theirs = {};
  const int there = ::shm_open(path_.c_str(), O_RDONLY | O_CLOEXEC, 0);
  if (there < 0) return false;
  const bool same = ::fstat(file, &ours) == 0 && ::fstat(there, &theirs) == 0 &&
                    ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
  ::close(there);
  return same;
}

bool ShmCarrier::map(int file) {
  void* memory = ::mmap(nullptr, sizeof(ShmRegion), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) return false;
  region_ = static_cast<ShmRegion*>(memory);
  return true;
}

void ShmCarrier::make_region() {
  for (int attempt = 0;; ++attempt) {
    file_ = ::shm_open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file_ >= 0) {
      // Before it was locked another plant may have taken it for a leftover and put its own there.
      if (::flock(file_, LOCK_EX | LOCK_NB) == 0 && named(file_)) break;
      ::close(file_);
      file_ = -1;
      continue;
    }
    if (errno != EEXIST || attempt == 3)
      throw Error(fmt::format("{}: cannot make shared memory: {}", this->name(), std::strerror(errno)));
    const int there = ::shm_open(path_.c_str(), O_RDWR | O_CLOEXEC, 0);
    if (there < 0) continue;
    const bool free = ::flock(there, LOCK_EX | LOCK_NB) == 0;
    if (!free) {
      ::close(there);
      throw Error(fmt::format("{}: another plant serves this name", this->name()));
    }
    // Its plant was killed: nobody holds the lock.
    ::shm_unlink(path_.c_str());
    ::close(there);
  }
  if (::ftruncate(file_, sizeof(ShmRegion)) != 0 || !map(file_)) {
    const std::string reason = std::strerror(errno);
    ::shm_unlink(path_.c_str());
    throw Error(fmt::format("{}: cannot make shared memory: {}", this->name(), reason));
  }
  // The memory is zero: heads, tails and flags are right as they are.
  region_->version = kShmVersion;
  region_->slots = kShmSlots;
  region_->slot_bytes = kShmSlotBytes;
  region_->plant_pid.store(static_cast<std::uint32_t>(::getpid()));
  region_->magic.store(kShmMagic, std::memory_order_release);
}

void ShmCarrier::join_region(double wait_s) {
  const auto give_up = Clock::now() + clock_duration(wait_s);
  for (;;) {
    file_ = ::shm_open(path_.c_str(), O_RDWR | O_CLOEXEC, 0);
    struct stat status = {};
    if (file_ >= 0 && ::fstat(file_, &status) == 0 &&
        status.st_size >= static_cast<off_t>(sizeof(ShmRegion)) && map(file_)) {
      // A region that a killed plant left is as good as none.
      if (region_->magic.load(std::memory_order_acquire) == kShmMagic && alive(region_->plant_pid.load()) &&
          region_->plant_closed.load() == 0)
        break;
      ::munmap(region_, sizeof(ShmRegion));
      region_ = nullptr;
    }
    if (file_ >= 0) ::close(file_);
    file_ = -1;
    if (Clock::now() >= give_up) throw Error(fmt::format("{}: no plant serves this name", this->name()));
    std::this_thread::sleep_for(milliseconds(10));
  }
  if (region_->version != kShmVersion || region_->slots != kShmSlots ||
      region_->slot_bytes != kShmSlotBytes) {
    throw Error(fmt::format("{}: made by another version of opoloop", this->name()));
  }
  std::uint32_t nobody = 0;
  if (!region_->controller_pid.compare_exchange_strong(nobody, static_cast<std::uint32_t>(::getpid()))) {
    throw Error(fmt::format("{}: another controller (process {}) was here first", this->name(), nobody));
  }
  mine_ = true;
}

void ShmCarrier::require_peer() const {
  const bool plant = side_ == Side::plant;
  const std::uint32_t pid = plant ? region_->controller_pid.load() : region_->plant_pid.load();
  const bool closed = (plant ? region_->controller_closed : region_->plant_closed).load() != 0;
  if (pid == 0) return;  // still to come
  const char* who = plant ? "controller" : "plant";
  if (closed) throw Error(fmt::format("{}: the {} (process {}) has left", this->name(), who, pid));
  if (!alive(pid)) throw Error(fmt::format("{}: the {} (process {}) died", this->name(), who, pid));
}

void ShmCarrier::send(std::span<const std::uint8_t> datagram) {
  if (datagram.size() > kShmSlotBytes) throw Error(this->name() + ": datagram too large");
  const std::uint64_t head = out_->head.load(std::memory_order_relaxed);
  if (head - out_->tail.load(std::memory_order_acquire) >= kShmSlots) {
    Waiting waiting;
    const auto begin = Clock::now();
    while (head - out_->tail.load(std::memory_order_acquire) >= kShmSlots) {
      waiting.once();
      const auto now = Clock::now();
      if (now - looked_at_peer_ > kLookEvery) {
        looked_at_peer_ = now;
        require_peer();
      }
      if (now - begin > kFullFor)
        throw Error(fmt::format("{}: the peer has taken nothing for 10 s", this->name()));
    }
  }
  ShmSlot& slot = out_slots_[head % kShmSlots];
  slot.bytes = static_cast<std::uint32_t>(datagram.size());
  std::memcpy(slot.datagram, datagram.data(), datagram.size());
  out_->head.store(head + 1, std::memory_order_release);
}

std::span<const std::uint8_t> ShmCarrier::receive(Clock::time_point until) {
  const std::uint64_t tail = in_->tail.load(std::memory_order_relaxed);
  Waiting waiting;
  while (in_->head.load(std::memory_order_acquire) == tail) {
    const auto now = Clock::now();
    if (now - looked_at_peer_ > kLookEvery) {
      looked_at_peer_ = now;
      // What it sent before it left is still to be read.
      if (in_->head.load(std::memory_order_acquire) == tail) require_peer();
    }
    if (now >= until) return {};
    waiting.once();
  }
  const ShmSlot& slot = in_slots_[tail % kShmSlots];
  // The peer may write nonsense, or write while this reads: take a copy of a length that is in range.
  const std::size_t bytes = std::min<std::size_t>(slot.bytes, kShmSlotBytes);
  std::memcpy(received_.data(), slot.datagram, bytes);
  in_->tail.store(tail + 1, std::memory_order_release);
  return {received_.data(), bytes};
}

}  // namespace opoloop::hil
