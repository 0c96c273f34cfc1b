#pragma once

#include <memory>
#include <string>

#include "attention/qama_operator.h"

namespace opoloop {

/// An operator on loan from the pool of this process; goes back when the loan ends. Operators own a device,
/// and a device may be expensive to make (a connection, tables), so calls with equal options share one; two
/// calls at the same time get two.
class PooledOperator {
 public:
  /// Takes an idle operator with these options, or makes one. The seed is no part of the match. Throws
  /// InputError on a bad coefficient or an unknown device.
  explicit PooledOperator(const QamaOptions& options);
  ~PooledOperator();
  PooledOperator(const PooledOperator&) = delete;
  PooledOperator& operator=(const PooledOperator&) = delete;

  QamaOperator* operator->() const { return operator_.get(); }

 private:
  std::string key_;
  std::unique_ptr<QamaOperator> operator_;
};

/// How many operators the pool has made so far; what a test of the sharing looks at.
int operators_made();

}  // namespace opoloop
