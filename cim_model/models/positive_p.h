#pragma once

#include <complex>
#include <cstdint>
#include <vector>

#include "cim_model/pulse_model.h"

namespace opoloop {

/// Model (c), the positive-P equation of a degenerate OPO with the pump eliminated: two independent complex
/// amplitudes a pulse, Itô  [IY20; docs/physics.md eq. M9].
///
///     dα  = [−α  + (p − g² α² ) α⁺ + f ] dt + √(p − g² α² ) dW₁          f  = (inj + i·quadrature)/g
///     dα⁺ = [−α⁺ + (p − g² α⁺²) α  + f*] dt + √(p − g² α⁺²) dW₂
///
/// It follows without any truncation from ρ' = (p/2)[a†² − a², ρ] + 2 D[a]ρ + g² D[a²]ρ + [f a† − f* a, ρ]
/// by aρ → α, a†ρ → α⁺ − ∂_α, ρa† → α⁺, ρa → α − ∂_{α⁺}; α⁺ is the conjugate of α in the mean only.
/// Averages over trajectories are normally ordered moments, see normally_ordered().
///
/// From vacuum with p > 0 and inj < √p both stay on the real interval |gα| ≤ √p, where the noise vanishes at
/// the ends. Finite steps, p < 0 or a stronger injection take them into the complex plane, and there they
/// can run away: with α⁺ ≈ −α the drift is +g² α³, which reaches infinity in the finite time 1/(2 g²|α|²).
/// These are the boundary spikes of the positive-P method: the average no longer converges to the quantum
/// one. Once g²|α|² or g²|α⁺|² exceeds 1/h, h the step, a spike runs away within a step: nothing an explicit
/// step computes from there means anything. PositiveP then makes the pulse's amplitude NaN, and the loop
/// marks the trajectory diverged. State of N pulses: (α_0 …, α⁺_0 …).
using ComplexState = std::vector<std::complex<double>>;

struct PositivePDrift {
  Drive drive;  ///< injection in units of x
  double g;

  void operator()(const ComplexState& state, ComplexState& rate, double /*t*/) const {
    const std::size_t n = state.size() / 2;
    for (std::size_t i = 0; i < n; ++i) {
      const std::complex<double> a = state[i];
      const std::complex<double> b = state[n + i];  // α⁺
      const double p = drive.pump[i];
      const std::complex<double> f(drive.injection[i] / g,
                                   drive.quadrature.empty() ? 0 : drive.quadrature[i] / g);
      rate[i] = -a + (p - g * g * a * a) * b + f;
      rate[n + i] = -b + (p - g * g * b * b) * a + std::conj(f);
    }
  }
};

struct PositivePDiffusion {
  std::span<const double> pump;
  double g;

  void operator()(const ComplexState& state, ComplexState& amplitude, double /*t*/) const {
    const std::size_t n = state.size() / 2;
    for (std::size_t i = 0; i < n; ++i) {
      amplitude[i] = std::sqrt(pump[i] - g * g * state[i] * state[i]);
      amplitude[n + i] = std::sqrt(pump[i] - g * g * state[n + i] * state[n + i]);
    }
  }
};

/// What one trajectory contributes to the moments of a pulse; the mean over trajectories is the quantum one
/// (the imaginary parts average to zero). X = (a + a†)/2, Y = (a − a†)/2i.
struct NormallyOrdered {
  double x;        ///< ⟨X⟩
  double photons;  ///< ⟨a†a⟩
  double x2;       ///< ⟨X²⟩ = ⟨:X²:⟩ + ¼
  double y2;       ///< ⟨Y²⟩ = ⟨:Y²:⟩ + ¼
};
NormallyOrdered normally_ordered(std::complex<double> alpha, std::complex<double> alpha_plus);

/// (c) x = g Re(α + α⁺)/2. These amplitudes are normally ordered: they lack the vacuum fluctuations that any
/// detector sees, so the record is x̃ = x + (g/2) N(0,1), afresh every round trip. On the real manifold
/// Var x̃ = g² ⟨X²⟩. There is no back-action, and a law that feeds back this number treats it as classical.
/// Starts in vacuum, α = α⁺ = 0. Euler–Maruyama.
class PositiveP final : public PulseModel {
 public:
  PositiveP(const LoopParameters& parameters, int n);

  int size() const override { return static_cast<int>(x_.size()); }
  void start(std::uint64_t seed, std::uint32_t trajectory) override;
  void measure(std::int64_t round, std::span<const double> pump, std::span<double> record) const override;
  void advance(std::int64_t round, const Drive& drive) override;
  /// α and α⁺ shrink by the same factor, so that |x| ≤ bound.
  void clamp(double bound) override;
  std::span<const double> amplitude() const override { return x_; }
  /// "alpha_re", "alpha_im", "alpha_plus_re", "alpha_plus_im".
  std::vector<PulseVariable> variables() const override;

 private:
  /// x and the parts of the state from state_.
  void refresh();

  double dt_;
  int substeps_;
  double g_;
  std::uint64_t seed_ = 0;
  std::uint32_t trajectory_ = 0;
  ComplexState state_;           // α then α⁺
  std::vector<double> normals_;  // slot 2i drives α_i, slot 2i + 1 drives α⁺_i
  std::vector<double> x_;
  std::vector<double> parts_;  // Re α, Im α, Re α⁺, Im α⁺
};

}  // namespace opoloop
