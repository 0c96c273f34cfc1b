#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "driver/device.h"

namespace opoloop {

// `opoloop experiment published`: results that others printed, measured again (docs/experiments.md). Two
// steps: points are measured one after another and saved; the table is a function of the points alone, so a
// file of points is enough to make every table and picture again.

/// The sections of the table, in its order; what --only takes.
inline constexpr const char* kMoebius = "moebius";
inline constexpr const char* kGset = "gset";
inline constexpr const char* kK2000 = "k2000";
inline constexpr const char* kSaturation = "saturation";
inline constexpr const char* kScaling = "scaling";

/// How much is measured.
struct PublishedSizes {
  int moebius_runs = 4096;
  int gset_runs = 1024;  ///< of each law on G22 and G39; G1 is quick and gets as many
  int k2000_runs = 100;  ///< as many as the experiment made
  std::int64_t k2000_rounds = 1000;
  int instances = 24;        ///< SK instances of each size
  int reference_runs = 128;  ///< of each device that looks for an instance's ground state
  int saturation_spins = 100;
  int saturation_runs = 32;  ///< per instance and g²
  std::vector<double> g2 = {1e-7, 1e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1};
  std::vector<int> scaling_spins = {40, 60, 80, 100, 125, 150};
  std::vector<std::int64_t> scaling_rounds = {50, 100, 200, 400, 800, 1600, 3200};
  int scaling_runs = 64;  ///< per instance and run length

  /// A subset that takes about a minute on two cores.
  static PublishedSizes quick();
};

struct PublishedOptions {
  PublishedSizes sizes;
  int threads = 1;
  std::uint64_t seed = 1;
  std::vector<std::string> only;  ///< sections; empty = all
  std::filesystem::path data;     ///< public instances; public_data_folder()
};

/// One measurement: some runs of one setting on one instance. NaN where a number does not apply.
struct PublishedPoint {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  std::string task;      ///< which of the planned measurements: what --resume looks for
  std::string part;      ///< section of the table
  std::string instance;  ///< "G22", "SK N=100 #3", …
  std::string series;    ///< within the section: "cac", "linear p=1", …
  std::string problem;   ///< empty: measured; else why not
  std::string device;    ///< URI
  std::string setting;   ///< every parameter in force, "name=value name=value …"
  std::string target_source;
  double spins = kNone;
  double g2 = kNone;
  double dt = kNone;
  double rounds = kNone;             ///< round trips of a run = products J x
  double target_energy = kNone;      ///< success: energy ≤ this
  double best_energy = kNone;        ///< of all runs
  double trials = kNone;             ///< runs
  double successes = kNone;          ///< runs whose best energy ever reached the target
  double successes_final = kNone;    ///< runs whose last state did
  double mean_round = kNone;         ///< round trip of the first success, mean over the runs that had one
  double sd_round = kNone;           ///< … their standard deviation
  double first_round = kNone;        ///< … and the smallest of them
  double round_trip_time_s = kNone;  ///< of the machine preset
  double wall_s = kNone;
};

/// One planned measurement. Returns its points, or nothing where it was interrupted.
struct PublishedTask {
  std::string name;
  std::function<std::optional<std::vector<PublishedPoint>>(const PublishedOptions&,
                                                           const std::vector<PublishedPoint>& done)>
      measure;
};

/// The measurements in the order they are made: a task may use points of those before it. Throws InputError
/// where options.only names no section.
std::vector<PublishedTask> published_tasks(const PublishedOptions& options);

/// Measures what is missing in `points`, appending to it. after_each is called with every finished task, its
/// place and the number of tasks; a caller saves there. False where it was interrupted.
bool measure_published(
    const PublishedOptions& options, std::vector<PublishedPoint>& points,
    const std::function<void(const std::string& task, std::size_t at, std::size_t of)>& before_each = {},
    const std::function<void()>& after_each = {});

/// The file of points: /sweep of an experiment file, a column a member of PublishedPoint.
void save_published(const std::string& path, const std::vector<PublishedPoint>& points,
                    const PublishedOptions& options, const std::string& command_line, bool complete);
/// Throws InputError where the file is of another experiment, seed or sizes: points would not belong
/// together.
std::vector<PublishedPoint> load_published(const std::string& path, const PublishedOptions& options);

}  // namespace opoloop
