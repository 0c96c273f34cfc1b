#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "experiments/points/point_plan.h"
#include "experiments/tts/instances.h"
#include "experiments/tts/tts_row.h"

namespace opoloop {

/// A device of the study by a short name.
struct TtsDevice {
  std::string name;
  std::string uri;
};

/// The laws of the emulator at their published settings, its own choice, and the software baselines.
std::vector<TtsDevice> default_tts_devices();
/// "NAME=URI", or a URI that is its own name. Throws InputError where the device or its parameters are
/// unknown.
TtsDevice parse_tts_device(const std::string& text);

/// Lengths of runs from "LOW:HIGH" (doubling; HIGH included where it is met), "LOW:HIGH:FACTOR" or "T,T,…",
/// ascending. Throws InputError.
std::vector<std::int64_t> parse_lengths(const std::string& text);

struct TtsStudy {
  std::vector<TtsInstance> instances;
  std::vector<TtsDevice> devices;
  std::vector<std::int64_t> lengths;  ///< of all classes; empty: by size, see lengths_of()
  std::int64_t longest = 8192;        ///< of lengths by size
  int runs = 64;                      ///< a point
  int reference_runs = 128;           ///< of each reference device, at its own length
  std::uint64_t seed = 1;
};

/// Lengths for instances of a size: a grid of doublings, bounded so that a point stays short.
std::vector<std::int64_t> lengths_of(const TtsStudy& study, int spins);
/// Runs a point for instances of a size: study.runs, fewer on graphs of many hundred nodes.
int runs_of(const TtsStudy& study, int spins);

/// The points of a study: instance × device × length, the references of each instance before them. The runs
/// of a point depend on the study's seed, the instance, the device and the length, not on what else is
/// studied. One thread a point, so that seconds are those of one thread.
class TtsPlan : public PointPlan {
 public:
  explicit TtsPlan(TtsStudy study);

  std::string experiment() const override { return "tts"; }
  std::string description() const override;
  std::uint64_t seed() const override { return study_.seed; }
  std::uint64_t size() const override { return first_.back(); }
  const std::vector<PointColumn>& columns() const override { return tts_columns(); }
  std::string name(std::uint64_t index) const override;
  std::optional<PointValues> measure(std::uint64_t index, const PointContext& context) const override;

  const TtsStudy& study() const { return study_; }

 private:
  struct Place {
    const TtsInstance* instance = nullptr;
    std::string role, device, uri;
    std::optional<std::int64_t> length;
    int runs = 0;
  };
  Place place_of(std::uint64_t index) const;

  TtsStudy study_;
  std::vector<std::uint64_t> first_;             ///< index of each instance's first point, then their number
  std::vector<std::uint64_t> reference_points_;  ///< [instance]
};

/// Runs a job to its end; nothing where `stop` said so, or Ctrl-C, before that.
std::optional<Result> run_unless_stopped(Device& device, const Job& job, const std::function<bool()>& stop);

}  // namespace opoloop
