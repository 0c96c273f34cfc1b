// The two loops behind machine_speed.h, once per instruction set (Highway, run-time dispatch).

#include "experiments/machine_speed.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "experiments/speed_kernels.cpp"
#define HWY_DISABLED_TARGETS HWY_SSE4
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h:
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace opoloop::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using FloatTag = hn::ScalableTag<float>;

// Two units of latency 4–5 need at least ten chains in flight; twelve leave registers for the factors even
// where there are sixteen.
double fma_loop_impl(long iterations, float* sink) {
  const FloatTag d;
  const auto factor = hn::Set(d, 0.999F);
  const auto term = hn::Set(d, 0.001F);
  auto a0 = hn::Set(d, 0.1F), a1 = hn::Set(d, 0.2F), a2 = hn::Set(d, 0.3F), a3 = hn::Set(d, 0.4F);
  auto a4 = hn::Set(d, 0.5F), a5 = hn::Set(d, 0.6F), a6 = hn::Set(d, 0.7F), a7 = hn::Set(d, 0.8F);
  auto a8 = hn::Set(d, 0.9F), a9 = hn::Set(d, 1.1F), a10 = hn::Set(d, 1.2F), a11 = hn::Set(d, 1.3F);
  for (long i = 0; i < iterations; ++i) {
    a0 = hn::MulAdd(a0, factor, term);
    a1 = hn::MulAdd(a1, factor, term);
    a2 = hn::MulAdd(a2, factor, term);
    a3 = hn::MulAdd(a3, factor, term);
    a4 = hn::MulAdd(a4, factor, term);
    a5 = hn::MulAdd(a5, factor, term);
    a6 = hn::MulAdd(a6, factor, term);
    a7 = hn::MulAdd(a7, factor, term);
    a8 = hn::MulAdd(a8, factor, term);
    a9 = hn::MulAdd(a9, factor, term);
    a10 = hn::MulAdd(a10, factor, term);
    a11 = hn::MulAdd(a11, factor, term);
  }
  const auto sum = hn::Add(
      hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)),
      hn::Add(hn::Add(hn::Add(a4, a5), hn::Add(a6, a7)), hn::Add(hn::Add(a8, a9), hn::Add(a10, a11))));
  *sink = hn::GetLane(hn::SumOfLanes(d, sum));
  return 2.0 * 12.0 * static_cast<double>(hn::Lanes(d)) * static_cast<double>(iterations);
}

float read_all_impl(const float* data, std::size_t count) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (std::size_t i = 0; i < count; i += 8 * lanes) {
    s0 = hn::Add(s0, hn::Load(d, data + i));
    s1 = hn::Add(s1, hn::Load(d, data + i + lanes));
    s2 = hn::Add(s2, hn::Load(d, data + i + 2 * lanes));
    s3 = hn::Add(s3, hn::Load(d, data + i + 3 * lanes));
    s4 = hn::Add(s4, hn::Load(d, data + i + 4 * lanes));
    s5 = hn::Add(s5, hn::Load(d, data + i + 5 * lanes));
    s6 = hn::Add(s6, hn::Load(d, data + i + 6 * lanes));
    s7 = hn::Add(s7, hn::Load(d, data + i + 7 * lanes));
  }
  const auto sum =
      hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(hn::Add(s4, s5), hn::Add(s6, s7)));
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

const char* instruction_set_impl() {
  return hwy::TargetName(HWY_TARGET);
}

}  // namespace
}  // namespace opoloop::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opoloop {

HWY_EXPORT(fma_loop_impl);
HWY_EXPORT(read_all_impl);
HWY_EXPORT(instruction_set_impl);

namespace kernels {

double fma_loop(long iterations, float* sink) {
  return HWY_DYNAMIC_DISPATCH(fma_loop_impl)(iterations, sink);
}
float read_all(const float* data, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(read_all_impl)(data, count);
}
const char* speed_instruction_set() {
  return HWY_DYNAMIC_DISPATCH(instruction_set_impl)();
}

}  // namespace kernels
}  // namespace opoloop
#endif  // HWY_ONCE
