#include "driver/calibration/statistics_block.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"

namespace opoloop::calibration {
namespace {

/// 0, 1, 2, 3, 5, 8, … up to `last`.
std::vector<std::int64_t> spread_out(std::int64_t last) {
  std::vector<std::int64_t> numbers{0};
  for (std::int64_t a = 1, b = 2; a <= last; b += a, a = b - a) numbers.push_back(a);
  return numbers;
}

std::vector<std::int32_t> alive(int pulses, const std::vector<std::int32_t>& dead) {
  std::vector<std::int32_t> list;
  for (std::int32_t i = 0; i < pulses; ++i) {
    if (std::find(dead.begin(), dead.end(), i) == dead.end()) list.push_back(i);
  }
  return list;
}

/// ⟨y_i(k) y_i(k+lag)⟩ of every pulse over rows first … last (both ends of the pair within).
Eigen::VectorXd products_of_pulses(const CalibrationRecord& r, int run, std::int64_t lag, std::int64_t first,
                                   std::int64_t last) {
  std::vector<double> sums(static_cast<std::size_t>(r.pulses), 0.0);
  for (std::int64_t k = first; k + lag <= last; ++k) {
    const float* now = r.row(run, k);
    const float* later = r.row(run, k + lag);
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i] += static_cast<double>(now[i]) * static_cast<double>(later[i]);
  }
  const auto count = static_cast<double>(last - lag - first + 1);
  return Eigen::Map<Eigen::VectorXd>(sums.data(), static_cast<Eigen::Index>(sums.size())) / count;
}

double mean_of(const Eigen::VectorXd& values, const std::vector<std::int32_t>& which) {
  double sum = 0;
  for (const std::int32_t i : which) sum += values[i];
  return sum / static_cast<double>(which.size());
}

void name_statistics(StatisticsBlock& block, const std::string& what,
                     const std::vector<std::int64_t>& places) {
  for (const std::int64_t place : places) {
    block.labels.push_back(fmt::format("{} {}", what, place));
    block.axis.push_back(static_cast<double>(place));
  }
}

void reduce_steady(const CalibrationRecord& r, const std::vector<std::int32_t>& pulses,
                   StatisticsBlock& block) {
  block.lags = spread_out(std::min<std::int64_t>(r.settled / 4, (r.rounds - r.settled) / 4));
  name_statistics(block, "lag", block.lags);
  const bool above = block.kind != RecordKind::below;
  Eigen::MatrixXd lags(r.runs, static_cast<Eigen::Index>(block.lags.size()));
  if (above) block.pulse_product.resize(r.runs, r.pulses);
  const std::size_t map_lag = block.lags.size() - 1;
  for (int run = 0; run < r.runs; ++run) {
    for (std::size_t l = 0; l < block.lags.size(); ++l) {
      const Eigen::VectorXd products = products_of_pulses(r, run, block.lags[l], r.settled, r.rounds);
      lags(run, static_cast<Eigen::Index>(l)) = mean_of(products, pulses);
      if (above && l == map_lag) block.pulse_product.row(run) = products.transpose();
    }
  }
  block.per_run = lags;
  if (!above) return;

  // Build-up from vacuum, as long as the pulses do not feel their saturation.
  const double plateau = lags.col(lags.cols() - 1).mean();
  const std::vector<std::int64_t> candidates = spread_out(r.rounds - 1);
  Eigen::MatrixXd early(r.runs, static_cast<Eigen::Index>(candidates.size()));
  Eigen::Index used = 0;
  for (const std::int64_t k : candidates) {
    for (int run = 0; run < r.runs; ++run)
      early(run, used) = mean_of(products_of_pulses(r, run, 1, k, k + 1), pulses);
    if (early.col(used).mean() > 0.01 * plateau) break;
    block.rows.push_back(k);
    ++used;
  }
  name_statistics(block, "row", block.rows);
  block.per_run.conservativeResize(r.runs, lags.cols() + used);
  block.per_run.rightCols(used) = early.leftCols(used);
}

void reduce_ring_down(const CalibrationRecord& r, const std::vector<std::int32_t>& pulses,
                      StatisticsBlock& block) {
  const std::int64_t off = switch_off_round(r);
  if (off <= r.settled) throw InputError(fmt::format("record '{}': settled lies behind the switch", r.name));
  block.rows = spread_out(r.rounds - off);
  name_statistics(block, "row", block.rows);
  block.per_run.resize(r.runs, static_cast<Eigen::Index>(block.rows.size()));
  for (int run = 0; run < r.runs; ++run) {
    std::vector<double> before(static_cast<std::size_t>(r.pulses), 0.0);
    for (std::int64_t k = r.settled; k < off; ++k) {
      for (std::size_t i = 0; i < before.size(); ++i) before[i] += static_cast<double>(r.row(run, k)[i]);
    }
    for (std::size_t s = 0; s < block.rows.size(); ++s) {
      const float* row = r.row(run, off + block.rows[s]);
      double sum = 0;
      for (const std::int32_t i : pulses)
        sum += before[static_cast<std::size_t>(i)] < 0 ? -static_cast<double>(row[i])
                                                       : static_cast<double>(row[i]);
      block.per_run(run, static_cast<Eigen::Index>(s)) = sum / static_cast<double>(pulses.size());
    }
  }
}

/// Couplings without dead ends; their one strength goes into the block. One strength a record: were there
/// several, each would be measured on pulses of its own, with gains of their own.
std::vector<IsingEdge> live_couplings(const CalibrationRecord& r, const std::vector<std::int32_t>& pulses,
                                      StatisticsBlock& block) {
  const auto live = [&](std::int32_t i) {
    return std::find(pulses.begin(), pulses.end(), i) != pulses.end();
  };
  std::vector<IsingEdge> edges;
  for (const IsingEdge& edge : r.couplings) {
    if (live(edge.i) && live(edge.j)) edges.push_back(edge);
  }
  if (edges.empty()) throw InputError(fmt::format("record '{}': no two live pulses are coupled", r.name));
  block.couplings = {std::abs(edges.front().J)};
  for (const IsingEdge& edge : edges) {
    if (std::abs(std::abs(edge.J) - block.couplings[0]) > 1e-9 * block.couplings[0])
      throw InputError(fmt::format("record '{}': its couplings differ in size", r.name));
  }
  return edges;
}

void reduce_pairs(const CalibrationRecord& r, const std::vector<std::int32_t>& pulses,
                  StatisticsBlock& block) {
  const std::vector<IsingEdge> edges = live_couplings(r, pulses, block);
  const std::int64_t last = std::min<std::int64_t>(r.settled, (r.rounds - r.settled) / 4);
  // Every lag where delays are looked for, few beyond.
  for (std::int64_t lag = 0; lag <= std::min<std::int64_t>(last, 20); ++lag) block.lags.push_back(lag);
  for (const std::int64_t lag : spread_out(last / 2)) {
    if (lag > 20) block.lags.push_back(lag);
  }
  name_statistics(block, "own lag", block.lags);
  name_statistics(block, "pair lag", block.lags);
  const auto count = static_cast<Eigen::Index>(block.lags.size());
  block.per_run = Eigen::MatrixXd::Zero(r.runs, 2 * count);
  // One pulse's samples in a row: products of two series run through memory.
  const std::int64_t length = r.rows() - r.settled;
  std::vector<float> a(static_cast<std::size_t>(length)), b(a.size());
  const auto product = [](const std::vector<float>& early, const std::vector<float>& late, std::int64_t lag) {
    const auto shift = static_cast<std::size_t>(lag);
    std::array<double, 8> sums{};
    const std::size_t pairs = early.size() - shift;
    for (std::size_t k = 0; k < pairs; ++k) {
      sums[k % 8] += static_cast<double>(early[k]) * static_cast<double>(late[k + shift]);
    }
    double total = 0;
    for (const double sum : sums) total += sum;
    return total / static_cast<double>(pairs);
  };
  for (int run = 0; run < r.runs; ++run) {
    for (const IsingEdge& edge : edges) {
      for (std::int64_t k = 0; k < length; ++k) {
        const float* row = r.row(run, r.settled + k);
        a[static_cast<std::size_t>(k)] = row[edge.i];
        b[static_cast<std::size_t>(k)] = row[edge.j];
      }
      const double sign = edge.J < 0 ? -1 : 1;
      for (Eigen::Index l = 0; l < count; ++l) {
        const std::int64_t lag = block.lags[static_cast<std::size_t>(l)];
        block.per_run(run, l) += (product(a, a, lag) + product(b, b, lag)) / 2;
        block.per_run(run, count + l) += sign * (product(a, b, lag) + product(b, a, lag)) / 2;
      }
    }
  }
  block.per_run /= static_cast<double>(edges.size());
}

void reduce_ladder(const CalibrationRecord& r, const std::vector<std::int32_t>& pulses,
                   StatisticsBlock& block) {
  std::vector<std::int32_t> ends;
  for (const IsingEdge& edge : live_couplings(r, pulses, block)) {
    ends.push_back(edge.i);
    ends.push_back(edge.j);
  }
  block.labels.push_back(fmt::format("coupling {:.4g}", block.couplings[0]));
  block.axis = block.couplings;
  block.per_run.resize(r.runs, 1);
  for (int run = 0; run < r.runs; ++run)
    block.per_run(run, 0) = mean_of(products_of_pulses(r, run, 1, r.settled, r.rounds), ends);
}

}  // namespace

Eigen::MatrixXd StatisticsBlock::covariance() const {
  const Eigen::MatrixXd centred = per_run.rowwise() - per_run.colwise().mean();
  const auto runs = static_cast<double>(per_run.rows());
  return centred.transpose() * centred / (runs * (runs - 1));
}

std::vector<std::int32_t> dead_pulses(const RecordSet& set) {
  std::vector<std::int32_t> dead;
  for (const CalibrationRecord& r : set.records) {
    if (r.kind != RecordKind::above && r.kind != RecordKind::drift) continue;
    Eigen::VectorXd power = Eigen::VectorXd::Zero(r.pulses);
    for (int run = 0; run < r.runs; ++run) power += products_of_pulses(r, run, 1, r.settled, r.rounds);
    std::vector<double> sorted(power.data(), power.data() + power.size());
    std::nth_element(sorted.begin(), sorted.begin() + r.pulses / 2, sorted.end());
    const double median = sorted[static_cast<std::size_t>(r.pulses / 2)];
    for (std::int32_t i = 0; i < r.pulses; ++i) {
      if (power[i] < 0.01 * median) dead.push_back(i);
    }
    break;
  }
  return dead;
}

StatisticsBlock reduce(const CalibrationRecord& record, const std::vector<std::int32_t>& dead) {
  if (record.runs < 4) throw InputError(fmt::format("record '{}': needs at least 4 runs", record.name));
  if (record.rounds - record.settled < 16 && record.kind != RecordKind::ring_down)
    throw InputError(fmt::format("record '{}': needs at least 16 settled rows", record.name));
  StatisticsBlock block;
  block.kind = record.kind;
  block.name = record.name;
  block.pump = record.pump.first();
  const std::vector<std::int32_t> pulses = alive(record.pulses, dead);
  if (pulses.empty()) throw InputError(fmt::format("record '{}': has no live pulse", record.name));
  switch (record.kind) {
    case RecordKind::below:
    case RecordKind::above:
    case RecordKind::drift:
      reduce_steady(record, pulses, block);
      break;
    case RecordKind::ring_down:
      reduce_ring_down(record, pulses, block);
      break;
    case RecordKind::pairs:
      reduce_pairs(record, pulses, block);
      break;
    case RecordKind::ladder:
      reduce_ladder(record, pulses, block);
      break;
    case RecordKind::clip:
      throw InputError(fmt::format("record '{}': has nothing to average", record.name));
  }
  // The white noise and the delay are looked for at lags beyond 0.
  const bool below = record.kind == RecordKind::below;
  if ((below || record.kind == RecordKind::pairs) && block.lags.size() < 2)
    throw InputError(fmt::format("record '{}': settled = {}: its kind needs at least {}", record.name,
                                 record.settled, below ? 4 : 1));
  return block;
}

Eigen::VectorXd predict(const StatisticsBlock& block, const LoopGuess& guess) {
  const double pump = block.pump / guess.pump_unit;
  std::vector<double> values;
  switch (block.kind) {
    case RecordKind::below:
    case RecordKind::above:
    case RecordKind::drift: {
      values = lag_products(guess, pump, block.lags);
      const std::vector<double> early = build_up(guess, pump, block.rows);
      values.insert(values.end(), early.begin(), early.end());
      break;
    }
    case RecordKind::ring_down:
      values = ring_down(guess, pump, block.rows);
      break;
    case RecordKind::pairs:
      values = pair_products(guess, pump, block.couplings[0], block.lags);
      break;
    case RecordKind::ladder:
      values.push_back(ladder_product(guess, pump, block.couplings[0]));
      break;
    case RecordKind::clip:
      break;
  }
  return Eigen::Map<const Eigen::VectorXd>(values.data(), static_cast<Eigen::Index>(values.size()));
}

}  // namespace opoloop::calibration
