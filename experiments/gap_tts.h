#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "experiments/points/point_plan.h"
#include "experiments/rank_statistics.h"
#include "hamiltonian/problem.h"

namespace opoloop {

struct Sweep;  // driver/sweep_file.h

// `opoloop experiment gap-tts`: does a spectral gap predict the time to solution? (docs/experiments.md). One
// row an instance: its three gaps, and how often each machine setting solved it. The answer, tables and
// pictures are functions of the rows alone.

/// Families of the ensemble, in its order; what --only takes.
inline constexpr const char* kFamilySk = "sk";
inline constexpr const char* kFamilyWishart = "wishart";
inline constexpr const char* kFamilyQama = "qama";
inline constexpr const char* kFamilyQamaRandom = "qama-random";
inline constexpr const char* kFamilyMis = "mis";
inline constexpr const char* kFamilyTile = "tile2d";

/// One way to solve, at a fixed length of run.
struct GapTtsSetting {
  std::string name;
  std::string what;  ///< in words
  std::string uri;
  std::map<std::string, std::string> parameters;
  std::int64_t rounds = 0;  ///< round trips, or sweeps
  bool machine = true;      ///< a coherent Ising machine: counts for the answer
};
/// Five machine settings, then annealing.
const std::vector<GapTtsSetting>& gap_tts_settings();

struct GapTtsPlan {
  std::vector<int> spins = {8, 10, 12, 14};
  int instances = 52;       ///< of each family and size
  int tile_instances = 24;  ///< of tile2d, which begins at 16 spins
  int runs = 512;           ///< of each setting on each instance
  int chain_runs = 1000;    ///< of the single-flip chain; fewer where its hitting time is long
  double beta = 2;          ///< of the chain, in units of 1/(root-mean-square local field)
  int points = 24;          ///< values of s
  int resamples = 2000;

  /// A subset that takes about a minute on two cores.
  static GapTtsPlan quick();
};

struct GapTtsOptions {
  GapTtsPlan plan;
  int threads = 1;
  std::uint64_t seed = 1;
  std::vector<std::string> only;  ///< families; empty = all
  std::filesystem::path data;     ///< public_data_folder()
};

/// What is measured on one instance. NaN where a number does not exist or was not found.
struct GapTtsRow {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  std::string family;
  std::string instance;  ///< how to make it again, where one command does
  std::string seed;      ///< of the instance
  std::string problem;   ///< what is missing and why; empty where nothing is
  double spins = kNone;
  double index = kNone;
  double ground_energy = kNone;  ///< proven: all states were looked at
  double ground_states = kNone;
  double beta = kNone;            ///< 1/energy
  double chain_gap = kNone;       ///< δ of the Metropolis chain at β; flip-even where h = 0
  double chain_bound = kNone;     ///< TTS(0.99) ≤ this, steps (S4 of docs/spectra.md)
  double hitting_time = kNone;    ///< exact mean, steps, from a uniformly drawn state
  double quantum_gap = kNone;     ///< min_s Δ(s)
  double quantum_s = kNone;       ///< where
  double adiabatic_time = kNone;  ///< max_s |⟨D|dH/ds|0⟩|/Δ²
  double machine_gap = kNone;     ///< ξ (λ₁ − λ₂) of J, a field being one more pulse
  double chain_runs = kNone;      ///< runs of the chain itself, from uniformly drawn states
  double chain_mean = kNone;      ///< steps until the ground state was first reached, mean
  double chain_sd = kNone;        ///< … standard deviation
  double chain_tts = kNone;       ///< … 99% quantile
  double chain_beyond = kNone;    ///< runs that took longer than the bound
  std::vector<double> trials;     ///< [setting]
  std::vector<double> successes;  ///< [setting]
};

/// A planned instance.
struct GapTtsItem {
  std::string family;
  int spins = 0;
  int index = 0;
  std::uint64_t seed = 0;  ///< of (experiment's seed, family, spins, index)
};

/// The ensemble in its order. Families whose data is not there are left out and named in `missing`. Throws
/// InputError where options.only names no family or a size is out of range.
std::vector<GapTtsItem> gap_tts_items(const GapTtsOptions& options, std::string* missing = nullptr);

/// The instance itself.
Problem gap_tts_problem(const GapTtsItem& item, const std::filesystem::path& data);

/// Measures one instance on one thread; nothing where it was interrupted.
std::optional<GapTtsRow> measure_gap_tts_item(const GapTtsItem& item, const GapTtsOptions& options);

/// The ensemble as a plan: a point an instance.
class GapTtsPoints final : public PointPlan {
 public:
  /// Throws InputError as gap_tts_items() does.
  explicit GapTtsPoints(GapTtsOptions options);

  std::string experiment() const override;
  std::string description() const override;
  std::uint64_t seed() const override { return options_.seed; }
  std::uint64_t size() const override { return items_.size(); }
  const std::vector<PointColumn>& columns() const override { return columns_; }
  std::string name(std::uint64_t index) const override;
  std::optional<PointValues> measure(std::uint64_t index, const PointContext& context) const override;

  /// Families whose data is not there, in words; empty where none is.
  const std::string& missing() const { return missing_; }

 private:
  GapTtsOptions options_;
  std::string missing_;
  std::vector<GapTtsItem> items_;
  std::vector<PointColumn> columns_;
};

/// The measured rows of a file of it, failed points left out.
std::vector<GapTtsRow> gap_tts_rows(const Sweep& sweep);

}  // namespace opoloop
