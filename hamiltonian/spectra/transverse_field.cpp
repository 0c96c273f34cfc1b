#include "hamiltonian/spectra/transverse_field.h"

#include <algorithm>

#include "core/threads.h"

namespace opoloop {
namespace {

/// States that one work item sums: their 16 KiB of results stay in the L1 cache while all neighbours are
/// added.
constexpr std::int64_t kBlock = 2048;

/// sum[k] += x[k ^ stride] for one block, stride within the block.
void add_near(const double* x, double* sum, std::int64_t count, std::int64_t stride) {
  if (stride >= 4) {
    for (std::int64_t base = 0; base < count; base += 2 * stride) {
      for (std::int64_t k = base; k < base + stride; ++k) sum[k] += x[k + stride];
      for (std::int64_t k = base; k < base + stride; ++k) sum[k + stride] += x[k];
    }
  } else {
    for (std::int64_t k = 0; k < count; ++k) sum[k] += x[k ^ stride];
  }
}

/// Bits 0, 1 and 2 at once, eight states in registers.
void add_lowest_three(const double* x, double* sum, std::int64_t count) {
  for (std::int64_t base = 0; base < count; base += 8) {
    const double* v = x + base;
    double* s = sum + base;
    for (int k = 0; k < 8; ++k) s[k] += (v[k ^ 1] + v[k ^ 2]) + v[k ^ 4];
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
  const std::int64_t block = std::min(size, kBlock);
  const int bits = space_.bits();
  parallel_for(size / block, threads_, [&](std::int64_t item) {
    const std::int64_t begin = item * block;
    const double* here = x + begin;
    double* sum = y + begin;
    std::fill(sum, sum + block, 0.0);
    int bit = 0;
    if (block >= 8) {
      add_lowest_three(here, sum, block);
      bit = 3;
    }
    for (; bit < bits; ++bit) {
      const std::int64_t stride = std::int64_t{1} << bit;
      if (stride < block) {
        add_near(here, sum, block, stride);
      } else {
        const double* there = x + (begin ^ stride);
        for (std::int64_t k = 0; k < block; ++k) sum[k] += there[k];
      }
    }
    if (space_.half()) {
      const double sign = space_.mirror_sign();
      const double* mirrored = x + (size - 1 - begin);
      for (std::int64_t k = 0; k < block; ++k) sum[k] += sign * mirrored[-k];
    }
    const double* d = energy_.data() + begin;
    for (std::int64_t k = 0; k < block; ++k) sum[k] = scale_ * d[k] * here[k] - gamma_ * sum[k];
  });
}

}  // namespace opoloop
