#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "cim_model/models/amplitude_start.h"
#include "cim_model/pulse_model.h"

namespace opoloop {

/// Saturating gain of one pass: the flow of dx/dt = p x − μ x³ over the time dt, which is (M1) without its
/// loss (a Bernoulli equation, solved exactly). Slope e^{p dt} at 0; tends to the finite √(p / μ(1 − e^{−2p
/// dt})).
inline double saturating_gain(double x, double pump, double dt, double saturation) {
  const double growth = std::abs(pump) < 1e-12 ? 2 * dt : std::expm1(2 * pump * dt) / pump;
  return x * std::exp(pump * dt) / std::sqrt(1 + saturation * growth * x * x);
}

/// Model (f), one round trip as a bench sees it: every element a number that can be measured
/// [docs/physics.md eq. M12].
///
///     x(k+1) = A G(x) + r₁ + dt · inj,    x̃ = G(x) + r₃,    A = e^{−dt}
///
/// The pulse is amplified, tapped (r₃: noise of the measurement), attenuated by the passive loss A, disturbed
/// (r₁: noise of the cavity) and displaced. With law `clipped`, dt · inj = √ξ₀ clip(B Σ J x̃): √ξ₀ B = dt ξ,
/// and √ξ₀ times the clip level = dt · limit. As dt → 0 this is (M1), split into gain and loss, with noise.
/// Starts as (M1) does.
class Phenomenological final : public PulseModel {
 public:
  Phenomenological(const LoopParameters& parameters, int n);

  int size() const override { return static_cast<int>(x_.size()); }
  void start(std::uint64_t seed, std::uint32_t trajectory) override;
  void measure(std::int64_t round, std::span<const double> pump, std::span<double> record) const override;
  void advance(std::int64_t round, const Drive& drive) override;
  void clamp(double bound) override;
  std::span<const double> amplitude() const override { return x_; }
  std::vector<PulseVariable> variables() const override { return {{"x", x_}}; }

 private:
  double gain_of(std::size_t pulse, double pump) const {
    return saturating_gain(x_[pulse], pump, dt_, saturation_);
  }

  double dt_;
  double saturation_;
  AmplitudeStart start_;
  double cavity_noise_;
  double record_noise_;
  std::uint64_t seed_ = 0;
  std::uint32_t trajectory_ = 0;
  std::vector<double> x_;
  mutable std::vector<double> normals_;  // slot 2i is r₁ of pulse i, slot 2i + 1 its r₃
};

}  // namespace opoloop
