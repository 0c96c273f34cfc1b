#include "attention/torch/operator_pool.h"

#include <fmt/format.h>

#include <atomic>
#include <list>
#include <mutex>
#include <utility>

namespace opoloop {
namespace {

constexpr std::size_t kMostIdle = 16;

struct Idle {
  std::string key;
  std::unique_ptr<QamaOperator> made;
};

struct Pool {
  std::mutex mutex;
  std::list<Idle> idle;  // the last used first
  std::atomic<int> made{0};
};

Pool& pool() {
  static Pool pool;
  return pool;
}

/// All options but the seed; %a prints every bit of a number.
std::string key_of(const QamaOptions& o) {
  const QamaSpec& s = o.spec;
  return fmt::format("{}|{}|{}|{:a}|{:a}|{:a}|{:a}|{:a}|{:a}|{:a}|{}|{}|{}|{}", o.device, name_of(s.form),
                     s.bits, s.c_q, s.c_l, s.c_m, s.sparsity, s.sparsity_target, s.long_range, o.scale,
                     o.divide_by_h, o.threads, o.runs.value_or(-1), o.steps.value_or(-1));
}

}  // namespace

PooledOperator::PooledOperator(const QamaOptions& options) : key_(key_of(options)) {
  {
    const std::lock_guard lock(pool().mutex);
    std::list<Idle>& idle = pool().idle;
    for (auto it = idle.begin(); it != idle.end(); ++it) {
      if (it->key == key_) {
        operator_ = std::move(it->made);
        idle.erase(it);
        break;
      }
    }
  }
  if (!operator_) {
    operator_ = std::make_unique<QamaOperator>(options);
    ++pool().made;
  }
  operator_->set_seed(options.seed);
}

PooledOperator::~PooledOperator() {
  Idle gone;  // destroyed without the lock: closing a device may take its time
  const std::lock_guard lock(pool().mutex);
  std::list<Idle>& idle = pool().idle;
  idle.push_front({std::move(key_), std::move(operator_)});
  if (idle.size() > kMostIdle) {
    gone = std::move(idle.back());
    idle.pop_back();
  }
}

int operators_made() {
  return pool().made;
}

}  // namespace opoloop
