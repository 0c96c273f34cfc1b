#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace opoloop {

struct AccuracyOptions;

/// Flags that only `opoloop experiment accuracy` has.
struct AccuracyFlags {
  std::vector<std::string> data;  ///< NAME or NAME=PATH
  std::vector<std::string> forms, infer;
  std::optional<int> seeds, epochs, batch;
  std::optional<std::uint64_t> train, test;
  std::optional<std::int64_t> sweeps;
  std::optional<double> rate;
  bool full = false;
  bool no_ablations = false;

  /// The name of one that was given; empty where none was.
  std::string given() const;
};

void add_accuracy_flags(CLI::App& app, AccuracyFlags& flags);

/// The plan these flags ask for. Throws InputError on flags that contradict each other.
AccuracyOptions accuracy_options(const AccuracyFlags& flags, bool quick, const std::string& device,
                                 std::uint64_t seed);

}  // namespace opoloop
