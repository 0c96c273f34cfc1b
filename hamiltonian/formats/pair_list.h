#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "hamiltonian/ising_model.h"

namespace opoloop {

/// Collects the couplings of a file in its own order and refuses a pair given twice, in either order, naming
/// both places. A place is a line number of a text file, or the number of an entry (`place_is_line` false).
class PairList {
 public:
  explicit PairList(bool place_is_line = true) : place_is_line_(place_is_line) {}

  void reserve(std::size_t pairs);
  /// 0-based, i ≠ j.
  void add(std::int32_t i, std::int32_t j, double value, std::int64_t place);
  std::size_t size() const { return edges_.size(); }

  /// The couplings with i < j, sorted by (i, j). `base` is the format's own first index, for messages.
  /// The list is spent afterwards.
  std::vector<IsingEdge> take(const std::string& file, int base);

 private:
  bool place_is_line_;
  std::vector<IsingEdge> edges_;
  std::vector<std::uint32_t> places_;
};

/// Collects a file's linear terms by index and refuses an index given twice, naming both lines.
class LinearList {
 public:
  LinearList(std::string file, int base) : file_(std::move(file)), base_(base) {}

  /// Terms that are not set hold `standard`.
  void resize(std::int32_t n, double standard = 0);
  /// 0-based i < size.
  void set(std::int32_t i, double value, std::int64_t line);
  std::vector<double>& values() { return values_; }
  std::int32_t size() const { return static_cast<std::int32_t>(values_.size()); }

 private:
  std::string file_;
  int base_;
  std::vector<double> values_;
  std::vector<std::int64_t> lines_;
};

}  // namespace opoloop
