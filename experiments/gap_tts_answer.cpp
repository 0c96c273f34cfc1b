#include "experiments/gap_tts_answer.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include <fmt/format.h>

#include "driver/statistics.h"

namespace opoloop {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kSuccess = 0.99;
/// Resampling fewer says nothing: all resamples of three instances may agree.
constexpr std::size_t kLeastInstances = 30;

/// A gap of 0 is a time that never ends; NaN stays.
double inverse(double gap) {
  return gap == 0 ? kInfinity : 1 / gap;
}

bool usable(const GapTtsRow& row) {
  const auto known = [](double v) { return !std::isnan(v); };
  const auto x = gap_tts_predictors(row), y = gap_tts_outcomes(row);
  return std::all_of(x.begin(), x.end(), known) && std::all_of(y.begin(), y.end(), known);
}

RankTable table_of(const std::vector<const GapTtsRow*>& rows, const GapTtsAnswer& answer, int resamples,
                   std::uint64_t seed, int threads) {
  RankInput input;
  input.predictors.resize(answer.predictors.size());
  input.outcomes.resize(answer.outcomes.size());
  for (const GapTtsRow* row : rows) {
    input.stratum.push_back(fmt::format("{} {}", row->family, row->spins));
    const auto x = gap_tts_predictors(*row), y = gap_tts_outcomes(*row);
    for (std::size_t p = 0; p < x.size(); ++p) input.predictors[p].push_back(x[p]);
    for (std::size_t o = 0; o < y.size(); ++o) input.outcomes[o].push_back(y[o]);
  }
  for (const GapTtsSetting& setting : gap_tts_settings()) input.main.push_back(setting.machine);
  input.main.push_back(false);  // the chain
  input.resamples = resamples;
  input.level_wide = answer.level_wide;
  input.seed = seed;
  input.threads = threads;
  return rank_table(input);
}

ChainCheck check_chain(const std::vector<GapTtsRow>& rows) {
  ChainCheck check;
  std::vector<double> ratios;
  double squares = 0;
  for (const GapTtsRow& row : rows) {
    if (std::isnan(row.chain_tts) || std::isnan(row.chain_bound)) continue;
    ++check.instances;
    check.runs += row.chain_runs;
    check.beyond += row.chain_beyond;
    const double allowed = 1 - kSuccess;
    const double sigma = std::sqrt(row.chain_runs * allowed * kSuccess);
    if (row.chain_beyond > row.chain_runs * allowed + 5 * sigma) ++check.violated;
    // The start may already be a ground state in 99 of 100 runs: the measured time is then 0 steps.
    ratios.push_back(row.chain_bound / std::max(row.chain_tts, 1.0));
    const double error = row.chain_sd / std::sqrt(row.chain_runs);
    const double z = error > 0 ? (row.chain_mean - row.hitting_time) / error : 0;
    squares += z * z;
    check.largest_z = std::max(check.largest_z, std::abs(z));
  }
  if (ratios.empty()) return check;
  check.rms_z = std::sqrt(squares / static_cast<double>(ratios.size()));
  check.median_ratio = median_of(ratios);
  check.least_ratio = *std::min_element(ratios.begin(), ratios.end());
  check.largest_ratio = *std::max_element(ratios.begin(), ratios.end());
  return check;
}

std::string interval(const RankEstimate& e) {
  return e.known() ? fmt::format("{:.2f} [{:.2f}, {:.2f}]", e.value, e.low_wide, e.high_wide) : "unknown";
}

/// In words, from the corrected interval.
std::string strength(const RankEstimate& e, std::size_t instances) {
  if (instances < kLeastInstances) return "too few instances to say";
  if (!e.known()) return "unknown";
  if (e.low_wide <= 0 && e.high_wide >= 0) return "no, not told apart from nothing";
  if (e.value < 0) return "no, the other way round";
  if (e.value < 0.3) return "hardly";
  return e.value < 0.6 ? "partly" : "yes";
}

/// The families in which the gap says something, on the mean over machines.
std::string by_family(const GapTtsAnswer& answer, std::size_t gap) {
  std::string text;
  for (const auto& [name, table] : answer.families) {
    const RankEstimate& e = table.mean_rho[gap];
    text +=
        fmt::format("{}{} {}", text.empty() ? "" : ", ", name,
                    e.known() ? fmt::format("{:.2f} [{:.2f}, {:.2f}]", e.value, e.low, e.high) : "unknown");
  }
  return text;
}

void say_answer(GapTtsAnswer& answer) {
  const auto& mean = answer.pooled.mean_rho;
  const char* names[kGaps] = {"the chain's gap", "the quantum gap", "the machine's own gap"};
  std::string first = "Does the gap predict the time to solution of the coherent Ising machine here?";
  for (std::size_t g = 0; g < kGaps; ++g) {
    first +=
        fmt::format(" {} {}: {} (rho {}){}", g == 0 ? "By" : "by", names[g],
                    strength(mean[g], answer.pooled.items), interval(mean[g]), g + 1 < kGaps ? ";" : ".");
  }
  answer.sentences.push_back(first);

  std::vector<std::size_t> order = {0, 1, 2};
  const auto value = [&](std::size_t g) { return mean[g].known() ? mean[g].value : -2.0; };
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return value(a) > value(b); });
  std::string best;
  if (!mean[order[0]].known() || answer.pooled.items < kLeastInstances) {
    best = "Too few instances to say which gap predicts best.";
  } else if (mean[order[0]].low_wide <= 0) {
    best = "None of the three gaps predicts it, so none is best.";
  } else {
    std::string ahead, level;
    for (std::size_t k = 1; k < kGaps; ++k) {
      if (!mean[order[k]].known()) continue;
      const RankEstimate& d = answer.pooled.mean_difference[order[0]][order[k]];
      std::string& text = d.low_wide > 0 ? ahead : level;
      text +=
          fmt::format("{}{} (difference {})", text.empty() ? "" : " and of ", names[order[k]], interval(d));
    }
    best = fmt::format("Of the three, {} predicts it best", names[order[0]]);
    if (!ahead.empty()) best += ", ahead of " + ahead;
    if (!level.empty())
      best += fmt::format("{} not told apart from {}", ahead.empty() ? ", but is" : "; it is", level);
    best += ".";
  }
  answer.sentences.push_back(best);
  for (std::size_t g = 0; g < kGaps; ++g) {
    answer.sentences.push_back(
        fmt::format("By family, {} (95%, not corrected): {}.", names[g], by_family(answer, g)));
  }

  const ChainCheck& c = answer.chain;
  if (c.instances > 0) {
    answer.sentences.push_back(fmt::format(
        "The bound from the chain's gap overestimates the measured TTS(0.99) of that very chain by a factor "
        "of {:.3g} in the median ({:.3g} to {:.3g} over {} instances).",
        c.median_ratio, c.least_ratio, c.largest_ratio, c.instances));
    answer.sentences.push_back(fmt::format(
        "The bound {}: {:.0f} of {:.0f} runs of the chain took longer than it (1% may). Measured and "
        "exact mean hitting times differ by {:.2f} standard errors (root mean square; 1 is chance; "
        "largest {:.1f}).",
        c.violated == 0 ? "holds" : fmt::format("is VIOLATED on {} instances", c.violated), c.beyond, c.runs,
        c.rms_z, c.largest_z));
  }
}

}  // namespace

std::vector<double> gap_tts_predictors(const GapTtsRow& row) {
  return {inverse(row.chain_gap), inverse(row.quantum_gap), inverse(row.machine_gap),
          row.chain_bound,        row.hitting_time,         row.adiabatic_time};
}

std::vector<double> gap_tts_outcomes(const GapTtsRow& row) {
  std::vector<double> times;
  const auto& settings = gap_tts_settings();
  for (std::size_t s = 0; s < settings.size(); ++s) {
    times.push_back(
        static_cast<double>(settings[s].rounds) *
        runs_to_solution(row.trials.at(s) > 0 ? row.successes.at(s) / row.trials.at(s) : 0, kSuccess));
  }
  times.push_back(row.chain_tts / row.spins);
  return times;
}

GapTtsAnswer gap_tts_answer(const std::vector<GapTtsRow>& rows, int resamples, std::uint64_t seed,
                            int threads) {
  GapTtsAnswer answer;
  answer.predictors = {"1/chain gap", "1/quantum gap", "1/machine gap",
                       "chain bound", "hitting time",  "adiabatic time"};
  for (const GapTtsSetting& setting : gap_tts_settings()) answer.outcomes.push_back(setting.name);
  answer.outcomes.emplace_back("chain");
  answer.rows = rows.size();
  // Three gaps and their three differences are what the answer asks: Bonferroni.
  answer.level_wide = 1 - 0.05 / (2 * kGaps);

  std::vector<const GapTtsRow*> good;
  std::vector<std::string> families;
  for (const GapTtsRow& row : rows) {
    if (!usable(row)) {
      ++answer.left_out;
      continue;
    }
    good.push_back(&row);
    if (std::find(families.begin(), families.end(), row.family) == families.end())
      families.push_back(row.family);
  }
  answer.never.assign(answer.outcomes.size(), 0);
  answer.always.assign(answer.outcomes.size(), 0);
  for (const GapTtsRow& row : rows) {
    for (std::size_t s = 0; s < row.trials.size(); ++s) {
      answer.never[s] += row.successes[s] == 0 ? 1U : 0U;
      answer.always[s] += row.successes[s] >= kSuccess * row.trials[s] ? 1U : 0U;
    }
  }
  answer.pooled = table_of(good, answer, resamples, seed, threads);
  for (const std::string& family : families) {
    std::vector<const GapTtsRow*> members;
    std::copy_if(good.begin(), good.end(), std::back_inserter(members),
                 [&](const GapTtsRow* row) { return row->family == family; });
    answer.families.emplace_back(family, table_of(members, answer, resamples, seed, threads));
  }
  answer.chain = check_chain(rows);
  say_answer(answer);
  return answer;
}

}  // namespace opoloop
