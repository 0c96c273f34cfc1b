#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "experiments/gap_tts.h"
#include "experiments/rank_statistics.h"

namespace opoloop {

/// The chain bound against runs of that very chain.
struct ChainCheck {
  std::size_t instances = 0;
  double runs = 0;
  double beyond = 0;         ///< runs longer than the bound: at most 1% of each instance's may be
  std::size_t violated = 0;  ///< instances where that is exceeded beyond sampling error (5 sigma)
  double median_ratio = 0, least_ratio = 0, largest_ratio = 0;  ///< bound / measured 99% quantile
  double rms_z = 0;  ///< (measured mean − exact mean)/standard error: 1 where both are right
  double largest_z = 0;
};

struct GapTtsAnswer {
  std::vector<std::string> predictors;  ///< as times: the inverses of the three gaps come first
  std::vector<std::string> outcomes;    ///< the settings, then the chain itself
  RankTable pooled;
  std::vector<std::pair<std::string, RankTable>> families;
  std::size_t rows = 0;
  std::size_t left_out = 0;         ///< rows where a predictor is missing
  std::vector<std::size_t> never;   ///< [outcome]: P = 0, ranked as ties at the top
  std::vector<std::size_t> always;  ///< [outcome]: P ≥ 0.99, one run is enough
  ChainCheck chain;
  double level_wide = 0;
  std::vector<std::string> sentences;  ///< the first answers "does the gap predict TTS here?"
};

/// How many of the predictors are the inverse gaps: chain, quantum, machine.
inline constexpr std::size_t kGaps = 3;

/// Values of one row: predictors and outcomes as above. Outcomes are TTS(0.99) in round trips or sweeps, ∞
/// where no run succeeded; the chain's in sweeps (steps / spins).
std::vector<double> gap_tts_predictors(const GapTtsRow& row);
std::vector<double> gap_tts_outcomes(const GapTtsRow& row);

GapTtsAnswer gap_tts_answer(const std::vector<GapTtsRow>& rows, int resamples, std::uint64_t seed,
                            int threads);

}  // namespace opoloop
