#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "experiments/tts/class_time.h"
#include "experiments/tts/instances.h"
#include "experiments/tune/vary.h"

namespace opoloop {

// `opoloop tune`: parameters of a device that make its time to solution short. The search sees training
// instances alone; what is reported is measured on others (docs/tts.md).

/// Runs of one setting on one instance.
struct TuneRow {
  std::string role;  ///< kRoleReference, kRoleTraining or kRoleTest
  std::string instance;
  std::string setting;  ///< setting_words(); the device of a reference
  double trials = 0;
  double successes = 0;
  double steps = 0;         ///< of a run, as the device ran it
  double least_energy = 0;  ///< ∞ where every run diverged
  double wall_s = 0;
};
inline constexpr const char* kRoleTraining = "training";
inline constexpr const char* kRoleTest = "test";

enum class TuneScore { geometric_mean, median };

struct TuneOptions {
  std::string device = "emulator:";
  Setting fixed;  ///< --set, and steps where --steps gives them
  std::vector<Vary> vary;
  std::vector<TtsInstance> training, test;
  int runs = 64;        ///< of each setting on each training instance
  int test_runs = 256;  ///< of each setting on each test instance
  int reference_runs = 128;
  double share = 1;  ///< of the best energy: 1 = solved
  TuneScore score = TuneScore::geometric_mean;
  std::string method = "sbplx";
  int evaluations = 150;
  std::uint64_t seed = 1;
  int threads = 1;  ///< never changes a result
  int resamples = 2000;
};

/// Everything that decides a row, as text; not the budget: a search may be gone on with under a larger one.
std::string tune_description(const TuneOptions& options);

/// Throws InputError where a training and a test instance are the same couplings and fields under whatever
/// names, where either set is empty, and where the device does not know what is varied.
void check_tune(const TuneOptions& options);

/// The rows so far: what was measured once is never measured again.
class TuneMemory {
 public:
  TuneMemory() = default;
  explicit TuneMemory(std::vector<TuneRow> rows);
  const TuneRow* find(const std::string& role, const std::string& instance, const std::string& setting) const;
  void add(TuneRow row);
  const std::vector<TuneRow>& rows() const { return rows_; }

 private:
  std::vector<TuneRow> rows_;
  std::map<std::string, std::size_t> places_;
};

/// A setting on the test instances.
struct TuneCandidate {
  std::string name;  ///< "tuned", "default", "default, best length"
  Setting setting;
  double training_score = 0;  ///< steps; not a result
  ClassTime time;             ///< steps to solution on the test instances: median and interval
  double geometric_mean = 0;  ///< of TTS on the test instances; ∞ where one is unsolved
  ClassTime wall;             ///< seconds of one thread
};

struct TuneResult {
  std::vector<TuneCandidate> candidates;  ///< tuned first
  std::vector<double> history;            ///< score of each evaluation, in order
  int evaluations = 0;
  std::string method;
  double ratio = 0;  ///< median of the best default over that of tuned, on the test instances
  double ratio_low = 0, ratio_high = 0;  ///< 95%, the same instances resampled for both
  std::size_t compared = 0;              ///< number of that candidate
  std::vector<std::string> notes;
};

/// Searches, then measures on the test instances. after_each is told the number of evaluations and the best
/// score so far; a caller saves there. Nothing where it was interrupted: `memory` has what was measured.
std::optional<TuneResult> tune(const TuneOptions& options, TuneMemory& memory,
                               const std::function<void(int evaluations, double best)>& after_each = {});

/// Score of one setting from its rows: the geometric mean, or the median, of steps · ln(0.01)/ln(1 − P). P is
/// (successes + ½)/(trials + 1), so that a search sees a slope where nothing is solved yet; no reported time
/// is made of it.
double tune_score(const std::vector<TuneRow>& rows, TuneScore score);

void save_tune(const std::string& path, const TuneMemory& memory, const TuneOptions& options,
               const std::string& command_line, bool complete);
/// Throws InputError where the file is of another study.
TuneMemory load_tune(const std::string& path, const TuneOptions& options);

/// A device file (driver/device_file.h) of `emulator:` with these parameters; throws InputError where the
/// device is another.
std::string tuned_device_file(const TuneOptions& options, const TuneResult& result);
/// The same as a URI, for any device; steps are no part of it.
std::string tuned_uri(const TuneOptions& options, const Setting& setting);

}  // namespace opoloop
