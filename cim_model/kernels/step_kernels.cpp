// One round trip after the product, for tiles of 16 trajectories (Highway, run-time dispatch).
//
// A law is a struct with inject() and, after it, update(); a model is a struct with advance(). Both see one
// row at a time: 16 trajectories of one pulse (or 16 pulses of one trajectory; the arithmetic is the same).
// Any model runs with any law, so advance_tile picks one of models × laws loops, each with the law's and the
// model's few operations inlined into one pass over the state. The equations stand beside the plain versions
// in cim_model/laws and cim_model/models, in double; tests/cim_model/engine_test.cpp holds the two together.

#include "cim_model/kernels/step_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cim_model/kernels/step_kernels.cpp"
#define HWY_DISABLED_TARGETS HWY_SSE4
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h:
#include "core/lanes-inl.h"
#include "hwy/highway.h"

#include <cmath>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace opoloop::HWY_NAMESPACE {
namespace {

using kernels::RoundConstants;
using kernels::TileArrays;

/// tanh by the rational approximation of Eigen (MathFunctionsImpl.h): within 1e−6 everywhere, ±1 beyond ±7.9.
/// An exponential would cost more than the rest of the law.
HWY_INLINE Lanes tanh(const Lanes& a) {
  const Lanes edge = Lanes::all(7.90531110763549805F);
  const Lanes x = clamp(a, -edge, edge);
  const Lanes x2 = x * x;
  Lanes p = mul_add(x2, Lanes::all(-2.76076847742355e-16F), Lanes::all(2.00018790482477e-13F));
  p = mul_add(x2, p, Lanes::all(-8.60467152213735e-11F));
  p = mul_add(x2, p, Lanes::all(5.12229709037114e-08F));
  p = mul_add(x2, p, Lanes::all(1.48572235717979e-05F));
  p = mul_add(x2, p, Lanes::all(6.37261928875436e-04F));
  p = mul_add(x2, p, Lanes::all(4.89352455891786e-03F));
  Lanes q = mul_add(x2, Lanes::all(1.19825839466702e-06F), Lanes::all(1.18534705686654e-04F));
  q = mul_add(x2, q, Lanes::all(2.26843463243900e-03F));
  q = mul_add(x2, q, Lanes::all(4.89352518554385e-03F));
  return x * p / q;
}

// ---- Feedback laws --------------------------------------------------------------------------------------

/// One row as a law sees it: drive = strength · (J x̃ + h-term).
struct LawRow {
  Lanes drive;
  Lanes measured;
  Lanes error;
};

struct LinearLaw {
  static constexpr bool kHasError = false;
  explicit LinearLaw(const RoundConstants&, const TileArrays&) {}
  HWY_INLINE Lanes inject(const LawRow& row) const { return row.drive; }
  HWY_INLINE Lanes update(const LawRow& row, const Lanes&, const Lanes&) const { return row.error; }
};

struct ClippedLaw {
  static constexpr bool kHasError = false;
  Lanes limit;
  explicit ClippedLaw(const RoundConstants& c, const TileArrays&) : limit(Lanes::all(c.limit)) {}
  HWY_INLINE Lanes inject(const LawRow& row) const { return clamp(row.drive, -limit, limit); }
  HWY_INLINE Lanes update(const LawRow& row, const Lanes&, const Lanes&) const { return row.error; }
};

struct TanhLaw {
  static constexpr bool kHasError = false;
  Lanes limit;
  explicit TanhLaw(const RoundConstants& c, const TileArrays&) : limit(Lanes::all(c.limit)) {}
  HWY_INLINE Lanes inject(const LawRow& row) const { return limit * tanh(row.drive / limit); }
  HWY_INLINE Lanes update(const LawRow& row, const Lanes&, const Lanes&) const { return row.error; }
};

/// e ← clamp(e − rate · e · (y² − target)), once an error step: y = x̃ for CAC, y = z for CFC.
struct ErrorStep {
  Lanes low, high;
  int steps;
  explicit ErrorStep(const RoundConstants& c)
      : low(Lanes::all(c.error_min)), high(Lanes::all(c.error_max)), steps(c.error_steps) {}
  HWY_INLINE Lanes operator()(Lanes e, const Lanes& y, const Lanes& target, const Lanes& rate) const {
    const Lanes excess = rate * (y * y - target);
    for (int s = 0; s < steps; ++s) e = clamp(e - e * excess, low, high);
    return e;
  }
};

struct CacLaw {
  static constexpr bool kHasError = true;
  Lanes alpha, rate;
  ErrorStep step;
  explicit CacLaw(const RoundConstants& c, const TileArrays&)
      : alpha(Lanes::all(c.alpha)), rate(Lanes::all(c.error_rate)), step(c) {}
  HWY_INLINE Lanes inject(const LawRow& row) const { return row.error * row.drive; }
  HWY_INLINE Lanes update(const LawRow& row, const Lanes&, const Lanes& seen) const {
    return step(row.error, seen, alpha, rate);
  }
};

struct CfcLaw {
  static constexpr bool kHasError = true;
  Lanes alpha, rate;
  ErrorStep step;
  explicit CfcLaw(const RoundConstants& c, const TileArrays&)
      : alpha(Lanes::all(c.alpha)), rate(Lanes::all(c.error_rate)), step(c) {}
  HWY_INLINE Lanes inject(const LawRow& row) const { return row.error * row.drive; }
  HWY_INLINE Lanes update(const LawRow& row, const Lanes& injection, const Lanes&) const {
    return step(row.error, injection, alpha, rate);
  }
};

struct SfcLaw {
  static constexpr bool kHasError = true;
  Lanes c, k, rate, low, high;
  int steps;
  explicit SfcLaw(const RoundConstants& r, const TileArrays&)
      : c(Lanes::all(r.c)),
        k(Lanes::all(r.k)),
        rate(Lanes::all(r.error_rate)),
        low(Lanes::all(r.error_min)),
        high(Lanes::all(r.error_max)),
        steps(r.error_steps) {}
  HWY_INLINE Lanes inject(const LawRow& row) const {
    const Lanes z = -row.drive;
    return -tanh(c * z) - k * (z - row.error);
  }
  HWY_INLINE Lanes update(const LawRow& row, const Lanes&, const Lanes&) const {
    Lanes e = row.error;
    for (int s = 0; s < steps; ++s) e = clamp(e - rate * (e + row.drive), low, high);
    return e;
  }
};

struct CacBestLaw {
  static constexpr bool kHasError = true;
  Lanes target, rate;
  ErrorStep step;
  explicit CacBestLaw(const RoundConstants& c, const TileArrays& arrays)
      : target(Lanes::load(arrays.target)), rate(Lanes::load(arrays.rate)), step(c) {}
  HWY_INLINE Lanes inject(const LawRow& row) const { return row.error * row.drive; }
  HWY_INLINE Lanes update(const LawRow& row, const Lanes&, const Lanes& seen) const {
    return step(row.error, seen, target, rate);
  }
};

// ---- Pulse models ---------------------------------------------------------------------------------------

/// (a) dx/dt = (p−1) x − μ x³ + inj.
struct MeanFieldEuler {
  static constexpr int kNoiseKinds = 0;
  Lanes gain, mu, dt;
  int substeps;
  explicit MeanFieldEuler(const RoundConstants& c)
      : gain(Lanes::all(c.p - 1.0F)),
        mu(Lanes::all(c.saturation)),
        dt(Lanes::all(c.dt)),
        substeps(c.substeps) {}
  HWY_INLINE Lanes drift(const Lanes& x, const Lanes& injection) const {
    return mul_add(x, gain - mu * (x * x), injection);
  }
  HWY_INLINE void advance(Lanes& x, Lanes&, const Lanes& injection, const float*, std::ptrdiff_t) const {
    for (int s = 0; s < substeps; ++s) x = mul_add(dt, drift(x, injection), x);
  }
};

/// The same by the classical Runge–Kutta rule of fourth order.
struct MeanFieldRungeKutta4 : MeanFieldEuler {
  Lanes half, sixth;
  explicit MeanFieldRungeKutta4(const RoundConstants& c)
      : MeanFieldEuler(c), half(Lanes::all(c.dt / 2)), sixth(Lanes::all(c.dt / 6)) {}
  HWY_INLINE void advance(Lanes& x, Lanes&, const Lanes& injection, const float*, std::ptrdiff_t) const {
    for (int s = 0; s < substeps; ++s) {
      const Lanes k1 = drift(x, injection);
      const Lanes k2 = drift(mul_add(half, k1, x), injection);
      const Lanes k3 = drift(mul_add(half, k2, x), injection);
      const Lanes k4 = drift(mul_add(dt, k3, x), injection);
      x = mul_add(sixth, k1 + k4 + (k2 + k2) + (k3 + k3), x);
    }
  }
};

/// (b) dc = [(−1+p−c²−s²) c + inj] dt + g √(c²+s²+½) dW₁,  ds = (−1−p−c²−s²) s dt + g √(c²+s²+½) dW₂  (Itô).
struct TruncatedWigner {
  static constexpr int kNoiseKinds = 2;
  Lanes in_phase_gain, quadrature_gain, half, g_sqrt_dt, dt;
  int substeps;
  explicit TruncatedWigner(const RoundConstants& c)
      : in_phase_gain(Lanes::all(c.p - 1.0F)),
        quadrature_gain(Lanes::all(-1.0F - c.p)),
        half(Lanes::all(0.5F)),
        g_sqrt_dt(Lanes::all(c.g * c.sqrt_dt)),
        dt(Lanes::all(c.dt)),
        substeps(c.substeps) {}
  HWY_INLINE void advance(Lanes& c, Lanes& s, const Lanes& injection, const float* noise,
                          std::ptrdiff_t noise_stride) const {
    for (int step = 0; step < substeps; ++step, noise += noise_stride) {
      const Lanes photons = mul_add(c, c, s * s);
      const Lanes kick = g_sqrt_dt * sqrt(photons + half);
      const Lanes dc = mul_add(in_phase_gain - photons, c, injection);
      const Lanes ds = (quadrature_gain - photons) * s;
      c = mul_add(kick, Lanes::load(noise), mul_add(dt, dc, c));
      s = mul_add(kick, Lanes::load(noise + 16), mul_add(dt, ds, s));
    }
  }
};

/// (d) in x = gμ: dx = [−(1−p+j) x − x³ + inj] dt + g √(ηj) (V−½) dW,
///     dV/dt = −2(1−p+j) V − 6x²V + 1 + j + 2x² − 2ηj (V−½)².
struct GaussianMoments {
  static constexpr int kNoiseKinds = 1;
  Lanes loss, one_plus_j, half, two, six, back_action, condition, dt;
  int substeps;
  explicit GaussianMoments(const RoundConstants& c)
      : loss(Lanes::all(1.0F - c.p + c.loss)),
        one_plus_j(Lanes::all(1.0F + c.loss)),
        half(Lanes::all(0.5F)),
        two(Lanes::all(2.0F)),
        six(Lanes::all(6.0F)),
        back_action(Lanes::all(c.back_action * c.sqrt_dt)),
        condition(Lanes::all(c.condition)),
        dt(Lanes::all(c.dt)),
        substeps(c.substeps) {}
  HWY_INLINE void advance(Lanes& x, Lanes& variance, const Lanes& injection, const float* noise,
                          std::ptrdiff_t noise_stride) const {
    for (int step = 0; step < substeps; ++step, noise += noise_stride) {
      const Lanes x2 = x * x;
      const Lanes squeezing = variance - half;
      const Lanes dx = injection - (loss + x2) * x;
      const Lanes dv =
          one_plus_j + two * x2 - variance * (two * loss + six * x2) - condition * (squeezing * squeezing);
      x = mul_add(back_action * squeezing, Lanes::load(noise), mul_add(dt, dx, x));
      variance = mul_add(dt, dv, variance);
    }
  }
};

// ---- The pass -------------------------------------------------------------------------------------------

template <class Model, class Law>
std::uint32_t pass(const RoundConstants& constants, const TileArrays& a, int rows) {
  const Model model(constants);
  const Law law(constants, a);
  const Lanes strength = Lanes::all(constants.strength);
  const Lanes bound = Lanes::all(constants.clamp);
  const Lanes h_scale = a.h != nullptr ? Lanes::load(a.h_scale) : Lanes::all(0.0F);
  const std::ptrdiff_t noise_stride = static_cast<std::ptrdiff_t>(rows) * Model::kNoiseKinds * 16;
  Lanes finite = Lanes::all(0.0F);  // stays 0 in a lane until something there is not finite
  const Lanes zero = Lanes::all(0.0F);
  for (int i = 0; i < rows; ++i) {
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(i) * 16;
    Lanes x = Lanes::load(a.x + at);
    Lanes second = Model::kNoiseKinds > 0 ? Lanes::load(a.second + at) : zero;
    LawRow row{Lanes::load(a.field + at), Lanes::load(a.measured + at), zero};
    if (a.h != nullptr) row.drive = mul_add(Lanes::load(a.h + at), h_scale, row.drive);
    row.drive = strength * row.drive;
    if constexpr (Law::kHasError) row.error = Lanes::load(a.error + at);

    const Lanes injection = law.inject(row);
    const float* noise = Model::kNoiseKinds > 0 ? a.noise + at * Model::kNoiseKinds : nullptr;
    model.advance(x, second, injection, noise, noise_stride);
    // max/min would turn a NaN into a bound: note it first.
    finite = mul_add(x, zero, finite);
    x = clamp(x, -bound, bound);

    x.store(a.x + at);
    if constexpr (Model::kNoiseKinds > 0) second.store(a.second + at);
    if constexpr (Law::kHasError) {
      const Lanes error = law.update(row, injection, constants.error_after ? x : row.measured);
      finite = mul_add(error, zero, finite);
      error.store(a.error + at);
    }
  }
  alignas(64) float check[16];
  finite.store(check);
  std::uint32_t bad = 0;
  for (int lane = 0; lane < 16; ++lane) bad |= static_cast<std::uint32_t>(check[lane] != 0.0F) << lane;
  return bad;
}

template <class Model>
std::uint32_t pass_with_law(const RoundConstants& c, const TileArrays& a, int rows) {
  switch (c.law) {
    case LawKind::linear:
      return pass<Model, LinearLaw>(c, a, rows);
    case LawKind::clipped:
      return pass<Model, ClippedLaw>(c, a, rows);
    case LawKind::tanh:
      return pass<Model, TanhLaw>(c, a, rows);
    case LawKind::cac:
      return pass<Model, CacLaw>(c, a, rows);
    case LawKind::cfc:
      return pass<Model, CfcLaw>(c, a, rows);
    case LawKind::sfc:
      return pass<Model, SfcLaw>(c, a, rows);
    case LawKind::cac_best:
    case LawKind::ahc:  // the same step, its target and rate worked out by the engine
      return pass<Model, CacBestLaw>(c, a, rows);
  }
  return 0;
}

std::uint32_t advance_tile_impl(const RoundConstants& c, const TileArrays& a, int rows) {
  switch (c.model) {
    case ModelKind::mean_field:
      return c.stepper == Stepper::euler ? pass_with_law<MeanFieldEuler>(c, a, rows)
                                         : pass_with_law<MeanFieldRungeKutta4>(c, a, rows);
    case ModelKind::truncated_wigner:
      return pass_with_law<TruncatedWigner>(c, a, rows);
    case ModelKind::gaussian:
      return pass_with_law<GaussianMoments>(c, a, rows);
    default:  // engine_runs() says no
      break;
  }
  return 0;
}

// ---- Noise ----------------------------------------------------------------------------------------------

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

// ---- Small passes ---------------------------------------------------------------------------------------

void add_record_noise_impl(const float* x, const float* noise, float scale, float* measured,
                           std::int64_t count) {
  const Lanes s = Lanes::all(scale);
  for (std::int64_t i = 0; i < count; i += 16) {
    mul_add(s, Lanes::load(noise + i), Lanes::load(x + i)).store(measured + i);
  }
}

void update_best_signs_impl(const float* x, int rows, std::uint32_t lanes, std::uint16_t* best) {
  for (int i = 0; i < rows; ++i) {
    const std::uint32_t now = negative_bits(Lanes::load(x + static_cast<std::ptrdiff_t>(i) * 16));
    best[i] = static_cast<std::uint16_t>((best[i] & ~lanes) | (now & lanes));
  }
}

void subtract_field_energy_impl(const double* h, const float* x, int n, double* energy) {
  const hn::CappedTag<double, 8> dd;
  const hn::Rebind<float, decltype(dd)> df;
  constexpr int width = static_cast<int>(hn::MaxLanes(hn::CappedTag<double, 8>()));
  for (int lane = 0; lane < 16; lane += width) {
    auto sum = hn::Zero(dd);
    for (int i = 0; i < n; ++i) {
      const auto spin =
          hn::CopySign(hn::Set(df, 1.0F), hn::Load(df, x + static_cast<std::ptrdiff_t>(i) * 16 + lane));
      sum = hn::Add(sum, hn::Mul(hn::Set(dd, h[i]), hn::PromoteTo(dd, spin)));
    }
    hn::StoreU(hn::Sub(hn::LoadU(dd, energy + lane), sum), dd, energy + lane);
  }
}

void mean_amplitude_impl(const float* x, int n, float* scale) {
  Lanes sum = Lanes::all(0.0F);
  for (int i = 0; i < n; ++i) sum = sum + abs(Lanes::load(x + static_cast<std::ptrdiff_t>(i) * 16));
  (sum * Lanes::all(1.0F / static_cast<float>(n))).store(scale);
}

}  // namespace
}  // namespace opoloop::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opoloop {

HWY_EXPORT(advance_tile_impl);
HWY_EXPORT(fill_normals_impl);
HWY_EXPORT(fill_normals_one_impl);
HWY_EXPORT(add_record_noise_impl);
HWY_EXPORT(update_best_signs_impl);
HWY_EXPORT(subtract_field_energy_impl);
HWY_EXPORT(mean_amplitude_impl);

namespace kernels {

std::uint32_t advance_tile(const RoundConstants& constants, const TileArrays& arrays, int rows) {
  return HWY_DYNAMIC_DISPATCH(advance_tile_impl)(constants, arrays, rows);
}
void fill_normals(std::uint64_t seed, Stream stream, std::uint32_t first_trajectory, std::uint64_t step,
                  int slots, float* out) {
  HWY_DYNAMIC_DISPATCH(fill_normals_impl)(seed, stream, first_trajectory, step, slots, out);
}
void fill_normals_one(std::uint64_t seed, Stream stream, std::uint32_t trajectory, std::uint64_t step,
                      int slots, float* out) {
  HWY_DYNAMIC_DISPATCH(fill_normals_one_impl)(seed, stream, trajectory, step, slots, out);
}
void add_record_noise(const float* x, const float* noise, float scale, float* measured, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(add_record_noise_impl)(x, noise, scale, measured, count);
}
void update_best_signs(const float* x, int rows, std::uint32_t lanes, std::uint16_t* best) {
  HWY_DYNAMIC_DISPATCH(update_best_signs_impl)(x, rows, lanes, best);
}
void subtract_field_energy(const double* h, const float* x, int n, double* energy) {
  HWY_DYNAMIC_DISPATCH(subtract_field_energy_impl)(h, x, n, energy);
}
void mean_amplitude(const float* x, int n, float* scale) {
  HWY_DYNAMIC_DISPATCH(mean_amplitude_impl)(x, n, scale);
}

}  // namespace kernels
}  // namespace opoloop
#endif  // HWY_ONCE
