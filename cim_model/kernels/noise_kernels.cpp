// Standard normals for tiles of 16 trajectories: Philox in vector registers, Box–Muller after it (Highway,
// run-time dispatch). The words are those of core/random.h bit for bit, the normals to float rounding.

#include "cim_model/kernels/noise_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cim_model/kernels/noise_kernels.cpp"
#define HWY_DISABLED_TARGETS HWY_SSE4
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h:
#include "core/lanes-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace opoloop::HWY_NAMESPACE {
namespace {

using WordTag = hn::RebindToUnsigned<FloatTag>;
using WordVec = hn::Vec<WordTag>;
using WideTag = hn::RepartitionToWide<WordTag>;
using WideVec = hn::Vec<WideTag>;

/// Four counter words of kVecLanes/2 generators, each in the low half of a 64-bit lane; upper halves are
/// garbage that MulEven ignores, which saves the shuffles of a 32-bit layout.
struct PhiloxState {
  WideVec c0, c1, c2, c3;
};

constexpr std::uint32_t kPhiloxM0 = 0xD2511F53U;
constexpr std::uint32_t kPhiloxM1 = 0xCD9E8D57U;
constexpr std::uint32_t kPhiloxW0 = 0x9E3779B9U;
constexpr std::uint32_t kPhiloxW1 = 0xBB67AE85U;

/// Philox4x32 [Salmon 2011], rounds first … kPhiloxRounds−1.
HWY_INLINE PhiloxState philox(PhiloxState s, std::uint32_t key0, std::uint32_t key1, int first = 0) {
  const WordTag dw;
  const WideTag dwide;
  const auto m0 = hn::Set(dw, kPhiloxM0);
  const auto m1 = hn::Set(dw, kPhiloxM1);
  key0 += static_cast<std::uint32_t>(first) * kPhiloxW0;
  key1 += static_cast<std::uint32_t>(first) * kPhiloxW1;
  for (int round = first; round < kPhiloxRounds; ++round) {
    const WideVec p0 = hn::MulEven(hn::BitCast(dw, s.c0), m0);
    const WideVec p1 = hn::MulEven(hn::BitCast(dw, s.c2), m1);
    s = {hn::Xor3(hn::ShiftRight<32>(p1), s.c1, hn::Set(dwide, key0)), p1,
         hn::Xor3(hn::ShiftRight<32>(p0), s.c3, hn::Set(dwide, key1)), p0};
    key0 += kPhiloxW0;
    key1 += kPhiloxW1;
  }
  return s;
}

/// −2 ln u for u in [2⁻³², 1], to float accuracy: exponent and a polynomial of the mantissa on [√½, √2)
/// (Cephes logf).
HWY_INLINE FloatVec minus_two_log(FloatVec u) {
  const FloatTag d;
  const IntTag di;
  const auto bits = hn::BitCast(di, u);
  // Splitting at √½ makes the polynomial's argument small on both sides of 1.
  const auto shifted = hn::Sub(bits, hn::Set(di, 0x3F3504F3));
  const auto exponent = hn::ConvertTo(d, hn::ShiftRight<23>(shifted));
  const auto mantissa =
      hn::BitCast(d, hn::Add(hn::And(shifted, hn::Set(di, 0x007FFFFF)), hn::Set(di, 0x3F3504F3)));
  const auto z = hn::Sub(mantissa, hn::Set(d, 1.0F));
  const auto z2 = hn::Mul(z, z);
  auto y = hn::Set(d, 7.0376836292e-2F);
  y = hn::MulAdd(y, z, hn::Set(d, -1.1514610310e-1F));
  y = hn::MulAdd(y, z, hn::Set(d, 1.1676998740e-1F));
  y = hn::MulAdd(y, z, hn::Set(d, -1.2420140846e-1F));
  y = hn::MulAdd(y, z, hn::Set(d, 1.4249322787e-1F));
  y = hn::MulAdd(y, z, hn::Set(d, -1.6668057665e-1F));
  y = hn::MulAdd(y, z, hn::Set(d, 2.0000714765e-1F));
  y = hn::MulAdd(y, z, hn::Set(d, -2.4999993993e-1F));
  y = hn::MulAdd(y, z, hn::Set(d, 3.3333331174e-1F));
  y = hn::Mul(hn::Mul(y, z), z2);
  y = hn::MulAdd(exponent, hn::Set(d, -2.12194440e-4F), y);
  y = hn::MulAdd(z2, hn::Set(d, -0.5F), y);
  const auto log = hn::MulAdd(exponent, hn::Set(d, 0.693359375F), hn::Add(z, y));
  return hn::Mul(hn::Set(d, -2.0F), hn::Min(log, hn::Zero(d)));
}

/// Box–Muller as core/random.h defines it: quadrant and remainder of the angle are exact integers.
HWY_INLINE void box_muller_vec(WordVec a, WordVec b, FloatVec& first, FloatVec& second) {
  const FloatTag d;
  const IntTag di;
  const WordTag dw;
  const auto u = hn::Mul(hn::Add(hn::ConvertTo(d, hn::BitCast(di, hn::ShiftRight<1>(a))), hn::Set(d, 0.5F)),
                         hn::Set(d, 0x1p-31F));
  const auto radius = hn::Sqrt(minus_two_log(u));
  const auto quadrant = hn::ShiftRight<30>(hn::Add(b, hn::Set(dw, 0x20000000U)));
  const auto remainder = hn::BitCast(di, hn::Sub(b, hn::ShiftLeft<30>(quadrant)));
  const auto r = hn::Mul(hn::ConvertTo(d, remainder), hn::Set(d, 1.4629180793e-9F));  // 2π/2³²: in ±π/4
  const auto r2 = hn::Mul(r, r);
  auto sin = hn::MulAdd(r2, hn::Set(d, -1.9515295891e-4F), hn::Set(d, 8.3321608736e-3F));
  sin = hn::MulAdd(sin, r2, hn::Set(d, -1.6666654611e-1F));
  sin = hn::MulAdd(hn::Mul(sin, r2), r, r);
  auto cos = hn::MulAdd(r2, hn::Set(d, 2.443315711809948e-5F), hn::Set(d, -1.388731625493765e-3F));
  cos = hn::MulAdd(cos, r2, hn::Set(d, 4.166664568298827e-2F));
  cos = hn::MulAdd(hn::Mul(cos, r2), r2, hn::MulAdd(r2, hn::Set(d, -0.5F), hn::Set(d, 1.0F)));
  const auto odd = hn::MaskFromVec(hn::BitCast(d, hn::Sub(hn::Zero(dw), hn::And(quadrant, hn::Set(dw, 1)))));
  const auto sign = hn::Set(dw, 0x80000000U);
  const auto cos_sign = hn::And(hn::ShiftLeft<30>(hn::Add(quadrant, hn::Set(dw, 1))), sign);
  const auto sin_sign = hn::And(hn::ShiftLeft<30>(quadrant), sign);
  first = hn::Mul(radius, hn::Xor(hn::IfThenElse(odd, sin, cos), hn::BitCast(d, cos_sign)));
  second = hn::Mul(radius, hn::Xor(hn::IfThenElse(odd, cos, sin), hn::BitCast(d, sin_sign)));
}

/// Words of generators 0 … kVecLanes−1 from those in even and odd lanes.
HWY_INLINE WordVec join(WideVec even, WideVec odd) {
  const WideTag dwide;
  const auto low = hn::Set(dwide, 0xFFFFFFFFULL);
  return hn::BitCast(WordTag(), hn::Or(hn::And(even, low), hn::ShiftLeft<32>(odd)));
}

/// Four normals each of kVecLanes generators whose words are joined from two states.
HWY_INLINE void normals_of(const PhiloxState& even, const PhiloxState& odd, FloatVec out[4]) {
  box_muller_vec(join(even.c0, odd.c0), join(even.c1, odd.c1), out[0], out[1]);
  box_muller_vec(join(even.c2, odd.c2), join(even.c3, odd.c3), out[2], out[3]);
}

/// The first two rounds of 16 trajectories for all groups of slots at once. Only c2 (the trajectory) differs
/// from lane to lane and only c0 (the group) from group to group, so what depends on the lanes is worked out
/// once and what depends on the group is two scalar products.
struct PhiloxTrajectories {
  WideVec p1;        // M1 · trajectory of round 0, which is c1 of round 1
  WideVec p0;        // M0 · c0 of round 1
  std::uint32_t c3;  // stream and high half of the step
  std::uint32_t key0, key1;

  HWY_INLINE PhiloxTrajectories(WideVec trajectory, std::uint32_t c1, std::uint32_t c3_in,
                                std::uint32_t key0_in, std::uint32_t key1_in)
      : p1(hn::MulEven(hn::BitCast(WordTag(), trajectory), hn::Set(WordTag(), kPhiloxM1))),
        p0(hn::MulEven(
            hn::BitCast(WordTag(), hn::Xor(hn::ShiftRight<32>(p1), hn::Set(WideTag(), c1 ^ key0_in))),
            hn::Set(WordTag(), kPhiloxM0))),
        c3(c3_in),
        key0(key0_in),
        key1(key1_in) {}

  HWY_INLINE PhiloxState words(std::uint32_t group) const {
    const WideTag dwide;
    const std::uint64_t q0 = static_cast<std::uint64_t>(kPhiloxM0) * group;
    const std::uint32_t c2 = static_cast<std::uint32_t>(q0 >> 32) ^ c3 ^ key1;
    const std::uint64_t q1 = static_cast<std::uint64_t>(kPhiloxM1) * c2;
    const std::uint32_t to_c0 = static_cast<std::uint32_t>(q1 >> 32) ^ (key0 + kPhiloxW0);
    const std::uint32_t to_c2 = static_cast<std::uint32_t>(q0) ^ (key1 + kPhiloxW1);
    return philox({hn::Xor(p1, hn::Set(dwide, to_c0)), hn::Set(dwide, q1),
                   hn::Xor(hn::ShiftRight<32>(p0), hn::Set(dwide, to_c2)), p0},
                  key0, key1, 2);
  }
};

void fill_normals_impl(std::uint64_t seed, Stream stream, std::uint32_t first, std::uint64_t step, int slots,
                       float* out) {
  const WideTag dwide;
  const auto key0 = static_cast<std::uint32_t>(seed);
  const auto key1 = static_cast<std::uint32_t>(seed >> 32);
  const auto c1 = static_cast<std::uint32_t>(step);
  const auto c3 = static_cast<std::uint32_t>(stream) | static_cast<std::uint32_t>(step >> 32) << 8;
  for (int v = 0; v < kVecs; ++v) {
    const auto base = hn::Set(dwide, first + static_cast<std::uint32_t>(v * kVecLanes));
    const auto trajectory = hn::Add(base, hn::ShiftLeft<1>(hn::Iota(dwide, 0)));
    const PhiloxTrajectories even(trajectory, c1, c3, key0, key1);
    const PhiloxTrajectories odd(hn::Add(trajectory, hn::Set(dwide, 1)), c1, c3, key0, key1);
    for (int g = 0; 4 * g < slots; ++g) {
      FloatVec normal[4];
      normals_of(even.words(static_cast<std::uint32_t>(g)), odd.words(static_cast<std::uint32_t>(g)), normal);
      for (int q = 0; q < 4 && 4 * g + q < slots; ++q) {
        hn::Store(normal[q], FloatTag(), out + static_cast<std::ptrdiff_t>(4 * g + q) * 16 + v * kVecLanes);
      }
    }
  }
}

void fill_normals_one_impl(std::uint64_t seed, Stream stream, std::uint32_t trajectory, std::uint64_t step,
                           int slots, float* out) {
  const WideTag dwide;
  const auto key0 = static_cast<std::uint32_t>(seed);
  const auto key1 = static_cast<std::uint32_t>(seed >> 32);
  const auto c1 = hn::Set(dwide, static_cast<std::uint32_t>(step));
  const auto c2 = hn::Set(dwide, trajectory);
  const auto c3 =
      hn::Set(dwide, static_cast<std::uint32_t>(stream) | static_cast<std::uint32_t>(step >> 32) << 8);
  // Lanes are consecutive counter indices here, so normal q of lane l belongs to slot 4(g+l)+q.
  for (int g = 0; 4 * g < slots; g += kVecLanes) {
    const auto even =
        hn::Add(hn::Set(dwide, static_cast<std::uint64_t>(g)), hn::ShiftLeft<1>(hn::Iota(dwide, 0)));
    const auto odd = hn::Add(even, hn::Set(dwide, 1));
    FloatVec normal[4];
    normals_of(philox({even, c1, c2, c3}, key0, key1), philox({odd, c1, c2, c3}, key0, key1), normal);
    alignas(64) float buffer[4][kVecLanes];
    for (int q = 0; q < 4; ++q) hn::Store(normal[q], FloatTag(), buffer[q]);
    for (int lane = 0; lane < kVecLanes; ++lane) {
      for (int q = 0; q < 4; ++q) {
        const int slot = 4 * (g + lane) + q;
        if (slot < slots) out[slot] = buffer[q][lane];
      }
    }
  }
}

}  // namespace
}  // namespace opoloop::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opoloop {

HWY_EXPORT(fill_normals_impl);
HWY_EXPORT(fill_normals_one_impl);

namespace kernels {

void fill_normals(std::uint64_t seed, Stream stream, std::uint32_t first_trajectory, std::uint64_t step,
                  int slots, float* out) {
  HWY_DYNAMIC_DISPATCH(fill_normals_impl)(seed, stream, first_trajectory, step, slots, out);
}
void fill_normals_one(std::uint64_t seed, Stream stream, std::uint32_t trajectory, std::uint64_t step,
                      int slots, float* out) {
  HWY_DYNAMIC_DISPATCH(fill_normals_one_impl)(seed, stream, trajectory, step, slots, out);
}

}  // namespace kernels
}  // namespace opoloop
#endif  // HWY_ONCE
