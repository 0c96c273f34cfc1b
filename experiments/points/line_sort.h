#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/points/point_shard.h"

namespace opoloop {

/// Sorts lines of points by index in bounded memory: an external merge sort. Of lines of one point the best
/// comes first (measured before failed, later attempts before earlier ones, then the order of add()).
class LineSort {
 public:
  /// Runs are files `folder`/sort-0.tmp, …, removed with the object.
  LineSort(std::string folder, std::size_t run_bytes);
  ~LineSort();
  LineSort(const LineSort&) = delete;
  LineSort& operator=(const LineSort&) = delete;

  void add(const RecordKey& key, std::string_view line);
  /// Hands every line over in order; once. A view holds during its call.
  void for_each(const std::function<void(const RecordKey&, std::string_view line)>& take);

 private:
  struct Entry {
    RecordKey key;
    std::size_t begin, length;
  };

  std::string new_run();
  void spill();
  /// Runs [0, count) in order of their lines.
  void merge(std::size_t count,
             const std::function<void(const RecordKey&, std::string_view line)>& take) const;

  std::string folder_;
  std::size_t run_bytes_;
  std::string text_;
  std::vector<Entry> entries_;
  std::vector<std::string> runs_;  ///< files, in the order their lines were added
  std::size_t made_ = 0;
};

}  // namespace opoloop
