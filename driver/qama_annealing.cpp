#include "driver/qama_annealing.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/random.h"
#include "driver/kernels/annealing_kernels.h"

namespace opoloop {
namespace {

using kernels::AlignedArray;
using kernels::AnnealingRandom;

constexpr double kHotFieldShare = 0.8;
constexpr double kColdExcitation = 0.05;
constexpr int kRebuildEvery = 256;  // sweeps: float32 fields lose about 6e−8 of their size each

}  // namespace

struct QamaAnnealer::State {
  explicit State(std::size_t size, std::size_t stride)
      : spins(size),
        fields(size),
        thresholds(size),
        sum(stride),
        others(stride),
        local(stride),
        before(stride) {}
  AlignedArray<float> spins, fields;  // fields without the head penalty
  AlignedArray<float> thresholds;
  AlignedArray<float> sum;  // Σ_t σ_{t,i}
  AlignedArray<float> others, local, before;
  AnnealingRandom random{};
  int sweeps_since_rebuild = 0;
};

QamaAnnealer::QamaAnnealer(const QamaProblem& problem)
    : heads_(problem.heads()),
      rows_(problem.live() * problem.bits()),
      stride_((rows_ + kernels::kAnnealingPad - 1) / kernels::kAnnealingPad * kernels::kAnnealingPad),
      penalty_(static_cast<float>(problem.head_penalty() / 2)) {
  const auto rows = static_cast<std::size_t>(rows_);
  const auto stride = static_cast<std::size_t>(stride_);
  const auto heads = static_cast<std::size_t>(heads_);
  const int q = problem.bits();
  block_ = AlignedArray<float>(heads * rows * stride);
  for (int t = 0; t < heads_; ++t) {
    for (int i = 0; i < problem.live(); ++i) {
      for (int j = 0; j < problem.live(); ++j) {
        const double half = problem.block(t, i, j) / 2;
        for (int b = 0; b < q; ++b) {
          float* row = block_.data() +
                       (static_cast<std::size_t>(t) * rows + static_cast<std::size_t>(i * q + b)) * stride;
          for (int c = 0; c < q; ++c) {
            if (i == j && b == c) continue;
            row[j * q + c] = static_cast<float>(half * problem.bit_weight(b) * problem.bit_weight(c));
          }
        }
      }
    }
  }
  const std::vector<double> h = problem.field();
  field_.assign(heads * stride, 0.0F);
  for (std::size_t t = 0; t < heads; ++t) {
    for (std::size_t i = 0; i < rows; ++i) field_[t * stride + i] = static_cast<float>(h[t * rows + i]);
  }
}

void QamaAnnealer::start(State& state, std::uint64_t seed, std::uint32_t read) const {
  for (std::uint32_t lane = 0; lane < 16; ++lane) {
    const PhiloxWords words = philox_words(seed, Stream::annealing, read, 0, lane);
    for (std::size_t w = 0; w < 4; ++w) state.random.state[w][lane] = words[w];
  }
  PhiloxWords words{};
  int spin = 0;
  for (int t = 0; t < heads_; ++t) {
    for (int i = 0; i < stride_; ++i) {
      float& out = state.spins[static_cast<std::size_t>(t * stride_ + i)];
      out = 1;  // padding
      if (i >= rows_) continue;
      if (spin % 128 == 0) {
        words = philox_words(seed, Stream::annealing, read, 1, static_cast<std::uint32_t>(spin / 128));
      }
      if ((words[static_cast<std::size_t>(spin % 128 / 32)] >> (spin % 32) & 1U) != 0) out = -1;
      ++spin;
    }
  }
  rebuild(state);
}

void QamaAnnealer::rebuild(State& state) const {
  const auto stride = static_cast<std::size_t>(stride_);
  std::fill_n(state.sum.data(), stride, 0.0F);
  for (int t = 0; t < heads_; ++t) {
    const float* spins = state.spins.data() + static_cast<std::size_t>(t) * stride;
    float* fields = state.fields.data() + static_cast<std::size_t>(t) * stride;
    std::copy_n(field_.data() + static_cast<std::size_t>(t) * stride, stride, fields);
    for (int k = 0; k < rows_; ++k) {
      const float* row = block_.data() + static_cast<std::size_t>(t * rows_ + k) * stride;
      const float s = spins[k];
      for (int i = 0; i < stride_; ++i) fields[i] += s * row[i];
    }
    for (int i = 0; i < stride_; ++i) state.sum[static_cast<std::size_t>(i)] += spins[i];
    // Padding never flips: its field is above every threshold.
    for (int i = rows_; i < stride_; ++i) fields[i] = std::numeric_limits<float>::max();
  }
  state.sweeps_since_rebuild = 0;
}

int QamaAnnealer::sweep(State& state, const float* thresholds) const {
  const auto stride = static_cast<std::size_t>(stride_);
  float* others = state.others.data();
  float* local = state.local.data();
  float* before = state.before.data();
  float* sum = state.sum.data();
  int flips = 0;
  double energy = 0;
  for (int t = 0; t < heads_; ++t) {
    float* spins = state.spins.data() + static_cast<std::size_t>(t) * stride;
    float* fields = state.fields.data() + static_cast<std::size_t>(t) * stride;
    for (std::size_t i = 0; i < stride; ++i) {
      others[i] = penalty_ * (sum[i] - spins[i]);
      local[i] = fields[i] - others[i];
      before[i] = spins[i];
    }
    const kernels::AnnealingView<float> view{
        rows_,   stride_, block_.data() + static_cast<std::size_t>(t * rows_) * stride,
        nullptr, nullptr, nullptr};
    const int here =
        kernels::sweep(view, thresholds + static_cast<std::size_t>(t) * stride, spins, local, energy);
    if (here == 0) continue;
    flips += here;
    for (std::size_t i = 0; i < stride; ++i) {
      fields[i] = local[i] + others[i];
      sum[i] += spins[i] - before[i];
    }
  }
  if (++state.sweeps_since_rebuild >= kRebuildEvery) rebuild(state);
  return flips;
}

void QamaAnnealer::descend(State& state) const {
  rebuild(state);
  float largest = 0;
  for (int t = 0; t < heads_; ++t) {
    for (int i = 0; i < rows_; ++i) {
      largest = std::max(largest, std::abs(state.fields[static_cast<std::size_t>(t * stride_ + i)]));
    }
  }
  const float bar = -1e-5F * largest;
  const auto size = static_cast<std::size_t>(heads_ * stride_);
  std::fill_n(state.thresholds.data(), size, bar);
  // Each flip lowers the energy by at least 2·|bar|, so this ends.
  while (bar != 0 && sweep(state, state.thresholds.data()) > 0) {
  }
}

AnnealingSchedule QamaAnnealer::choose_temperatures(std::uint64_t seed) const {
  AnnealingSchedule schedule;
  const auto stride = static_cast<std::size_t>(stride_);
  double largest = 0;
  for (int t = 0; t < heads_; ++t) {
    for (int i = 0; i < rows_; ++i) {
      const float* row = block_.data() + static_cast<std::size_t>(t * rows_ + i) * stride;
      float square = 0;
      for (int j = 0; j < rows_; ++j) square += row[j] * row[j];
      const float h = field_[static_cast<std::size_t>(t) * stride + static_cast<std::size_t>(i)];
      const double all = static_cast<double>(square) + static_cast<double>(h * h) +
                         static_cast<double>(penalty_ * penalty_) * (heads_ - 1);
      largest = std::max(largest, all);
    }
  }
  schedule.hot = largest > 0 ? kHotFieldShare * std::sqrt(largest) : 1.0;
  State state(static_cast<std::size_t>(heads_) * stride, stride);
  std::vector<double> sizes;
  // Few spins need more than one quench to show a small excitation.
  const int quenches = std::clamp(400 / (heads_ * rows_), 1, 64);
  for (int quench = 0; quench < quenches; ++quench) {
    // Reads count from 0: the last ones of the stream are free.
    start(state, seed, 0xFFFFFFFFU - static_cast<std::uint32_t>(quench));
    descend(state);
    for (int t = 0; t < heads_; ++t) {
      for (int i = 0; i < rows_; ++i) {
        const std::size_t at = static_cast<std::size_t>(t) * stride + static_cast<std::size_t>(i);
        const float f =
            state.fields[at] - penalty_ * (state.sum[static_cast<std::size_t>(i)] - state.spins[at]);
        const double size = static_cast<double>(std::abs(f));
        if (size > 1e-6 * schedule.hot) sizes.push_back(size);
      }
    }
  }
  if (sizes.empty()) {
    schedule.cold = schedule.hot / 100;
    return schedule;
  }
  const auto quantile = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 100);
  std::nth_element(sizes.begin(), quantile, sizes.end());
  schedule.cold = std::min(2 * *quantile / -std::log(kColdExcitation), schedule.hot);
  return schedule;
}

std::vector<std::int8_t> QamaAnnealer::run(const AnnealingSchedule& schedule, std::uint64_t seed,
                                           std::uint32_t read) const {
  const auto stride = static_cast<std::size_t>(stride_);
  State state(static_cast<std::size_t>(heads_) * stride, stride);
  start(state, seed, read);
  const auto last = static_cast<double>(std::max<std::int64_t>(schedule.sweeps - 1, 1));
  for (std::int64_t k = 0; k < schedule.sweeps; ++k) {
    const double share = schedule.sweeps > 1 ? static_cast<double>(k) / last : 1.0;
    const double T = schedule.geometric ? schedule.hot * std::pow(schedule.cold / schedule.hot, share)
                                        : schedule.hot + share * (schedule.cold - schedule.hot);
    kernels::draw_thresholds(kernels::half_temperature(T), heads_ * stride_, state.random,
                             state.thresholds.data());
    sweep(state, state.thresholds.data());
  }
  if (schedule.descend) descend(state);
  std::vector<std::int8_t> spins;
  spins.reserve(static_cast<std::size_t>(heads_) * static_cast<std::size_t>(rows_));
  for (int t = 0; t < heads_; ++t) {
    for (int i = 0; i < rows_; ++i) {
      spins.push_back(state.spins[static_cast<std::size_t>(t * stride_ + i)] < 0 ? -1 : 1);
    }
  }
  return spins;
}

}  // namespace opoloop
