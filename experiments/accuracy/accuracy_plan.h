#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "experiments/accuracy/data_sources.h"
#include "experiments/accuracy/training.h"
#include "experiments/points/point_plan.h"

namespace opoloop {

/// A data set of the plan and how long models are trained on it.
struct AccuracyData {
  std::string name;
  std::uint64_t train = 0, test = 0;  ///< examples; 0 = all
  int epochs = 1;
  std::vector<std::string> without = {};  ///< forms that are not trained on it
};

/// `opoloop experiment accuracy` (docs/accuracy.md): what is trained.
struct AccuracyOptions {
  std::vector<AccuracyData> data;
  std::vector<std::string> forms = {"softmax", "v2", "gated", "v1"};
  int seeds = 3;
  bool ablations = true;
  std::vector<std::string> inference_devices;
  TrainingBudget budget;  ///< epochs are those of the data set
  std::uint64_t seed = 1;
  DataPlaces places;

  static AccuracyOptions standard();   ///< under an hour on two cores
  static AccuracyOptions quick();      ///< a minute or two
  static AccuracyOptions published();  ///< 50 epochs of whole sets, as published

  /// The budget a set of this name gets in this plan.
  AccuracyData usual(const std::string& name) const;
};

/// No attention at all, and v2 with q, c_l, c_m, c_q, output projection, read-out, or noise and rounding in
/// training changed.
std::vector<AttentionVariant> ablations();
/// The form alone, as published, or the ablation of this name. Throws InputError on an unknown one.
AttentionVariant form_variant(const std::string& form);

/// Point = data set × variant × seed; each trains one model. All sets and forms of one seed before the next,
/// so that what is there of an interrupted run can be compared; v1, the slowest, and ablations last.
class AccuracyPlan : public PointPlan {
 public:
  /// Throws InputError on options that make no sense and on data that is not there.
  AccuracyPlan(AccuracyOptions options, Trainer trainer);

  std::string experiment() const override { return "accuracy"; }
  std::string description() const override;
  std::uint64_t seed() const override { return options_.seed; }
  std::uint64_t size() const override { return points_.size(); }
  const std::vector<PointColumn>& columns() const override { return columns_; }
  std::string name(std::uint64_t index) const override;
  std::optional<PointValues> measure(std::uint64_t index, const PointContext& context) const override;

  const AccuracyOptions& options() const { return options_; }

 private:
  struct Point {
    std::size_t data;
    AttentionVariant variant;
    int seed;
  };
  std::shared_ptr<const LabelledData> data(std::size_t which) const;

  AccuracyOptions options_;
  Trainer trainer_;
  std::vector<Point> points_;
  std::vector<PointColumn> columns_;
  mutable std::mutex mutex_;
  mutable std::map<std::size_t, std::shared_ptr<const LabelledData>> loaded_;
};

}  // namespace opoloop
