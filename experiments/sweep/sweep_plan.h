#pragma once

#include <memory>
#include <string>
#include <vector>

#include "experiments/points/point_plan.h"
#include "experiments/sweep/sweep_config.h"

namespace opoloop {

/// Throws InputError where the device does not know a parameter or refuses its value. Devices that are
/// elsewhere are not asked.
void check_sweep_setting(const SweepSetting& setting);

/// A sweep as points: the seed varies fastest, then the setting, then the instance. An instance is opened
/// when a point needs it, and the few last ones are kept.
///
/// What counts as solved is decided for an instance by itself, so that it cannot depend on which points were
/// measured before: the energy the configuration states, else the best known one that comes with the file or
/// the generator, else the ground energy of a small instance by looking at every state. Where there is none
/// of these, what needs it is NaN.
class SweepPlan final : public PointPlan {
 public:
  SweepPlan(SweepConfig config, std::uint64_t seed);
  ~SweepPlan() override;

  /// The columns a report can show: every number of a result.
  static const std::vector<PointColumn>& metric_columns();

  const SweepConfig& config() const { return config_; }
  std::string experiment() const override { return "sweep"; }
  std::string description() const override { return describe(config_); }
  std::uint64_t seed() const override { return seed_; }
  std::uint64_t size() const override { return size_; }
  const std::vector<PointColumn>& columns() const override { return columns_; }
  std::string name(std::uint64_t index) const override;
  std::optional<PointValues> measure(std::uint64_t index, const PointContext& context) const override;

  /// What a point is of.
  struct Place {
    const SweepInstances* group;
    std::uint64_t in_group;
    std::uint64_t instance;  ///< of all
    const SweepSetting* setting;
    std::uint64_t seed;
  };
  Place place(std::uint64_t index) const;

 private:
  class InstanceCache;
  SweepConfig config_;
  std::uint64_t seed_, size_;
  std::vector<PointColumn> columns_;
  std::vector<std::string> parameters_;  ///< of any setting, each a column
  std::unique_ptr<InstanceCache> cache_;
};

}  // namespace opoloop
