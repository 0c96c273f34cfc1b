// Vector kernels of the QAMA structure, once per instruction set (Highway, run-time dispatch).

#include "hamiltonian/kernels/qama_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "hamiltonian/kernels/qama_kernels.cpp"
#define HWY_DISABLED_TARGETS HWY_SSE4
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h:
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/lanes-inl.h"
#include "hamiltonian/kernels/matrix_kernels.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace opoloop::HWY_NAMESPACE {
namespace {

void subtract_other_heads_impl(float factor, int heads, int rows, const float* HWY_RESTRICT x,
                               float* HWY_RESTRICT field) {
  const std::ptrdiff_t head = static_cast<std::ptrdiff_t>(rows) * 16;
  const Lanes minus = Lanes::all(-factor);
  for (std::ptrdiff_t i = 0; i < head; i += 16) {
    Lanes sum = Lanes::load(x + i);
    for (int t = 1; t < heads; ++t) sum = sum + Lanes::load(x + t * head + i);
    for (int t = 0; t < heads; ++t) {
      const std::ptrdiff_t at = t * head + i;
      mul_add(minus, sum - Lanes::load(x + at), Lanes::load(field + at)).store(field + at);
    }
  }
}

void add_head_energies_impl(float factor, int heads, int rows, const float* HWY_RESTRICT x,
                            double* HWY_RESTRICT energy) {
  const std::ptrdiff_t head = static_cast<std::ptrdiff_t>(rows) * 16;
  // Squares of small integers: exact in float until they pass 2^24.
  Lanes total = Lanes::all(0.0F);
  for (std::ptrdiff_t i = 0; i < head; i += 16) {
    Lanes sum = spin_of(Lanes::load(x + i));
    for (int t = 1; t < heads; ++t) sum = sum + spin_of(Lanes::load(x + t * head + i));
    total = mul_add(sum, sum, total);
  }
  HWY_ALIGN float squares[16];
  total.store(squares);
  const double self = static_cast<double>(rows) * heads;
  for (int lane = 0; lane < 16; ++lane) {
    energy[lane] += static_cast<double>(factor) * (static_cast<double>(squares[lane]) - self);
  }
}

constexpr int kScoreRows = kVecs == 1 ? 8 : kVecs == 2 ? 4 : 3;

template <int Rows>
HWY_INLINE void score_rows(const float* HWY_RESTRICT Q, const float* HWY_RESTRICT Kt, int d, int q_stride,
                           int t_stride, float* HWY_RESTRICT out) {
  Lanes sum[Rows];
  for (int r = 0; r < Rows; ++r) sum[r] = Lanes::all(0.0F);
  for (int k = 0; k < d; ++k) {
    const Lanes column = Lanes::load(Kt + static_cast<std::ptrdiff_t>(k) * t_stride);
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      sum[r] = mul_add(Lanes::all(Q[static_cast<std::ptrdiff_t>(r) * q_stride + k]), column, sum[r]);
    }
  }
  for (int r = 0; r < Rows; ++r) sum[r].store(out + static_cast<std::ptrdiff_t>(r) * t_stride);
}

void symmetric_scores_impl(const float* Q, const float* K, int n, int d, int stride, float s, float* J) {
  thread_local kernels::AlignedArray<float> transposed;
  thread_local kernels::AlignedArray<float> scores;
  const int wide = (n + 15) / 16 * 16;
  const auto need_t = static_cast<std::size_t>(wide) * static_cast<std::size_t>(d);
  const auto need_s = static_cast<std::size_t>(wide) * static_cast<std::size_t>(n);
  if (transposed.size() < need_t) transposed = kernels::AlignedArray<float>(need_t);
  if (scores.size() < need_s) scores = kernels::AlignedArray<float>(need_s);
  for (int k = 0; k < d; ++k) {
    float* row = transposed.data() + static_cast<std::ptrdiff_t>(k) * wide;
    for (int j = 0; j < n; ++j) row[j] = K[static_cast<std::ptrdiff_t>(j) * stride + k];
    for (int j = n; j < wide; ++j) row[j] = 0;
  }
  for (int j = 0; j < wide; j += 16) {
    int i = 0;
    for (; i + kScoreRows <= n; i += kScoreRows) {
      score_rows<kScoreRows>(Q + static_cast<std::ptrdiff_t>(i) * stride, transposed.data() + j, d, stride,
                             wide, scores.data() + static_cast<std::ptrdiff_t>(i) * wide + j);
    }
    for (; i < n; ++i) {
      score_rows<1>(Q + static_cast<std::ptrdiff_t>(i) * stride, transposed.data() + j, d, stride, wide,
                    scores.data() + static_cast<std::ptrdiff_t>(i) * wide + j);
    }
  }
  const float half = s / 2;
  for (int i = 0; i < n; ++i) {
    J[static_cast<std::ptrdiff_t>(i) * n + i] = 0;
    for (int j = i + 1; j < n; ++j) {
      const float value = half * (scores[static_cast<std::size_t>(i * wide + j)] +
                                  scores[static_cast<std::size_t>(j * wide + i)]);
      J[static_cast<std::ptrdiff_t>(i) * n + j] = value;
      J[static_cast<std::ptrdiff_t>(j) * n + i] = value;
    }
  }
}

}  // namespace
}  // namespace opoloop::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opoloop {
HWY_EXPORT(subtract_other_heads_impl);
HWY_EXPORT(add_head_energies_impl);
HWY_EXPORT(symmetric_scores_impl);

namespace kernels {

void subtract_other_heads(float factor, int heads, int rows, const float* x, float* field) {
  HWY_DYNAMIC_DISPATCH(subtract_other_heads_impl)(factor, heads, rows, x, field);
}

void add_head_energies(float factor, int heads, int rows, const float* x, double* energy) {
  HWY_DYNAMIC_DISPATCH(add_head_energies_impl)(factor, heads, rows, x, energy);
}

void symmetric_scores(const float* Q, const float* K, int n, int d, int stride, float s, float* J) {
  HWY_DYNAMIC_DISPATCH(symmetric_scores_impl)(Q, K, n, d, stride, s, J);
}

}  // namespace kernels
}  // namespace opoloop
#endif
