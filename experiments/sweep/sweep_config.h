#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace opoloop {

/// A group of instances of a sweep: files, or a generator's over a grid of its options and seeds.
struct SweepInstances {
  std::string name;                ///< of the class, in reports
  std::vector<std::string> files;  ///< as they are opened; empty: generated
  std::vector<std::string> shown;  ///< the same as the configuration names them
  std::string family;              ///< of `opoloop generate`
  std::vector<std::pair<std::string, std::vector<std::string>>> grid;  ///< option, its values
  std::uint64_t count = 1;  ///< seeds of each combination: first_seed, first_seed + 1, …
  std::uint64_t first_seed = 1;
  bool seeded = false;               ///< the family takes a seed
  std::optional<double> best_known;  ///< stated energy of every one of them

  std::uint64_t size() const;
  /// Of a generated instance: what generate_problem() is given.
  std::map<std::string, std::string> options(std::uint64_t index) const;
  /// "G1.txt", "sk n=20 seed=3".
  std::string label(std::uint64_t index) const;
};

/// One device with one setting.
struct SweepSetting {
  std::string uri;
  std::string device;  ///< its name in reports
  std::string label;   ///< "steps=100 dt=0.2": what varies; empty where nothing does
  std::optional<std::int64_t> steps;
  std::optional<int> runs;
  std::map<std::string, std::string> parameters;
};

/// A sweep: instances × (devices × settings) × seeds (docs/sweeps.md).
struct SweepConfig {
  std::string file;
  std::vector<SweepInstances> instances;
  std::vector<SweepSetting> settings;
  std::vector<std::uint64_t> seeds;
  std::vector<std::string> metrics;  ///< columns that the report shows, the most important first
  int brute_force_spins = 20;        ///< smaller instances without a known optimum are searched exactly
  double target_gap = 0;             ///< a run succeeds within this share of |reference energy|

  std::uint64_t instance_count() const;
  /// instances × settings × seeds. Throws InputError where that is more than a plan can have.
  std::uint64_t points() const;
};

/// Reads a sweep's TOML. `first_seed` begins the seeds where the file gives their number. Throws InputError
/// naming file, line and key: an unknown key, a value of another kind, a pattern that matches no file, an
/// unknown generator, option, device or metric.
SweepConfig read_sweep_config(const std::string& file, std::uint64_t first_seed);
SweepConfig parse_sweep_config(const std::string& text, const std::string& file, std::uint64_t first_seed);

/// Everything of a sweep that decides a number, as text of several lines.
std::string describe(const SweepConfig& config);

}  // namespace opoloop
