#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "driver/sweep_file.h"
#include "experiments/points/point_plan.h"

namespace opoloop {

// `opoloop experiment applications`: problems of other fields on the same machine (docs/applications/). A
// point is an application, an instance of it, a seed and a device; its row holds everything that the page,
// the tables and the pictures need.

inline constexpr const char* kIndependentSet = "independent-set";
inline constexpr const char* kTracking = "tracking";
inline constexpr const char* kSuperResolution = "super-resolution";
inline constexpr const char* kDesign = "design";
inline constexpr const char* kClustering = "clustering";
/// The five, in the order of the page; what --only takes.
const std::vector<std::string>& application_names();

/// What solves them unless others are named. The time step is short: penalties make stiff modes, and with the
/// automatic step of problems with fields the machine rings (docs/applications/index.md has the figures).
inline constexpr const char* kApplicationsDevice = "emulator:?dt=0.05";

struct ApplicationPoint {
  std::string application;
  std::string instance;  ///< "hard-31", "small/mis/karate.gph", "3x5", "picture-24", …
  std::uint64_t seed = 1;
  std::string device;
};

struct ApplicationsOptions {
  bool quick = false;
  std::uint64_t seed = 1;
  std::vector<std::string> only;     ///< names; empty = all
  std::vector<std::string> devices;  ///< URIs; empty = kApplicationsDevice
  std::optional<int> instances;      ///< seeds of each seeded instance, in place of the plan's
  std::filesystem::path data;        ///< public_data_folder()
};

class ApplicationsPlan : public PointPlan {
 public:
  /// Throws InputError where --only names no application or a device is unknown. Instances whose data is not
  /// there are left out and named in missing().
  explicit ApplicationsPlan(ApplicationsOptions options);

  std::string experiment() const override { return "applications"; }
  std::string description() const override;
  std::uint64_t seed() const override { return options_.seed; }
  std::uint64_t size() const override { return points_.size(); }
  const std::vector<PointColumn>& columns() const override;
  std::string name(std::uint64_t index) const override;
  std::optional<PointValues> measure(std::uint64_t index, const PointContext& context) const override;

  const std::vector<ApplicationPoint>& points() const { return points_; }
  const std::string& missing() const { return missing_; }

 private:
  ApplicationsOptions options_;
  std::vector<ApplicationPoint> points_;
  std::string missing_;
};

/// What is measured on one point. NaN where a number does not exist.
struct ApplicationRow {
  std::string application, instance, seed, device;
  std::string reference;  ///< how the reference was found
  std::string answer;     ///< what the pictures are drawn from: bits, coefficients or designs
  double spins = kNone;   ///< of one QUBO
  double couplings = kNone;
  double qubos = kNone;  ///< solved: patches of an image, rounds of a search, else 1
  double penalty = kNone;
  double penalty_bound = kNone;
  double proven = kNone;  ///< QUBOs whose reference is a proven optimum
  double runs = kNone;    ///< of all QUBOs together
  double feasible = kNone;
  double successes = kNone;
  double solved = kNone;           ///< QUBOs that some run solved
  double reference_value = kNone;  ///< F, summed over QUBOs
  double best_value = kNone;       ///< F of the best feasible states, summed
  double merit = kNone;            ///< what a user would ask for, by the device
  double merit_reference = kNone;  ///< … by the classical reference
  double merit_baseline = kNone;   ///< … by a simple method
  double wall_s = kNone;

  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
};

/// In the order of ApplicationsPlan::columns().
PointValues values_of(const ApplicationRow& row);

/// Rows of a merged experiment file, failed points (NaN, empty words) included. Throws Error where a column
/// is missing.
std::vector<ApplicationRow> application_rows(const Sweep& sweep);

/// What `merit` means: "nodes in the set", and the names of the reference and the simple method.
struct MeritNames {
  const char* merit;
  const char* reference;
  const char* baseline;
  bool more_is_better;
};
MeritNames merit_names(const std::string& application);

/// Measures a point; nothing where it was stopped.
std::optional<ApplicationRow> measure_application(const ApplicationPoint& point,
                                                  const std::filesystem::path& data,
                                                  const PointContext& context);

}  // namespace opoloop
