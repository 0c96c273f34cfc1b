#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "cim_model/pulse_model.h"

namespace opoloop {

/// Model (b), the truncated Wigner equation of a degenerate OPO with the pump eliminated, both quadratures in
/// units of 1/g (vacuum variance of each: g²/4), Itô  [W13, M16; docs/physics.md eq. M2]:
///
///     dc = [(−1 + p − c² − s²) c + inj] dt + g √(c² + s² + ½) dW₁
///     ds =  (−1 − p − c² − s²) s dt        + g √(c² + s² + ½) dW₂
///
/// The state of n pulses is (c_0 … c_{n−1}, s_0 … s_{n−1}). Drift and diffusion are odeint-style callables.
struct TruncatedWignerDrift {
  Drive drive;

  void operator()(const std::vector<double>& state, std::vector<double>& rate, double /*t*/) const {
    const std::size_t n = state.size() / 2;
    for (std::size_t i = 0; i < n; ++i) {
      const double c = state[i];
      const double s = state[n + i];
      const double photons = c * c + s * s;
      rate[i] = (-1 + drive.pump[i] - photons) * c + drive.injection[i];
      rate[n + i] = (-1 - drive.pump[i] - photons) * s + (drive.quadrature.empty() ? 0 : drive.quadrature[i]);
    }
  }
};

struct TruncatedWignerDiffusion {
  double g;

  void operator()(const std::vector<double>& state, std::vector<double>& amplitude, double /*t*/) const {
    const std::size_t n = state.size() / 2;
    for (std::size_t i = 0; i < n; ++i) {
      const double c = state[i];
      const double s = state[n + i];
      amplitude[i] = amplitude[n + i] = g * std::sqrt(c * c + s * s + 0.5);
    }
  }
};

/// (b) The record is c itself: an ideal homodyne of a classical-field equation. Starts in vacuum,
/// c, s ~ N(0, g²/4). Euler–Maruyama.
class TruncatedWigner final : public PulseModel {
 public:
  TruncatedWigner(const LoopParameters& parameters, int n);

  int size() const override { return n_; }
  void start(std::uint64_t seed, std::uint32_t trajectory) override;
  void measure(std::int64_t round, std::span<const double> pump, std::span<double> record) const override;
  void advance(std::int64_t round, const Drive& drive) override;
  void clamp(double bound) override;
  /// c_i += in_phase_i · time, s_i += quadrature_i · time: light injected all at once.
  void inject(std::span<const double> in_phase, std::span<const double> quadrature, double time);
  std::span<const double> amplitude() const override { return {state_.data(), static_cast<std::size_t>(n_)}; }
  std::vector<PulseVariable> variables() const override;
  /// s
  std::span<const double> quadrature() const { return {state_.data() + n_, static_cast<std::size_t>(n_)}; }

 private:
  int n_;
  double dt_;
  int substeps_;
  double g_;
  std::uint64_t seed_ = 0;
  std::uint32_t trajectory_ = 0;
  std::vector<double> state_;    // c then s
  std::vector<double> normals_;  // slot 2i drives c_i, slot 2i + 1 drives s_i
};

}  // namespace opoloop
