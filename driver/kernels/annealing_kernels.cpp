// Metropolis sweeps, once per instruction set (Highway, run-time dispatch).
//
// Why this shape. At the temperatures that matter nine proposals in ten are refused, so the time goes into
// finding the few spins that flip and into random numbers, not into flips. All random numbers of a sweep are
// drawn first, as thresholds on s_i f_i, in vector registers. Then whole vectors of spins are compared with
// their thresholds at once and the first spin that accepts flips; its column updates the fields, and the
// spins after it in the same vector are compared again. The outcome is that of proposing the spins one by one
// in order, so it does not depend on the vector length.

#include "driver/kernels/annealing_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "driver/kernels/annealing_kernels.cpp"
#define HWY_DISABLED_TARGETS HWY_SSE4
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h:
#include "hwy/highway.h"

#include <cstddef>
#include <cstdint>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace opoloop::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using F = hn::CappedTag<float, 16>;
using U = hn::RebindToUnsigned<F>;
using I = hn::RebindToSigned<F>;
using S = hn::Rebind<std::int16_t, F>;  // as many int16 as floats in a register
using S16 = hn::CappedTag<std::int16_t, 16>;
constexpr std::size_t kLanes = hn::MaxLanes(F());
constexpr std::size_t kParts = 16 / kLanes;

// One spin in sixteen sits a sweep out, whatever its energy. Metropolis' rule accepts ΔE ≤ 0 with certainty,
// and in a fixed order of spins that makes moves deterministic: a domain wall of a chain runs to its end in
// one sweep, and not every state can be reached. With idle spins every state can. These four bits are not
// among the 24 that make u.
constexpr std::uint32_t kIdleBits = 0xF0;

HWY_INLINE hn::Vec<U> rotate_left_11(hn::Vec<U> x) {
  return hn::Or(hn::ShiftLeft<11>(x), hn::ShiftRight<21>(x));
}

/// −ln u for u = (word >> 8 + ½) 2⁻²⁴: exponent and mantissa apart, log2(1+t) = t + t(1−t) q(t) on [0, 1]
/// with an error of 2.2e−6 (Lawson fit), exact at both ends.
HWY_INLINE hn::Vec<F> minus_ln(hn::Vec<U> word) {
  const F f;
  const I i;
  const auto u = hn::Add(hn::ConvertTo(f, hn::BitCast(i, hn::ShiftRight<8>(word))), hn::Set(f, 0.5F));
  const auto bits = hn::BitCast(i, u);
  const auto exponent = hn::ConvertTo(f, hn::Sub(hn::ShiftRight<23>(bits), hn::Set(i, 127 + 24)));
  const auto mantissa = hn::BitCast(f, hn::Or(hn::And(bits, hn::Set(i, 0x007FFFFF)), hn::Set(i, 0x3F800000)));
  const auto t = hn::Sub(mantissa, hn::Set(f, 1.0F));
  auto q = hn::Set(f, 0.025840202F);
  q = hn::MulAdd(q, t, hn::Set(f, -0.095953911F));
  q = hn::MulAdd(q, t, hn::Set(f, 0.181947124F));
  q = hn::MulAdd(q, t, hn::Set(f, -0.275599845F));
  q = hn::MulAdd(q, t, hn::Set(f, 0.442544906F));
  const auto log2_mantissa = hn::MulAdd(hn::NegMulAdd(t, t, t), q, t);
  return hn::Mul(hn::Add(exponent, log2_mantissa), hn::Set(f, -0.693147181F));
}

/// Calls store(index, values) for every vector of thresholds; stride is a multiple of 16.
template <class Store>
HWY_INLINE void draw(float half_temperature, int stride, kernels::AnnealingRandom& random,
                     const Store& store) {
  const U u;
  const auto scale = hn::Set(F(), half_temperature);
  const auto never = hn::Set(F(), -std::numeric_limits<float>::max());
  hn::Vec<U> s0[kParts], s1[kParts], s2[kParts], s3[kParts];
  for (std::size_t p = 0; p < kParts; ++p) {
    s0[p] = hn::Load(u, random.state[0] + p * kLanes);
    s1[p] = hn::Load(u, random.state[1] + p * kLanes);
    s2[p] = hn::Load(u, random.state[2] + p * kLanes);
    s3[p] = hn::Load(u, random.state[3] + p * kLanes);
  }
  for (int base = 0; base < stride; base += 16) {
    for (std::size_t p = 0; p < kParts; ++p) {
      const auto word = hn::Add(s0[p], s3[p]);
      const auto t = hn::ShiftLeft<9>(s1[p]);
      s2[p] = hn::Xor(s2[p], s0[p]);
      s3[p] = hn::Xor(s3[p], s1[p]);
      s1[p] = hn::Xor(s1[p], s2[p]);
      s0[p] = hn::Xor(s0[p], s3[p]);
      s2[p] = hn::Xor(s2[p], t);
      s3[p] = rotate_left_11(s3[p]);
      const auto idle = hn::RebindMask(F(), hn::Eq(hn::And(word, hn::Set(u, kIdleBits)), hn::Zero(u)));
      const auto threshold = hn::Mul(minus_ln(word), scale);
      store(static_cast<std::size_t>(base) + p * kLanes, hn::IfThenElse(idle, never, threshold));
    }
  }
  for (std::size_t p = 0; p < kParts; ++p) {
    hn::Store(s0[p], u, random.state[0] + p * kLanes);
    hn::Store(s1[p], u, random.state[1] + p * kLanes);
    hn::Store(s2[p], u, random.state[2] + p * kLanes);
    hn::Store(s3[p], u, random.state[3] + p * kLanes);
  }
}

void draw_int16_impl(float half_temperature, int stride, kernels::AnnealingRandom& random,
                     std::int16_t* HWY_RESTRICT thresholds) {
  // Entries beyond n hold a field of 32767: no threshold may reach it.
  const auto most = hn::Set(F(), 32766.0F);
  const auto least = hn::Set(F(), -32768.0F);
  draw(half_temperature, stride, random, [&](std::size_t at, hn::Vec<F> values) HWY_ATTR {
    const auto bounded = hn::Max(hn::Min(values, most), least);
    hn::Store(hn::DemoteTo(S(), hn::ConvertTo(I(), bounded)), S(), thresholds + at);
  });
}

void draw_float_impl(float half_temperature, int stride, kernels::AnnealingRandom& random,
                     float* HWY_RESTRICT thresholds) {
  draw(half_temperature, stride, random,
       [&](std::size_t at, hn::Vec<F> values) HWY_ATTR { hn::Store(values, F(), thresholds + at); });
}

/// Bit l set where spins[l]·fields[l] ≤ thresholds[l].
template <class D, class T>
HWY_INLINE std::uint32_t accepted(D d, const T* spins, const T* fields, const T* thresholds) {
  const auto product = hn::Mul(hn::Load(d, spins), hn::Load(d, fields));
  std::uint8_t bytes[8] = {};
  hn::StoreMaskBits(d, hn::Gt(product, hn::Load(d, thresholds)), bytes);  // refused
  constexpr std::uint32_t all = (1U << hn::MaxLanes(D())) - 1;
  return ~(static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8) & all;
}

HWY_INLINE void add_column(const std::int8_t* HWY_RESTRICT row, int stride, std::int16_t twice,
                           std::int16_t* HWY_RESTRICT fields) {
  const S16 d;
  const hn::Rebind<std::int8_t, S16> d8;
  const auto factor = hn::Set(d, twice);
  for (std::size_t j = 0; j < static_cast<std::size_t>(stride); j += hn::MaxLanes(S16())) {
    const auto J = hn::PromoteTo(d, hn::Load(d8, row + j));
    hn::Store(hn::Sub(hn::Load(d, fields + j), hn::Mul(J, factor)), d, fields + j);
  }
}

HWY_INLINE void add_column(const float* HWY_RESTRICT row, int stride, float twice,
                           float* HWY_RESTRICT fields) {
  const F d;
  const auto factor = hn::Set(d, twice);
  for (std::size_t j = 0; j < static_cast<std::size_t>(stride); j += hn::MaxLanes(F())) {
    hn::Store(hn::NegMulAdd(hn::Load(d, row + j), factor, hn::Load(d, fields + j)), d, fields + j);
  }
}

template <class D, class View, class T>
HWY_INLINE int sweep_with(D d, const View& J, const T* HWY_RESTRICT thresholds, T* HWY_RESTRICT spins,
                          T* HWY_RESTRICT fields, double& energy) {
  constexpr auto lanes = static_cast<int>(hn::MaxLanes(D()));
  int flips = 0;
  double change = 0;
  for (int base = 0; base < J.n; base += lanes) {
    std::uint32_t ahead = ~0U;  // spins of this vector that have not had their turn
    for (;;) {
      const std::uint32_t bits = accepted(d, spins + base, fields + base, thresholds + base) & ahead;
      if (bits == 0) break;
      const int lane = __builtin_ctz(bits);
      const int i = base + lane;
      const T s = spins[i];
      const auto twice = static_cast<T>(2 * s);
      change += static_cast<double>(twice) * static_cast<double>(fields[i]);
      spins[i] = static_cast<T>(-s);
      ++flips;
      if (J.dense != nullptr) {
        add_column(J.dense + static_cast<std::ptrdiff_t>(i) * J.stride, J.stride, twice, fields);
      } else {
        for (std::int64_t e = J.row_start[i]; e < J.row_start[i + 1]; ++e) {
          T& field = fields[J.column[e]];
          field = static_cast<T>(field - twice * J.value[e]);
        }
      }
      ahead = ~0U << lane << 1;
    }
  }
  energy += change;
  return flips;
}

int sweep_int16_impl(const kernels::AnnealingView<std::int16_t>& J, const std::int16_t* thresholds,
                     std::int16_t* spins, std::int16_t* fields, double& energy) {
  return sweep_with(S16(), J, thresholds, spins, fields, energy);
}

int sweep_float_impl(const kernels::AnnealingView<float>& J, const float* thresholds, float* spins,
                     float* fields, double& energy) {
  return sweep_with(F(), J, thresholds, spins, fields, energy);
}

}  // namespace
}  // namespace opoloop::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opoloop {

HWY_EXPORT(draw_int16_impl);
HWY_EXPORT(draw_float_impl);
HWY_EXPORT(sweep_int16_impl);
HWY_EXPORT(sweep_float_impl);

namespace kernels {

void draw_thresholds(float half_temperature, int stride, AnnealingRandom& random, std::int16_t* thresholds) {
  HWY_DYNAMIC_DISPATCH(draw_int16_impl)(half_temperature, stride, random, thresholds);
}
void draw_thresholds(float half_temperature, int stride, AnnealingRandom& random, float* thresholds) {
  HWY_DYNAMIC_DISPATCH(draw_float_impl)(half_temperature, stride, random, thresholds);
}
int sweep(const AnnealingView<std::int16_t>& J, const std::int16_t* thresholds, std::int16_t* spins,
          std::int16_t* fields, double& energy) {
  return HWY_DYNAMIC_DISPATCH(sweep_int16_impl)(J, thresholds, spins, fields, energy);
}
int sweep(const AnnealingView<float>& J, const float* thresholds, float* spins, float* fields,
          double& energy) {
  return HWY_DYNAMIC_DISPATCH(sweep_float_impl)(J, thresholds, spins, fields, energy);
}

}  // namespace kernels
}  // namespace opoloop
#endif  // HWY_ONCE
