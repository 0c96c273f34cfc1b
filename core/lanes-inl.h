// Sixteen trajectories side by side: the vector type all kernels are written in.
//
// Included once per instruction set by Highway's foreach_target.h, hence the unusual guard. A `Lanes` is one
// row of a tile (hamiltonian/coupling.h): 16 floats held in 1, 2 or 4 registers, whatever the machine has.
// Every operation acts on each lane alone, so a trajectory's numbers do not depend on its neighbours.

#if defined(OPOLOOP_CORE_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPOLOOP_CORE_LANES_INL_H_
#undef OPOLOOP_CORE_LANES_INL_H_
#else
#define OPOLOOP_CORE_LANES_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace opoloop {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::CappedTag<float, 16>;
using IntTag = hn::RebindToSigned<FloatTag>;
using FloatVec = hn::Vec<FloatTag>;
using IntVec = hn::Vec<IntTag>;

inline constexpr int kRowLanes = 16;
inline constexpr int kVecLanes = static_cast<int>(hn::MaxLanes(FloatTag()));
inline constexpr int kVecs = kRowLanes / kVecLanes;

struct Lanes {
  FloatVec v[kVecs];

  static HWY_INLINE Lanes load(const float* p) {
    Lanes r;
    for (int k = 0; k < kVecs; ++k) r.v[k] = hn::Load(FloatTag(), p + k * kVecLanes);
    return r;
  }
  static HWY_INLINE Lanes all(float value) {
    Lanes r;
    for (int k = 0; k < kVecs; ++k) r.v[k] = hn::Set(FloatTag(), value);
    return r;
  }
  HWY_INLINE void store(float* p) const {
    for (int k = 0; k < kVecs; ++k) hn::Store(v[k], FloatTag(), p + k * kVecLanes);
  }
};

// One-line wrappers: name(a, b) applies Op to every register of the row.
#define OPOLOOP_LANES_BINARY(NAME, OP)                           \
  HWY_INLINE Lanes NAME(const Lanes& a, const Lanes& b) {        \
    Lanes r;                                                     \
    for (int k = 0; k < kVecs; ++k) r.v[k] = OP(a.v[k], b.v[k]); \
    return r;                                                    \
  }
OPOLOOP_LANES_BINARY(operator+, hn::Add)
OPOLOOP_LANES_BINARY(operator-, hn::Sub)
OPOLOOP_LANES_BINARY(operator*, hn::Mul)
OPOLOOP_LANES_BINARY(operator/, hn::Div)
OPOLOOP_LANES_BINARY(min, hn::Min)
OPOLOOP_LANES_BINARY(max, hn::Max)
#undef OPOLOOP_LANES_BINARY

/// a·b + c with one rounding where the machine has it.
HWY_INLINE Lanes mul_add(const Lanes& a, const Lanes& b, const Lanes& c) {
  Lanes r;
  for (int k = 0; k < kVecs; ++k) r.v[k] = hn::MulAdd(a.v[k], b.v[k], c.v[k]);
  return r;
}
HWY_INLINE Lanes operator-(const Lanes& a) {
  Lanes r;
  for (int k = 0; k < kVecs; ++k) r.v[k] = hn::Neg(a.v[k]);
  return r;
}
HWY_INLINE Lanes sqrt(const Lanes& a) {
  Lanes r;
  for (int k = 0; k < kVecs; ++k) r.v[k] = hn::Sqrt(a.v[k]);
  return r;
}
HWY_INLINE Lanes abs(const Lanes& a) {
  Lanes r;
  for (int k = 0; k < kVecs; ++k) r.v[k] = hn::Abs(a.v[k]);
  return r;
}
HWY_INLINE Lanes clamp(const Lanes& a, const Lanes& low, const Lanes& high) {
  return min(max(a, low), high);
}
/// ±1 with the sign bit of a: the spin of an amplitude.
HWY_INLINE Lanes spin_of(const Lanes& a) {
  Lanes r;
  const auto one = hn::Set(FloatTag(), 1.0F);
  for (int k = 0; k < kVecs; ++k) r.v[k] = hn::CopySign(one, a.v[k]);
  return r;
}
/// Bit l is set where lane l has its sign bit set.
HWY_INLINE std::uint32_t negative_bits(const Lanes& a) {
  std::uint32_t bits = 0;
  for (int k = 0; k < kVecs; ++k) {
    std::uint8_t bytes[8] = {};
    hn::StoreMaskBits(
        FloatTag(),
        hn::MaskFromVec(hn::BitCast(FloatTag(), hn::BroadcastSignBit(hn::BitCast(IntTag(), a.v[k])))), bytes);
    bits |= (static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8)
            << (k * kVecLanes);
  }
  return bits;
}

}  // namespace HWY_NAMESPACE
}  // namespace opoloop
HWY_AFTER_NAMESPACE();

#endif  // OPOLOOP_CORE_LANES_INL_H_
