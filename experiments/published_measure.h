#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cim_model/parameters.h"
#include "driver/device.h"
#include "experiments/published.h"

namespace opoloop {

// What the planned measurements of `experiment published` are made of.

/// Runs of one device on one problem, counted against a target energy; nothing where it was interrupted.
/// uri "emulator:" and its like; `parameters` as --set takes them; rounds: unset = the device's choice.
struct DeviceRuns {
  std::string uri = "emulator:";
  std::map<std::string, std::string> parameters;
  int runs = 1;
  std::optional<std::int64_t> rounds;
};
std::optional<PublishedPoint> measure_runs(const PublishedOptions& options,
                                           const std::shared_ptr<const Problem>& problem,
                                           const DeviceRuns& what, double target_energy);

/// When each run first reached each target: one point a target. The energies of all round trips are looked
/// at.
std::optional<std::vector<PublishedPoint>> measure_first_passage(const PublishedOptions& options,
                                                                 const Problem& problem,
                                                                 const LoopParameters& parameters, int runs,
                                                                 const std::vector<double>& targets);

/// "a=1 b=2 …", for PublishedPoint::setting.
std::string setting_text(const std::map<std::string, ParameterValue>& parameters);

// The tasks of each section, in the order they run.
std::vector<PublishedTask> moebius_tasks();
std::vector<PublishedTask> gset_tasks();
std::vector<PublishedTask> k2000_tasks(const PublishedOptions& options);
/// Ground energies of the SK instances; what saturation and scaling count as success.
std::vector<PublishedTask> reference_tasks(const PublishedOptions& options, bool saturation, bool scaling);
std::vector<PublishedTask> saturation_tasks(const PublishedOptions& options);
std::vector<PublishedTask> scaling_tasks(const PublishedOptions& options);

}  // namespace opoloop
