#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <limits>
#include <set>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "core/error.h"
#include "core/random.h"
#include "experiments/points/point_plan.h"

namespace opoloop::test {

/// Points whose values are a function of (seed, index), some of them awkward to write down.
class ToyPlan final : public PointPlan {
 public:
  explicit ToyPlan(std::uint64_t size) : size_(size) {}

  std::set<std::uint64_t> failing;  ///< these throw
  std::uint64_t seed_ = 1;
  std::string plan_ = "toy";
  std::string log;  ///< file that every measured index is appended to
  std::chrono::milliseconds takes{0};
  bool serial = false;
  std::function<void(std::uint64_t, const PointContext&)> on_measure;

  std::string experiment() const override { return "toy"; }
  std::string description() const override { return plan_; }
  std::uint64_t seed() const override { return seed_; }
  std::uint64_t size() const override { return size_; }
  const std::vector<PointColumn>& columns() const override {
    static const std::vector<PointColumn> columns = {{"word", "1", "a word", true},
                                                     {"value", "s", "a number", false}};
    return columns;
  }
  std::string name(std::uint64_t index) const override { return fmt::format("toy {}", index); }
  bool one_at_a_time() const override { return serial; }

  std::optional<PointValues> measure(std::uint64_t index, const PointContext& context) const override {
    if (on_measure) on_measure(index, context);
    if (context.stop && context.stop()) return std::nullopt;
    if (takes.count() > 0) std::this_thread::sleep_for(takes);
    if (!log.empty()) {
      const std::string line = std::to_string(index) + '\n';
      const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      const bool written = ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
      ::close(file);
      if (!written) throw Error("no log");
    }
    if (failing.contains(index)) throw InputError(fmt::format("point {} cannot be measured", index));
    return PointValues{word(index), value(index)};
  }

  std::string word(std::uint64_t index) const {
    return index % 3 == 0 ? "say \"Möbius\"\n" : fmt::format("{}", index);
  }
  double value(std::uint64_t index) const {
    if (index % 50 == 7) return std::numeric_limits<double>::infinity();
    if (index % 50 == 8) return std::numeric_limits<double>::quiet_NaN();
    const auto words = philox_words(seed_, Stream::generator, 0, index, 0);
    return (words[0] + words[1] / 7.0) * 1e-3;
  }

 private:
  std::uint64_t size_;
};

}  // namespace opoloop::test
