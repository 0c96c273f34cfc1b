#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "driver/statistics.h"
#include "experiments/tts/class_time.h"
#include "experiments/tts/performance_profile.h"
#include "experiments/tts/scaling_fit.h"
#include "experiments/tts/tts_row.h"

namespace opoloop {

// What the rows of `experiment tts` say. Everything here is a function of the rows, a share and a seed.

/// What a time is counted in.
enum class TtsUnit {
  seconds,   ///< wall seconds of one thread
  products,  ///< matrix–vector products J x; devices without any have no such time
  steps,     ///< round trips, sweeps, time steps: of one device only
  machine,   ///< seconds of the machine that a preset describes
};
std::string unit_text(TtsUnit unit);

/// Instances that share a run length.
struct TtsClass {
  std::string name;
  std::string family;
  double spins = 0;
  std::vector<std::string> instances;
  std::vector<double> lengths;
};

/// One class on one device.
struct TtsCell {
  ClassTime time;
  double length = 0;                   ///< the best, in steps; 0: none
  std::vector<double> instance_times;  ///< at that length; all ∞ without one
};

/// Who is fastest on a class, and whether that is more than chance.
struct TtsLead {
  std::optional<std::size_t> first;   ///< device; none where nobody solved half the class
  std::optional<std::size_t> second;  ///< the next, where another has a time at all
  double ratio = 0;                   ///< second over first; ∞ where the second did not solve half
  double low = 0;                     ///< 2.5% of the ratio, both on the same resampled instances
  bool told_apart() const { return first && (!second || low > 1); }
};

/// Scaling of one device over the sizes of a family.
struct TtsScaling {
  std::string family;
  std::size_t device = 0;
  std::optional<ScalingFit> fit;
  std::vector<double> left_out;  ///< sizes: not half solved, or the best length is at an end of the grid
};

/// The answer to one question: how long to `share` of the best energy, in `unit`.
struct TtsTable {
  double share = 1;
  TtsUnit unit = TtsUnit::seconds;
  std::vector<std::vector<TtsCell>> cells;  ///< [class][device]
  std::vector<TtsLead> leads;               ///< [class]; not for steps, which differ between devices
  std::vector<TtsScaling> scaling;
  std::vector<PerformanceProfile> profiles;  ///< [device], over all instances; not for steps
};

/// Success over the length of runs, pooled over a class.
struct SuccessCurve {
  std::size_t instance_class = 0;
  std::size_t device = 0;
  std::vector<double> lengths;
  std::vector<double> p;
  std::vector<Interval> interval;  ///< Wilson, 95%: of the runs, not over instances
};

struct TtsAnswer {
  std::vector<TtsClass> classes;
  std::vector<std::string> devices;
  std::vector<std::string> uris;
  std::vector<TtsTable> tables;      ///< solved, then the share, in every unit that anybody has
  std::vector<SuccessCurve> curves;  ///< solved
  double share = 0.99;
  std::size_t rows = 0;
  std::size_t instances = 0;
  std::size_t proven = 0;                ///< instances whose ground energy was enumerated here
  std::size_t looked = 0;                ///< … was the least of three methods
  std::size_t agreed = 0;                ///< … that all three found
  std::vector<std::string> below_known;  ///< instances on which a run found less than the best known energy
  std::vector<std::string> warnings;     ///< best lengths at an end of the grid
  std::vector<std::string> sentences;    ///< the first answers: who is fastest where, and how it scales
};

struct TtsAnswerOptions {
  double share = 0.99;  ///< of time to target, in (0, 1]
  int resamples = 1000;
  std::uint64_t seed = 1;
  int threads = 1;
};
TtsAnswer tts_answer(const std::vector<TtsRow>& rows, const TtsAnswerOptions& options);

/// The table of a share and a unit; nothing where no device has that unit.
const TtsTable* table_of(const TtsAnswer& answer, double share, TtsUnit unit);

/// What counts as success: a share of the best energy, counted from zero_energy; the best itself where that
/// is not below zero.
double target_energy(double best, double zero, double share);

}  // namespace opoloop
