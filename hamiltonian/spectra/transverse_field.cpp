#include "hamiltonian/spectra/transverse_field.h"

#include <algorithm>

#include "core/threads.h"

namespace opoloop {
namespace {

/// States summed together: their sums stay in registers and the first-level cache while all neighbours, which
/// are chunks of as many states, are added.
constexpr std::int64_t kChunk = 64;
constexpr int kChunkBits = 6;
/// Chunks a work item.
constexpr std::int64_t kChunksAnItem = 64;

/// sum[k] = Σ over bits 0 … 5 of x[k with that bit flipped], one chunk.
void sum_near(const double* x, double* sum) {
  for (int base = 0; base < kChunk; base += 8) {
    const double* v = x + base;
    const double* a = x + (base ^ 8);
    const double* b = x + (base ^ 16);
    const double* c = x + (base ^ 32);
    for (int k = 0; k < 8; ++k) {
      sum[base + k] = ((v[k ^ 1] + v[k ^ 2]) + v[k ^ 4]) + ((a[k] + b[k]) + c[k]);
    }
  }
}

/// sum[k] += x[k with bit flipped] for bits 6 … bits − 1: four chunks at a time.
void add_far(const double* x, std::int64_t begin, int bits, double* sum) {
  const auto chunk = [&](int bit) { return x + (begin ^ (std::int64_t{1} << bit)); };
  int bit = kChunkBits;
  for (; bit + 4 <= bits; bit += 4) {
    const double* a = chunk(bit);
    const double* b = chunk(bit + 1);
    const double* c = chunk(bit + 2);
    const double* d = chunk(bit + 3);
    for (int k = 0; k < kChunk; ++k) sum[k] += (a[k] + b[k]) + (c[k] + d[k]);
  }
  for (; bit < bits; ++bit) {
    const double* a = chunk(bit);
    for (int k = 0; k < kChunk; ++k) sum[k] += a[k];
  }
}

}  // namespace

TransverseFieldOperator::TransverseFieldOperator(const StateSpace& space, const std::vector<double>& energy,
                                                 double scale, double gamma, int threads)
    : space_(space), energy_(energy), scale_(scale), gamma_(gamma), threads_(threads) {
  const auto [low, high] = std::minmax_element(energy.begin(), energy.end());
  upper_bound_ = std::max(scale * *low, scale * *high) + gamma * space.spins;
}

void TransverseFieldOperator::apply(const double* x, double* y) const {
  const std::int64_t size = space_.size();
  if (size < kChunk) {
    for (std::int64_t state = 0; state < size; ++state) {
      double sum = 0;
      for (int i = 0; i < space_.bits(); ++i) sum += x[space_.neighbour(state, i)];
      if (space_.half()) sum += space_.mirror_sign() * x[size - 1 - state];
      y[state] = scale_ * energy_[static_cast<std::size_t>(state)] * x[state] - gamma_ * sum;
    }
    return;
  }
  const std::int64_t item_states = std::min(size, kChunk * kChunksAnItem);
  parallel_for(size / item_states, threads_, [&](std::int64_t item) {
    double sum[kChunk];
    for (std::int64_t begin = item * item_states; begin < (item + 1) * item_states; begin += kChunk) {
      const double* here = x + begin;
      sum_near(here, sum);
      add_far(x, begin, space_.bits(), sum);
      if (space_.half()) {
        const double sign = space_.mirror_sign();
        const double* mirrored = x + (size - 1 - begin);
        for (int k = 0; k < kChunk; ++k) sum[k] += sign * mirrored[-k];
      }
      const double* d = energy_.data() + begin;
      double* to = y + begin;
      for (int k = 0; k < kChunk; ++k) to[k] = scale_ * d[k] * here[k] - gamma_ * sum[k];
    }
  });
}

}  // namespace opoloop
