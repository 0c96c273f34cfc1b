// The element-wise part of a simulated-bifurcation step, once per instruction set (Highway, run-time
// dispatch). Each lane is a trajectory and is computed alone, so nothing depends on the vector length.

#include "driver/kernels/bifurcation_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "driver/kernels/bifurcation_kernels.cpp"
#define HWY_DISABLED_TARGETS HWY_SSE4
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h:
#include "core/lanes-inl.h"
#include "hwy/highway.h"

#include <algorithm>
#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace opoloop::HWY_NAMESPACE {
namespace {

/// x clamped to ±1, y = 0 where x was outside.
HWY_INLINE void walls(Lanes& x, Lanes& y) {
  const FloatTag d;
  const auto one = hn::Set(d, 1.0F);
  for (int k = 0; k < kVecs; ++k) {
    const auto outside = hn::Gt(hn::Abs(x.v[k]), one);
    x.v[k] = hn::IfThenElse(outside, hn::CopySign(one, x.v[k]), x.v[k]);
    y.v[k] = hn::IfThenZeroElse(outside, y.v[k]);
  }
}

HWY_INLINE void collect_flips(const Lanes& before, const Lanes& after, Lanes& flips) {
  for (int k = 0; k < kVecs; ++k) flips.v[k] = hn::Or(flips.v[k], hn::Xor(before.v[k], after.v[k]));
}

std::uint32_t bifurcation_step_impl(int n, const kernels::BifurcationStep& step, float* mean_abs) {
  const Lanes minus_detuning = Lanes::all(-step.detuning);
  const Lanes c0 = Lanes::all(step.c0);
  const Lanes dt = Lanes::all(step.dt);
  const Lanes dt_a0 = Lanes::all(step.dt * step.a0);
  const Lanes h_weight = step.h != nullptr ? Lanes::load(step.h_weight) : Lanes::all(0.0F);
  Lanes flips = Lanes::all(0.0F);
  Lanes sum = Lanes::all(0.0F);
  for (int i = 0; i < n; ++i) {
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(i) * kRowLanes;
    const Lanes x = Lanes::load(step.x + at);
    Lanes field = Lanes::load(step.field + at);
    if (step.h != nullptr) field = mul_add(Lanes::all(step.h[i]), h_weight, field);
    const Lanes force = mul_add(c0, field, minus_detuning * x);
    Lanes y = mul_add(dt, force, Lanes::load(step.y + at));
    Lanes moved = mul_add(dt_a0, y, x);
    walls(moved, y);
    moved.store(step.x + at);
    y.store(step.y + at);
    if (step.sign != nullptr) spin_of(moved).store(step.sign + at);
    if (mean_abs != nullptr) sum = sum + abs(moved);
    collect_flips(x, moved, flips);
  }
  if (mean_abs != nullptr) (sum * Lanes::all(1.0F / static_cast<float>(n))).store(mean_abs);
  return negative_bits(flips);
}

void bifurcation_energies_impl(int n, const float* sign, const float* field, const float* h, double* energy) {
  constexpr int kChunk = 64;  // rows summed in float between additions in double
  double total[kRowLanes] = {};
  for (int begin = 0; begin < n; begin += kChunk) {
    Lanes sum = Lanes::all(0.0F);
    const int end = std::min(n, begin + kChunk);
    for (int i = begin; i < end; ++i) {
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(i) * kRowLanes;
      Lanes half = Lanes::load(field + at) * Lanes::all(0.5F);
      if (h != nullptr) half = half + Lanes::all(h[i]);
      sum = mul_add(Lanes::load(sign + at), half, sum);
    }
    alignas(64) float part[kRowLanes];
    sum.store(part);
    for (int l = 0; l < kRowLanes; ++l) total[l] += static_cast<double>(part[l]);
  }
  for (int l = 0; l < kRowLanes; ++l) energy[l] = -total[l];
}

}  // namespace
}  // namespace opoloop::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opoloop {

HWY_EXPORT(bifurcation_step_impl);
HWY_EXPORT(bifurcation_energies_impl);

namespace kernels {

std::uint32_t bifurcation_step(int n, const BifurcationStep& step, float* mean_abs) {
  return HWY_DYNAMIC_DISPATCH(bifurcation_step_impl)(n, step, mean_abs);
}
void bifurcation_energies(int n, const float* sign, const float* field, const float* h, double* energy) {
  HWY_DYNAMIC_DISPATCH(bifurcation_energies_impl)(n, sign, field, h, energy);
}

}  // namespace kernels
}  // namespace opoloop
#endif  // HWY_ONCE
