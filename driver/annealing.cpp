#include "driver/annealing.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "core/random.h"
#include "driver/kernels/annealing_kernels.h"
#include "driver/statistics.h"
#include "hamiltonian/kernels/matrix_kernels.h"

namespace opoloop {
namespace {

using kernels::AlignedArray;
using kernels::AnnealingRandom;
using kernels::AnnealingView;

constexpr double kHotFieldShare = 0.8;
constexpr double kColdExcitation = 0.05;      // probability at the last sweep of the smallest excitations
constexpr double kSparseBelow = 0.05;         // a sparse coupling costs some 20 times a dense one
constexpr std::int32_t kDenseAtMost = 32768;  // spins; beyond, dense rows would leave every cache
constexpr double kIntegerFieldLimit = 32000;  // int16 with room for one flip

struct Row {
  std::vector<std::int64_t> start;
  std::vector<std::int32_t> column;
  std::vector<double> value;
};

/// All ordered pairs, row by row, columns increasing.
Row rows_of(const IsingModel& model) {
  const auto n = static_cast<std::size_t>(model.size());
  Row rows;
  rows.start.assign(n + 1, 0);
  const std::vector<IsingEdge> edges = model.edges();
  for (const IsingEdge& e : edges) {
    ++rows.start[static_cast<std::size_t>(e.i) + 1];
    ++rows.start[static_cast<std::size_t>(e.j) + 1];
  }
  for (std::size_t i = 0; i < n; ++i) rows.start[i + 1] += rows.start[i];
  rows.column.resize(2 * edges.size());
  rows.value.resize(2 * edges.size());
  std::vector<std::int64_t> next(rows.start.begin(), rows.start.end() - 1);
  const auto put = [&](std::int32_t i, std::int32_t j, double J) {
    const auto e = static_cast<std::size_t>(next[static_cast<std::size_t>(i)]++);
    rows.column[e] = j;
    rows.value[e] = J;
  };
  // Edges come row by row, so row j gets its columns i < j before its own edges add those beyond.
  for (const IsingEdge& e : edges) {
    put(e.i, e.j, e.J);
    put(e.j, e.i, e.J);
  }
  return rows;
}

/// The unit in which all couplings and fields are integers and every field stays within int16; 0 if none.
/// Tried: 1, ½ … 1/16 (QUBOs), and the smallest value (±J/√N).
double integer_unit(const IsingModel& model, const Row& rows) {
  double largest_field = 0;
  double smallest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i + 1 < rows.start.size(); ++i) {
    const double h = std::abs(model.field()[i]);
    double sum = h;
    if (h != 0) smallest = std::min(smallest, h);
    for (auto e = static_cast<std::size_t>(rows.start[i]); e < static_cast<std::size_t>(rows.start[i + 1]);
         ++e) {
      sum += std::abs(rows.value[e]);
      smallest = std::min(smallest, std::abs(rows.value[e]));
    }
    largest_field = std::max(largest_field, sum);
  }
  if (!std::isfinite(smallest)) return 1.0;  // nothing but zeros
  for (const double unit : {1.0, 0.5, 0.25, 0.125, 0.0625, smallest}) {
    const auto whole = [unit](double value) {
      return std::abs(value / unit - std::nearbyint(value / unit)) <= 1e-12 * std::abs(value / unit);
    };
    if (largest_field / unit <= kIntegerFieldLimit &&
        std::all_of(rows.value.begin(), rows.value.end(), whole) &&
        std::all_of(model.field().begin(), model.field().end(), whole)) {
      return unit;
    }
  }
  return 0;
}

template <class Field>
class AnnealerOf final : public Annealer {
  static constexpr bool kInteger = std::is_same_v<Field, std::int16_t>;
  using Dense = std::conditional_t<kInteger, std::int8_t, float>;

 public:
  AnnealerOf(const IsingModel& model, const Row& rows, double unit, bool dense) : model_(model), unit_(unit) {
    n_ = model.size();
    stride_ = (n_ + kernels::kAnnealingPad - 1) / kernels::kAnnealingPad * kernels::kAnnealingPad;
    const auto n = static_cast<std::size_t>(n_);
    h_.resize(n);
    for (std::size_t i = 0; i < n; ++i) h_[i] = in_units(model.field()[i]);
    row_start_ = rows.start;
    column_ = rows.column;
    value_.resize(rows.value.size());
    for (std::size_t e = 0; e < value_.size(); ++e) value_[e] = in_units(rows.value[e]);
    if (dense) {
      dense_ = AlignedArray<Dense>(n * static_cast<std::size_t>(stride_));
      for (std::size_t i = 0; i < n; ++i) {
        for (auto e = static_cast<std::size_t>(row_start_[i]);
             e < static_cast<std::size_t>(row_start_[i + 1]); ++e) {
          dense_[i * static_cast<std::size_t>(stride_) + static_cast<std::size_t>(column_[e])] =
              static_cast<Dense>(value_[e]);
        }
      }
    }
    view_ = {n_, stride_, dense ? dense_.data() : nullptr, row_start_.data(), column_.data(), value_.data()};
  }

  std::string storage() const override {
    return std::string(view_.dense != nullptr ? "dense-" : "sparse-") +
           (kInteger ? (view_.dense != nullptr ? "i8" : "i16") : "f32");
  }

  AnnealingRead run(const AnnealingSchedule& schedule, const AnnealingOptions& options) const override {
    State state(stride_);
    start(options.seed, options.read, state);
    AnnealingRead read;
    double best = state.energy;
    std::vector<Field> best_spins(state.spins.data(), state.spins.data() + n_);
    const double target = options.stop_energy ? (*options.stop_energy - model_.offset()) / unit_
                                              : -std::numeric_limits<double>::infinity();
    const double slack = 1e-9 * std::max(1.0, std::abs(target)) + (kInteger ? 0.0 : 1e-5 * std::abs(target));
    const auto reached = [&](double energy) {
      return energy <= target + slack && confirmed(best_spins, options);
    };
    const std::int64_t ask_every = std::clamp<std::int64_t>(65536 / stride_, 1, 64);
    std::int64_t told = 0;
    bool stopped = options.stop_energy && reached(best);
    // A start that is the target already counts as found at sweep 0, by a read of one sweep.
    while ((!stopped || read.rounds == 0) && read.rounds < schedule.sweeps) {
      const double T = temperature(schedule, read.rounds) / unit_;
      kernels::draw_thresholds(kernels::half_temperature(T), stride_, state.random, state.thresholds.data());
      sweep(state);
      ++read.rounds;
      if (state.energy < best) {
        best = state.energy;
        best_spins.assign(state.spins.data(), state.spins.data() + n_);
        read.round_best = read.rounds;
        stopped = stopped || (options.stop_energy && reached(best));
      }
      if (read.rounds % ask_every == 0) {
        stopped = stopped || (options.stop && options.stop());
        if (options.done) options.done(read.rounds - std::exchange(told, read.rounds));
      }
    }
    if (options.done && read.rounds > told) options.done(read.rounds - told);
    if (schedule.descend) {
      descend(state);
      if (state.energy < best) {
        best_spins.assign(state.spins.data(), state.spins.data() + n_);
        read.round_best = read.rounds;
      }
    }
    read.spins_best = to_spins(best_spins.data());
    read.spins_final = to_spins(state.spins.data());
    read.energy_final = model_.energy(read.spins_final);
    read.energy_best = model_.energy(read.spins_best);
    if (read.energy_final < read.energy_best) {  // float fields only: rounding hid it
      read.energy_best = read.energy_final;
      read.spins_best = read.spins_final;
      read.round_best = read.rounds;
    }
    return read;
  }

  AnnealingSchedule choose_temperatures() const override {
    constexpr std::uint64_t kProbeSeed = 0;
    AnnealingSchedule schedule;
    double largest = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(n_); ++i) {
      double square = static_cast<double>(h_[i]) * static_cast<double>(h_[i]);
      for (auto e = static_cast<std::size_t>(row_start_[i]); e < static_cast<std::size_t>(row_start_[i + 1]);
           ++e) {
        square += static_cast<double>(value_[e]) * static_cast<double>(value_[e]);
      }
      largest = std::max(largest, square);
    }
    schedule.hot = largest > 0 ? kHotFieldShare * std::sqrt(largest) * unit_ : 1.0;
    std::vector<double> sizes;
    const int quenches = std::clamp(20000 / n_, 4, 64);
    State state(stride_);
    for (int q = 0; q < quenches; ++q) {
      start(kProbeSeed, static_cast<std::uint32_t>(q), state);
      descend(state);
      for (std::int32_t i = 0; i < n_; ++i) {
        const double size = std::abs(static_cast<double>(state.fields[static_cast<std::size_t>(i)]));
        if (size > 1e-6 * schedule.hot / unit_) sizes.push_back(size);
      }
    }
    if (sizes.empty()) {
      schedule.cold = schedule.hot / 100;
      return schedule;
    }
    const auto quantile = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 100);
    std::nth_element(sizes.begin(), quantile, sizes.end());
    schedule.cold = std::min(2 * *quantile * unit_ / -std::log(kColdExcitation), schedule.hot);
    return schedule;
  }

 private:
  struct State {
    explicit State(int stride)
        : spins(static_cast<std::size_t>(stride)),
          fields(static_cast<std::size_t>(stride)),
          thresholds(static_cast<std::size_t>(stride)) {}
    AlignedArray<Field> spins, fields, thresholds;
    AnnealingRandom random{};
    double energy = 0;  // in units, without offset
    std::int64_t flips_since_rebuild = 0;
  };

  Field in_units(double value) const {
    return static_cast<Field>(kInteger ? std::nearbyint(value / unit_) : value / unit_);
  }

  static double temperature(const AnnealingSchedule& schedule, std::int64_t sweep) {
    if (schedule.sweeps <= 1) return schedule.cold;
    const double share = static_cast<double>(sweep) / static_cast<double>(schedule.sweeps - 1);
    if (!schedule.geometric) return schedule.hot + share * (schedule.cold - schedule.hot);
    return schedule.hot * std::pow(schedule.cold / schedule.hot, share);
  }

  /// Random spins and generators of one read: counters of step 0 seed the sixteen generators, those of step 1
  /// hold the starting spins, 128 to a counter.
  void start(std::uint64_t seed, std::uint32_t read, State& state) const {
    for (std::uint32_t lane = 0; lane < 16; ++lane) {
      const PhiloxWords words = philox_words(seed, Stream::annealing, read, 0, lane);
      for (std::size_t w = 0; w < 4; ++w) state.random.state[w][lane] = words[w];
    }
    PhiloxWords words{};
    for (std::int32_t i = 0; i < n_; ++i) {
      if (i % 128 == 0)
        words = philox_words(seed, Stream::annealing, read, 1, static_cast<std::uint32_t>(i / 128));
      const bool down = (words[static_cast<std::size_t>(i % 128 / 32)] >> (i % 32) & 1U) != 0;
      state.spins[static_cast<std::size_t>(i)] = static_cast<Field>(down ? -1 : 1);
    }
    for (std::int32_t i = n_; i < stride_; ++i) {  // padding never flips: see draw_thresholds
      state.spins[static_cast<std::size_t>(i)] = 1;
      state.fields[static_cast<std::size_t>(i)] = std::numeric_limits<Field>::max();
    }
    rebuild(state);
  }

  /// Fields and energy from the spins alone.
  void rebuild(State& state) const {
    double pairs = 0;
    double linear = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(n_); ++i) {
      double sum = 0;
      for (auto e = static_cast<std::size_t>(row_start_[i]); e < static_cast<std::size_t>(row_start_[i + 1]);
           ++e) {
        sum += static_cast<double>(value_[e]) *
               static_cast<double>(state.spins[static_cast<std::size_t>(column_[e])]);
      }
      const auto s = static_cast<double>(state.spins[i]);
      pairs += s * sum;
      linear += s * static_cast<double>(h_[i]);
      state.fields[i] = static_cast<Field>(sum + static_cast<double>(h_[i]));
    }
    state.energy = -pairs / 2 - linear;
    state.flips_since_rebuild = 0;
  }

  int sweep(State& state) const {
    const int flips =
        kernels::sweep(view_, state.thresholds.data(), state.spins.data(), state.fields.data(), state.energy);
    if constexpr (!kInteger) {
      // float32 fields lose about 6e−8 of their size a flip: rebuild long before it shows.
      state.flips_since_rebuild += flips;
      if (state.flips_since_rebuild > std::max(10000, 4 * n_)) rebuild(state);
    }
    return flips;
  }

  /// Flips whatever lowers the energy, sweep by sweep, until nothing does.
  void descend(State& state) const {
    if constexpr (!kInteger) rebuild(state);
    float largest = 0;
    for (std::int32_t i = 0; i < n_; ++i) {
      largest = std::max(largest, std::abs(static_cast<float>(state.fields[static_cast<std::size_t>(i)])));
    }
    const auto bar = kInteger ? static_cast<Field>(-1) : static_cast<Field>(-1e-5F * largest);
    for (std::int32_t i = 0; i < stride_; ++i) state.thresholds[static_cast<std::size_t>(i)] = bar;
    // Each flip lowers the energy by at least 2·bar, so this ends; all-zero fields have nothing to flip.
    while (bar != 0 && sweep(state) > 0) {
    }
  }

  std::vector<std::int8_t> to_spins(const Field* spins) const {
    std::vector<std::int8_t> out(static_cast<std::size_t>(n_));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = spins[i] < 0 ? -1 : 1;
    return out;
  }

  /// The exact energy reaches the target: incremental float energies only suggest it.
  bool confirmed(const std::vector<Field>& spins, const AnnealingOptions& options) const {
    return reaches(model_.energy(to_spins(spins.data())), *options.stop_energy, model_.largest_term());
  }

  const IsingModel& model_;
  double unit_;
  std::int32_t n_ = 0;
  std::int32_t stride_ = 0;
  std::vector<Field> h_;
  std::vector<std::int64_t> row_start_;
  std::vector<std::int32_t> column_;
  std::vector<Field> value_;
  AlignedArray<Dense> dense_;
  AnnealingView<Field> view_{};
};

}  // namespace

std::unique_ptr<Annealer> make_annealer(const IsingModel& model) {
  const Row rows = rows_of(model);
  const bool dense = model.density() >= kSparseBelow && model.size() <= kDenseAtMost;
  const double unit = integer_unit(model, rows);
  // Dense integers are held in 8 bits.
  const bool integer = unit > 0 && (!dense || model.largest_coupling() / unit < 127.5);
  if (integer) return std::make_unique<AnnealerOf<std::int16_t>>(model, rows, unit, dense);
  // float32 in units of the largest coupling or field, so that no scale overflows.
  double largest = model.largest_coupling();
  for (const double h : model.field()) largest = std::max(largest, std::abs(h));
  return std::make_unique<AnnealerOf<float>>(model, rows, largest, dense);
}

}  // namespace opoloop
