// What the electronics around the pulses do to a row of 16 (Highway, run-time dispatch). The plain version is
// cim_model/electronics.cpp.

#include "cim_model/kernels/electronics_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cim_model/kernels/electronics_kernels.cpp"
#define HWY_DISABLED_TARGETS HWY_SSE4
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h:
#include "core/lanes-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace opoloop::HWY_NAMESPACE {
namespace {

using kernels::FloatConverter;

HWY_INLINE Lanes floor(const Lanes& a) {
  Lanes r;
  for (int k = 0; k < kVecs; ++k) r.v[k] = hn::Floor(a.v[k]);
  return r;
}

/// To the nearest integer, halves to even.
HWY_INLINE Lanes nearest(const Lanes& a) {
  Lanes r;
  for (int k = 0; k < kVecs; ++k) r.v[k] = hn::Round(a.v[k]);
  return r;
}

/// 1 where a and b differ, 0 elsewhere.
HWY_INLINE Lanes differs(const Lanes& a, const Lanes& b) {
  Lanes r;
  const auto one = hn::Set(FloatTag(), 1.0F);
  for (int k = 0; k < kVecs; ++k) r.v[k] = hn::IfThenElseZero(hn::Ne(a.v[k], b.v[k]), one);
  return r;
}

template <class Code>
void convert(const FloatConverter& c, float offset, int rows, float* values, std::int64_t* clipped,
             const Code& code_of) {
  const Lanes lsb = Lanes::all(c.lsb);
  const Lanes per_lsb = Lanes::all(c.per_lsb);
  const Lanes low = Lanes::all(c.low);
  const Lanes high = Lanes::all(c.high);
  const Lanes shift = Lanes::all(offset);
  Lanes count = Lanes::all(0.0F);  // exact to 2^24 rows
  for (int i = 0; i < rows; ++i) {
    float* at = values + static_cast<std::ptrdiff_t>(i) * 16;
    const Lanes code = code_of(Lanes::load(at) * per_lsb);
    const Lanes kept = clamp(code, low, high);
    count = count + differs(code, kept);
    ((kept + shift) * lsb).store(at);
  }
  alignas(64) float counts[16];
  count.store(counts);
  for (int lane = 0; lane < 16; ++lane) clipped[lane] += static_cast<std::int64_t>(counts[lane]);
}

void digitise_impl(const FloatConverter& c, int rows, float* record, std::int64_t* clipped) {
  convert(c, 0.5F, rows, record, clipped, [](const Lanes& v) { return floor(v); });
}

void round_to_codes_impl(const FloatConverter& c, int rows, float* values, std::int64_t* clipped) {
  convert(c, 0.0F, rows, values, clipped, [](const Lanes& v) { return nearest(v); });
}

void noisy_record_impl(const float* x, float gain, const float* noise, float sd, int rows, float* record) {
  const Lanes scale = Lanes::all(sd);
  const Lanes factor = Lanes::all(gain);
  for (std::ptrdiff_t at = 0; at < static_cast<std::ptrdiff_t>(rows) * 16; at += 16) {
    Lanes value = factor * Lanes::load(x + at);
    if (noise != nullptr) value = mul_add(scale, Lanes::load(noise + at), value);
    value.store(record + at);
  }
}

void rotate_impl(const float* arriving, float cosine, float sine, int rows, float* in_phase,
                 float* quadrature) {
  const Lanes c = Lanes::all(cosine);
  const Lanes s = Lanes::all(sine);
  for (std::ptrdiff_t at = 0; at < static_cast<std::ptrdiff_t>(rows) * 16; at += 16) {
    const Lanes value = Lanes::load(arriving + at);
    (c * value).store(in_phase + at);
    if (quadrature != nullptr) (s * value).store(quadrature + at);
  }
}

void pump_rows_impl(float scheduled, const float* common, const float* gain, const float* noise, float sd,
                    int rows, float* pump) {
  const Lanes p = Lanes::all(scheduled);
  const Lanes scale = Lanes::all(sd);
  const Lanes base = Lanes::load(common);
  for (std::ptrdiff_t at = 0; at < static_cast<std::ptrdiff_t>(rows) * 16; at += 16) {
    Lanes relative = base;
    if (gain != nullptr) relative = relative + Lanes::load(gain + at);
    if (noise != nullptr) relative = mul_add(scale, Lanes::load(noise + at), relative);
    (p * relative).store(pump + at);
  }
}

}  // namespace
}  // namespace opoloop::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opoloop {

HWY_EXPORT(digitise_impl);
HWY_EXPORT(round_to_codes_impl);
HWY_EXPORT(noisy_record_impl);
HWY_EXPORT(rotate_impl);
HWY_EXPORT(pump_rows_impl);

namespace kernels {

void digitise(const FloatConverter& adc, int rows, float* record, std::int64_t* clipped) {
  HWY_DYNAMIC_DISPATCH(digitise_impl)(adc, rows, record, clipped);
}
void round_to_codes(const FloatConverter& converter, int rows, float* values, std::int64_t* clipped) {
  HWY_DYNAMIC_DISPATCH(round_to_codes_impl)(converter, rows, values, clipped);
}
void noisy_record(const float* x, float gain, const float* noise, float sd, int rows, float* record) {
  HWY_DYNAMIC_DISPATCH(noisy_record_impl)(x, gain, noise, sd, rows, record);
}
void rotate(const float* arriving, float cosine, float sine, int rows, float* in_phase, float* quadrature) {
  HWY_DYNAMIC_DISPATCH(rotate_impl)(arriving, cosine, sine, rows, in_phase, quadrature);
}
void pump_rows(float scheduled, const float* common, const float* gain, const float* noise, float sd,
               int rows, float* pump) {
  HWY_DYNAMIC_DISPATCH(pump_rows_impl)(scheduled, common, gain, noise, sd, rows, pump);
}

}  // namespace kernels
}  // namespace opoloop
#endif  // HWY_ONCE
