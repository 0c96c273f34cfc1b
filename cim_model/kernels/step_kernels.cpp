// One round trip after the product, for tiles of 16 trajectories (Highway, run-time dispatch).
//
// A law is a struct with inject() and, after it, update(); a model is a struct with advance(). Both see one
// row at a time: 16 trajectories of one pulse (or 16 pulses of one trajectory; the arithmetic is the same).
// Any model runs with any law, so advance_tile picks one of models × laws loops, each with the law's and the
// model's few operations inlined into one pass over the state. Where the electronics of a machine stand
// between the two, the law has a pass of its own and so has the model, with the same structs. The equations
// stand beside the plain versions in cim_model/laws and cim_model/models, in double;
// tests/cim_model/engine_test.cpp holds the two together.

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
#include <type_traits>

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
  HWY_INLINE void set_pump(const Lanes& p) { gain = p - Lanes::all(1.0F); }
  HWY_INLINE void set_quadrature(const Lanes&) {}  // has none
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
/// Injection into s, where there is one, adds inj_s dt.
template <bool kQuadrature>
struct TruncatedWignerStep {
  static constexpr int kNoiseKinds = 2;
  Lanes in_phase_gain, quadrature_gain, half, g_sqrt_dt, dt;
  Lanes quadrature = Lanes::all(0.0F);
  int substeps;
  explicit TruncatedWignerStep(const RoundConstants& c)
      : in_phase_gain(Lanes::all(c.p - 1.0F)),
        quadrature_gain(Lanes::all(-1.0F - c.p)),
        half(Lanes::all(0.5F)),
        g_sqrt_dt(Lanes::all(c.g * c.sqrt_dt)),
        dt(Lanes::all(c.dt)),
        substeps(c.substeps) {}
  HWY_INLINE void set_pump(const Lanes& p) {
    in_phase_gain = p - Lanes::all(1.0F);
    quadrature_gain = Lanes::all(-1.0F) - p;
  }
  HWY_INLINE void set_quadrature(const Lanes& injection) { quadrature = injection; }
  HWY_INLINE void advance(Lanes& c, Lanes& s, const Lanes& injection, const float* noise,
                          std::ptrdiff_t noise_stride) const {
    for (int step = 0; step < substeps; ++step, noise += noise_stride) {
      const Lanes photons = mul_add(c, c, s * s);
      const Lanes kick = g_sqrt_dt * sqrt(photons + half);
      const Lanes dc = mul_add(in_phase_gain - photons, c, injection);
      Lanes ds = (quadrature_gain - photons) * s;
      if constexpr (kQuadrature) ds = ds + quadrature;
      c = mul_add(kick, Lanes::load(noise), mul_add(dt, dc, c));
      s = mul_add(kick, Lanes::load(noise + 16), mul_add(dt, ds, s));
    }
  }
};

using TruncatedWigner = TruncatedWignerStep<false>;

/// (d) in x = gμ: dx = [−(1−p+j) x − x³ + inj] dt + g √(ηj) (V−½) dW,
///     dV/dt = −2(1−p+j) V − 6x²V + 1 + j + 2x² − 2ηj (V−½)².
struct GaussianMoments {
  static constexpr int kNoiseKinds = 1;
  Lanes loss, added_loss, one_plus_j, half, two, six, back_action, condition, dt;
  int substeps;
  explicit GaussianMoments(const RoundConstants& c)
      : loss(Lanes::all(1.0F - c.p + c.loss)),
        added_loss(Lanes::all(c.loss)),
        one_plus_j(Lanes::all(1.0F + c.loss)),
        half(Lanes::all(0.5F)),
        two(Lanes::all(2.0F)),
        six(Lanes::all(6.0F)),
        back_action(Lanes::all(c.back_action * c.sqrt_dt)),
        condition(Lanes::all(c.condition)),
        dt(Lanes::all(c.dt)),
        substeps(c.substeps) {}
  HWY_INLINE void set_pump(const Lanes& p) { loss = Lanes::all(1.0F) - p + added_loss; }
  HWY_INLINE void set_quadrature(const Lanes&) {}  // its mean does not couple to x
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

/// Bit l of the answer: lane l of `finite` is not 0.
std::uint32_t lanes_not_finite(const Lanes& finite) {
  alignas(64) float check[16];
  finite.store(check);
  std::uint32_t bad = 0;
  for (int lane = 0; lane < 16; ++lane) bad |= static_cast<std::uint32_t>(check[lane] != 0.0F) << lane;
  return bad;
}

/// One row as the law sees it.
template <class Law>
HWY_INLINE LawRow law_row(const TileArrays& a, std::ptrdiff_t at, const Lanes& h_scale,
                          const Lanes& strength) {
  LawRow row{Lanes::load(a.field + at), Lanes::load(a.measured + at), Lanes::all(0.0F)};
  if (a.h != nullptr) row.drive = mul_add(Lanes::load(a.h + at), h_scale, row.drive);
  row.drive = strength * row.drive;
  if constexpr (Law::kHasError) row.error = Lanes::load(a.error + at);
  return row;
}

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
    const LawRow row = law_row<Law>(a, at, h_scale, strength);
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
  return lanes_not_finite(finite);
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

// ---- The pass in parts, with electronics between law and pulses -----------------------------------------

/// True for laws whose error step is that of the amplitude, which may have to wait for the advance.
template <class Law>
constexpr bool kErrorOfAmplitude = std::is_same_v<Law, CacLaw> || std::is_same_v<Law, CacBestLaw>;

template <class Law>
std::uint32_t law_pass(const RoundConstants& constants, const TileArrays& a, int rows, float* injections) {
  const Law law(constants, a);
  const bool waits = kErrorOfAmplitude<Law> && constants.error_after;
  const Lanes strength = Lanes::all(constants.strength);
  const Lanes zero = Lanes::all(0.0F);
  const Lanes h_scale = a.h != nullptr ? Lanes::load(a.h_scale) : zero;
  Lanes finite = zero;
  for (int i = 0; i < rows; ++i) {
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(i) * 16;
    const LawRow row = law_row<Law>(a, at, h_scale, strength);
    const Lanes injection = law.inject(row);
    injection.store(injections + at);
    // A converter would make a number of what is none: note it here.
    finite = mul_add(injection, zero, finite);
    if constexpr (Law::kHasError) {
      if (waits) continue;
      const Lanes error = law.update(row, injection, row.measured);
      finite = mul_add(error, zero, finite);
      error.store(a.error + at);
    }
  }
  return lanes_not_finite(finite);
}

template <class Model>
std::uint32_t driven_pass(const RoundConstants& constants, const TileArrays& a, int rows, const float* pumps,
                          const float* injections, const float* quadratures) {
  Model model(constants);
  const Lanes bound = Lanes::all(constants.clamp);
  const std::ptrdiff_t noise_stride = static_cast<std::ptrdiff_t>(rows) * Model::kNoiseKinds * 16;
  const Lanes zero = Lanes::all(0.0F);
  Lanes finite = zero;
  for (int i = 0; i < rows; ++i) {
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(i) * 16;
    Lanes x = Lanes::load(a.x + at);
    Lanes second = Model::kNoiseKinds > 0 ? Lanes::load(a.second + at) : zero;
    model.set_pump(Lanes::load(pumps + at));
    if (quadratures != nullptr) model.set_quadrature(Lanes::load(quadratures + at));
    const float* noise = Model::kNoiseKinds > 0 ? a.noise + at * Model::kNoiseKinds : nullptr;
    model.advance(x, second, Lanes::load(injections + at), noise, noise_stride);
    finite = mul_add(x, zero, finite);
    clamp(x, -bound, bound).store(a.x + at);
    if constexpr (Model::kNoiseKinds > 0) second.store(a.second + at);
  }
  return lanes_not_finite(finite);
}

template <class Law>
std::uint32_t late_error_pass(const RoundConstants& constants, const TileArrays& a, int rows) {
  const Law law(constants, a);
  const Lanes zero = Lanes::all(0.0F);
  Lanes finite = zero;
  for (int i = 0; i < rows; ++i) {
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(i) * 16;
    const LawRow row{zero, zero, Lanes::load(a.error + at)};
    const Lanes error = law.update(row, zero, Lanes::load(a.x + at));
    finite = mul_add(error, zero, finite);
    error.store(a.error + at);
  }
  return lanes_not_finite(finite);
}

std::uint32_t law_tile_impl(const RoundConstants& c, const TileArrays& a, int rows, float* injections) {
  switch (c.law) {
    case LawKind::linear:
      return law_pass<LinearLaw>(c, a, rows, injections);
    case LawKind::clipped:
      return law_pass<ClippedLaw>(c, a, rows, injections);
    case LawKind::tanh:
      return law_pass<TanhLaw>(c, a, rows, injections);
    case LawKind::cac:
      return law_pass<CacLaw>(c, a, rows, injections);
    case LawKind::cfc:
      return law_pass<CfcLaw>(c, a, rows, injections);
    case LawKind::sfc:
      return law_pass<SfcLaw>(c, a, rows, injections);
    case LawKind::cac_best:
    case LawKind::ahc:
      return law_pass<CacBestLaw>(c, a, rows, injections);
  }
  return 0;
}

std::uint32_t advance_driven_tile_impl(const RoundConstants& c, const TileArrays& a, int rows,
                                       const float* pumps, const float* injections,
                                       const float* quadratures) {
  switch (c.model) {
    case ModelKind::mean_field:
      return c.stepper == Stepper::euler
                 ? driven_pass<MeanFieldEuler>(c, a, rows, pumps, injections, quadratures)
                 : driven_pass<MeanFieldRungeKutta4>(c, a, rows, pumps, injections, quadratures);
    case ModelKind::truncated_wigner:
      return driven_pass<TruncatedWignerStep<true>>(c, a, rows, pumps, injections, quadratures);
    case ModelKind::gaussian:
      return driven_pass<GaussianMoments>(c, a, rows, pumps, injections, quadratures);
    default:  // engine_runs() says no
      return 0;
  }
}

std::uint32_t late_error_tile_impl(const RoundConstants& c, const TileArrays& a, int rows) {
  if (!c.error_after) return 0;
  if (c.law == LawKind::cac) return late_error_pass<CacLaw>(c, a, rows);
  if (c.law == LawKind::cac_best || c.law == LawKind::ahc) return late_error_pass<CacBestLaw>(c, a, rows);
  return 0;
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
HWY_EXPORT(law_tile_impl);
HWY_EXPORT(advance_driven_tile_impl);
HWY_EXPORT(late_error_tile_impl);
HWY_EXPORT(add_record_noise_impl);
HWY_EXPORT(update_best_signs_impl);
HWY_EXPORT(subtract_field_energy_impl);
HWY_EXPORT(mean_amplitude_impl);

namespace kernels {

std::uint32_t advance_tile(const RoundConstants& constants, const TileArrays& arrays, int rows) {
  return HWY_DYNAMIC_DISPATCH(advance_tile_impl)(constants, arrays, rows);
}
std::uint32_t law_tile(const RoundConstants& constants, const TileArrays& arrays, int rows,
                       float* injection) {
  return HWY_DYNAMIC_DISPATCH(law_tile_impl)(constants, arrays, rows, injection);
}
std::uint32_t advance_driven_tile(const RoundConstants& constants, const TileArrays& arrays, int rows,
                                  const float* pump, const float* injection, const float* quadrature) {
  return HWY_DYNAMIC_DISPATCH(advance_driven_tile_impl)(constants, arrays, rows, pump, injection, quadrature);
}
std::uint32_t late_error_tile(const RoundConstants& constants, const TileArrays& arrays, int rows) {
  return HWY_DYNAMIC_DISPATCH(late_error_tile_impl)(constants, arrays, rows);
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
