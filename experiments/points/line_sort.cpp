#include "experiments/points/line_sort.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <queue>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"

namespace opoloop {
namespace {

/// Runs that are open at once; more are first made one.
constexpr std::size_t kOpenRuns = 64;

/// The first of two lines of one point has the smaller rank.
std::uint64_t rank_of(const RecordKey& key) {
  return key.failures == 0 ? 0 : std::numeric_limits<std::uint32_t>::max() - std::uint64_t{key.failures} + 1;
}

/// -1, 0, 1 as a comes before, with or after b.
int order(const RecordKey& a, const RecordKey& b) {
  if (a.index != b.index) return a.index < b.index ? -1 : 1;
  if (rank_of(a) != rank_of(b)) return rank_of(a) < rank_of(b) ? -1 : 1;
  return 0;
}

/// A run that is being written; says so where the disk refuses.
class RunWriter {
 public:
  explicit RunWriter(const std::string& path) : path_(path), file_(path, std::ios::binary) {}
  void write(std::string_view line) {
    file_.write(line.data(), static_cast<std::streamsize>(line.size()));
    file_.put('\n');
  }
  void close() {
    file_.close();
    if (!file_) throw Error(path_ + ": cannot write: is the disk full?");
  }

 private:
  std::string path_;
  std::ofstream file_;
};

}  // namespace

LineSort::LineSort(std::string folder, std::size_t run_bytes)
    : folder_(std::move(folder)), run_bytes_(run_bytes) {
  text_.reserve(run_bytes);  // grown by doubling it would be twice as large
}

LineSort::~LineSort() {
  for (const std::string& run : runs_) std::remove(run.c_str());
}

std::string LineSort::new_run() {
  return fmt::format("{}/sort-{}.tmp", folder_, made_++);
}

void LineSort::add(const RecordKey& key, std::string_view line) {
  entries_.push_back({key, text_.size(), line.size()});
  text_ += line;
  if (text_.size() + entries_.size() * sizeof(Entry) >= run_bytes_) spill();
}

void LineSort::spill() {
  if (entries_.empty()) return;
  // Lines were added in the order of `begin`.
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    const int by_key = order(a.key, b.key);
    return by_key != 0 ? by_key < 0 : a.begin < b.begin;
  });
  runs_.push_back(new_run());
  RunWriter run(runs_.back());
  for (const Entry& entry : entries_) run.write(std::string_view(text_).substr(entry.begin, entry.length));
  run.close();
  entries_.clear();
  text_.clear();
  if (runs_.size() < kOpenRuns) return;
  const std::string one = new_run();
  try {
    RunWriter writer(one);
    merge(runs_.size(), [&](const RecordKey&, std::string_view line) { writer.write(line); });
    writer.close();
  } catch (...) {
    std::remove(one.c_str());
    throw;
  }
  for (const std::string& merged : runs_) std::remove(merged.c_str());
  runs_ = {one};
}

void LineSort::merge(std::size_t count,
                     const std::function<void(const RecordKey&, std::string_view line)>& take) const {
  struct Head {
    RecordKey key;
    std::size_t run = 0;
    std::string_view line;
  };
  const auto later = [](const Head& a, const Head& b) {
    const int by_key = order(a.key, b.key);
    return by_key != 0 ? by_key > 0 : a.run > b.run;
  };
  std::priority_queue<Head, std::vector<Head>, decltype(later)> heads(later);
  std::vector<std::unique_ptr<LineReader>> readers;
  const auto next_of = [&](std::size_t run) {
    Head head;
    head.run = run;
    if (!readers[run]->next(head.line)) return;
    head.key = parse_key(head.line, runs_[run], readers[run]->line_number());
    heads.push(head);
  };
  for (std::size_t run = 0; run < count; ++run) {
    readers.push_back(std::make_unique<LineReader>(runs_[run]));
    next_of(run);
  }
  while (!heads.empty()) {
    const Head head = heads.top();
    heads.pop();
    take(head.key, head.line);
    next_of(head.run);
  }
}

void LineSort::for_each(const std::function<void(const RecordKey&, std::string_view line)>& take) {
  spill();
  text_.shrink_to_fit();
  merge(runs_.size(), take);
}

}  // namespace opoloop
