#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace opoloop {

/// A quantity that every point of an experiment has: a column of its file.
struct PointColumn {
  std::string name;
  std::string units;        ///< UDUNITS style, "1" = dimensionless
  std::string description;  ///< one sentence
  bool text = false;        ///< words, else a number (NaN where it does not exist)
};

/// The values of one point, in the order of the columns.
using PointValue = std::variant<double, std::string>;
using PointValues = std::vector<PointValue>;

/// What a point is measured with. Nothing in it may change a result.
struct PointContext {
  int threads = 1;                ///< that this point may use
  std::filesystem::path scratch;  ///< folder of this point alone, for checkpoints; empty: keep none
  std::function<bool()> stop;     ///< asked now and then: true = give up soon (Ctrl-C)
  std::function<void(double fraction, const std::string& what)> progress;  ///< may be empty
};

/// An experiment as a list of independent points. Points are known by their index alone, so that a plan of
/// 10⁵ costs no memory and any number of processes can share it: who measures a point, and when, changes
/// nothing.
class PointPlan {
 public:
  virtual ~PointPlan() = default;

  /// Name of the experiment: "sweep", "tts", "accuracy".
  virtual std::string experiment() const = 0;
  /// Everything that decides a result, as text: a file is gone on with under the same one only.
  virtual std::string description() const = 0;
  virtual std::uint64_t seed() const = 0;
  virtual std::uint64_t size() const = 0;
  virtual const std::vector<PointColumn>& columns() const = 0;

  /// One line that says which point this is: for progress and for the list of failed ones.
  virtual std::string name(std::uint64_t index) const = 0;
  /// True where a point should have all threads to itself, one after another; false: a thread a point.
  virtual bool one_at_a_time() const { return false; }

  /// Measures one point; nothing where it was stopped. Throws where it cannot be measured: the reason is
  /// recorded and the others go on. Called from several threads at once unless one_at_a_time().
  virtual std::optional<PointValues> measure(std::uint64_t index, const PointContext& context) const = 0;
};

}  // namespace opoloop
