#include "hamiltonian/qama/qama_coupling.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/threads.h"
#include "hamiltonian/kernels/qama_kernels.h"

namespace opoloop {
namespace {

using kernels::AlignedArray;

/// Scratch of the calling thread, at least `size` floats.
float* scratch(std::size_t size, int which) {
  thread_local AlignedArray<float> arrays[3];
  auto& array = arrays[which];
  if (array.size() < size) array = AlignedArray<float>(size);
  return array.data();
}

}  // namespace

QamaCoupling::QamaCoupling(const QamaProblem& problem)
    : heads_(problem.heads()),
      live_(problem.live()),
      bits_(problem.bits()),
      rows_(live_ * bits_),
      penalty_(static_cast<float>(problem.head_penalty() / 2)) {
  if (problem.spins() == 0) throw InputError("QAMA: every token is masked, there is nothing to couple");
  const auto M = static_cast<std::size_t>(live_);
  for (int b = 0; b < bits_; ++b) weight_.push_back(static_cast<float>(problem.bit_weight(b)));
  const std::size_t panel_count = (M + 15) / 16;
  panel_size_ = panel_count * M * 16;
  panels_ = AlignedArray<float>(panel_size_ * static_cast<std::size_t>(heads_));
  self_.resize(static_cast<std::size_t>(heads_) * M);
  for (int t = 0; t < heads_; ++t) {
    float* head = panels_.data() + static_cast<std::size_t>(t) * panel_size_;
    for (int k = 0; k < live_; ++k) {
      for (int i = 0; i < live_; ++i) {
        const auto half = static_cast<float>(problem.block(t, i, k) / 2);
        if (i == k) self_[static_cast<std::size_t>(t * live_ + i)] = half;
        if (i == k && bits_ == 1) continue;
        head[(static_cast<std::size_t>(i / 16) * M + static_cast<std::size_t>(k)) * 16 +
             static_cast<std::size_t>(i % 16)] = half;
      }
    }
  }
}

std::int64_t QamaCoupling::stored_couplings() const {
  return std::int64_t{heads_} * live_ * live_ + size();
}

void QamaCoupling::contract(const float* x, int width, float* m) const {
  for (int i = 0; i < live_; ++i) {
    for (int lane = 0; lane < width; ++lane) {
      float sum = 0;
      for (int b = 0; b < bits_; ++b) {
        sum += weight_[static_cast<std::size_t>(b)] * x[(i * bits_ + b) * width + lane];
      }
      m[i * width + lane] = sum;
    }
  }
}

void QamaCoupling::expand(const float* product, const float* x, int head, int width, float* field) const {
  for (int i = 0; i < live_; ++i) {
    const float self = self_[static_cast<std::size_t>(head * live_ + i)];
    for (int b = 0; b < bits_; ++b) {
      const float w = weight_[static_cast<std::size_t>(b)];
      for (int lane = 0; lane < width; ++lane) {
        const int at = (i * bits_ + b) * width + lane;
        field[at] = w * (product[i * width + lane] - self * w * x[at]);
      }
    }
  }
}

void QamaCoupling::apply(const float* x, float* field, int tiles) const {
  const auto head_size = static_cast<std::size_t>(rows_) * 16;
  const auto token_size = static_cast<std::size_t>(live_) * 16;
  for (int tile = 0; tile < tiles; ++tile) {
    const float* from = x + static_cast<std::size_t>(tile) * head_size * static_cast<std::size_t>(heads_);
    float* to = field + static_cast<std::size_t>(tile) * head_size * static_cast<std::size_t>(heads_);
    for (int t = 0; t < heads_; ++t) {
      const std::size_t at = static_cast<std::size_t>(t) * head_size;
      if (bits_ == 1) {
        kernels::dense_apply(panels(t), live_, from + at, to + at, 1);
        continue;
      }
      float* m = scratch(token_size, 0);
      float* product = scratch(token_size, 1);
      contract(from + at, 16, m);
      kernels::dense_apply(panels(t), live_, m, product, 1);
      expand(product, from + at, t, 16, to + at);
    }
    if (penalty_ != 0) kernels::subtract_other_heads(penalty_, heads_, rows_, from, to);
  }
}

void QamaCoupling::energies(const float* x, double* energy, int tiles) const {
  const std::size_t tile_size = static_cast<std::size_t>(size()) * 16;
  const auto head_size = static_cast<std::size_t>(rows_) * 16;
  for (int tile = 0; tile < tiles; ++tile) {
    const float* from = x + static_cast<std::size_t>(tile) * tile_size;
    double* out = energy + static_cast<std::ptrdiff_t>(tile) * 16;
    std::fill_n(out, 16, 0.0);
    if (bits_ == 1) {
      for (int t = 0; t < heads_; ++t) {
        double head[16];
        kernels::dense_energies(panels(t), live_, from + static_cast<std::size_t>(t) * head_size, head, 1);
        for (int lane = 0; lane < 16; ++lane) out[lane] += head[lane];
      }
      // ½·P/2 Σ_{t≠t'} σσ' = P/4 (S² − H) for every token.
      if (penalty_ != 0) kernels::add_head_energies(penalty_ / 2, heads_, rows_, from, out);
      continue;
    }
    float* spins = scratch(tile_size, 2);
    for (std::size_t i = 0; i < tile_size; ++i) spins[i] = std::signbit(from[i]) ? -1.0F : 1.0F;
    AlignedArray<float> product(tile_size);
    apply(spins, product.data(), 1);
    for (std::size_t i = 0; i < tile_size; ++i) {
      out[i % 16] -= 0.5 * static_cast<double>(spins[i]) * static_cast<double>(product[i]);
    }
  }
}

void QamaCoupling::apply_one(const float* x, float* field, double* energy) const {
  double total = 0;
  for (int t = 0; t < heads_; ++t) {
    const float* from = x + static_cast<std::ptrdiff_t>(t) * rows_;
    float* to = field + static_cast<std::ptrdiff_t>(t) * rows_;
    if (bits_ == 1) {
      double head = 0;
      kernels::dense_apply_one(panels(t), live_, from, to, energy != nullptr ? &head : nullptr);
      total += head;
      continue;
    }
    float* m = scratch(static_cast<std::size_t>(live_), 0);
    float* product = scratch(static_cast<std::size_t>(live_), 1);
    contract(from, 1, m);
    kernels::dense_apply_one(panels(t), live_, m, product, nullptr);
    expand(product, from, t, 1, to);
    if (energy == nullptr) continue;
    AlignedArray<float> spins(static_cast<std::size_t>(rows_));
    AlignedArray<float> spin_field(static_cast<std::size_t>(rows_));
    for (int i = 0; i < rows_; ++i) spins[static_cast<std::size_t>(i)] = std::signbit(from[i]) ? -1.0F : 1.0F;
    contract(spins.data(), 1, m);
    kernels::dense_apply_one(panels(t), live_, m, product, nullptr);
    expand(product, spins.data(), t, 1, spin_field.data());
    for (std::size_t i = 0; i < spins.size(); ++i) {
      total -= 0.5 * static_cast<double>(spins[i]) * static_cast<double>(spin_field[i]);
    }
  }
  if (penalty_ != 0) {
    for (int i = 0; i < rows_; ++i) {
      float sum = 0;
      double spin_sum = 0;
      for (int t = 0; t < heads_; ++t) {
        sum += x[t * rows_ + i];
        spin_sum += std::signbit(x[t * rows_ + i]) ? -1.0 : 1.0;
      }
      for (int t = 0; t < heads_; ++t) field[t * rows_ + i] -= penalty_ * (sum - x[t * rows_ + i]);
      total += static_cast<double>(penalty_) / 2 * (spin_sum * spin_sum - heads_);
    }
  }
  if (energy != nullptr) *energy = total;
}

QamaBatch::QamaBatch(std::span<const QamaProblem> problems) {
  couplings_.reserve(problems.size());
  start_.push_back(0);
  for (const QamaProblem& problem : problems) {
    index_.push_back(problem.spins() == 0 ? -1 : static_cast<std::ptrdiff_t>(couplings_.size()));
    if (problem.spins() > 0) couplings_.emplace_back(problem);
    start_.push_back(start_.back() + static_cast<std::size_t>(problem.spins()) * 16);
  }
}

const QamaCoupling* QamaBatch::coupling(std::size_t problem) const {
  return index_[problem] < 0 ? nullptr : &couplings_[static_cast<std::size_t>(index_[problem])];
}

void QamaBatch::apply(const float* x, float* field, int threads) const {
  parallel_for(static_cast<std::int64_t>(size()), threads, [&](std::int64_t item) {
    const auto p = static_cast<std::size_t>(item);
    if (const QamaCoupling* J = coupling(p)) J->apply(x + start_[p], field + start_[p], 1);
  });
}

}  // namespace opoloop
