#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "cim_model/models/homodyne.h"
#include "cim_model/pulse_model.h"

namespace opoloop {

/// Model (d), mean μ = ⟨X⟩, X = (a + a†)/2, and variance V = Var(q), q = (a + a†)/√2 (vacuum ½), of each
/// pulse conditioned on its measured record, Itô  [K20; docs/physics.md eqs. M3, M4]. j is the amplitude loss
/// the loop adds: extraction j/2, which is measured with efficiency η, and injection coupler j/2, which is
/// not.
///
///     dμ = [−(1 − p + j) μ − g² μ³ + inj/g] dt + √(ηj) (V − ½) dW
///     dV = [−2 (1 − p + j) V − 6 g² μ² V + 1 + j + 2 g² μ² − 2 η j (V − ½)²] dt
///     μ̃  = μ + √(1/(4ηj)) dW/dt                    with the same dW
///
/// Time is in intrinsic amplitude lifetimes, so the solitary threshold is p = 1 + j. State of n pulses:
/// (μ_0 … μ_{n−1}, V_0 … V_{n−1}). The noise of μ depends on V only, and V has none: Euler–Maruyama and
/// Milstein coincide, strong order 1.
struct GaussianDrift {
  Drive drive;           ///< injection in units of x = gμ
  double measured_loss;  ///< j
  double efficiency;     ///< η
  double g2;

  void operator()(const std::vector<double>& state, std::vector<double>& rate, double /*t*/) const {
    const std::size_t n = state.size() / 2;
    const double j = measured_loss;
    const double g = std::sqrt(g2);
    for (std::size_t i = 0; i < n; ++i) {
      const double mu = state[i];
      const double V = state[n + i];
      const double loss = 1 - drive.pump[i] + j;
      rate[i] = -loss * mu - g2 * mu * mu * mu + drive.injection[i] / g;
      rate[n + i] = -2 * loss * V - 6 * g2 * mu * mu * V + 1 + j + 2 * g2 * mu * mu -
                    2 * efficiency * j * (V - 0.5) * (V - 0.5);
    }
  }
};

struct GaussianDiffusion {
  double measured_loss;
  double efficiency;

  void operator()(const std::vector<double>& state, std::vector<double>& amplitude, double /*t*/) const {
    const std::size_t n = state.size() / 2;
    for (std::size_t i = 0; i < n; ++i) {
      amplitude[i] = std::sqrt(efficiency * measured_loss) * (state[n + i] - 0.5);
      amplitude[n + i] = 0;  // the conditional variance of a Gaussian state does not depend on the record
    }
  }
};

/// (d) x = gμ; the record is x̃ = gμ̃, whose noise is that of the step it drives. Starts in vacuum, μ = 0,
/// V = ½. Euler–Maruyama.
class Gaussian final : public PulseModel {
 public:
  Gaussian(const LoopParameters& parameters, int n);

  int size() const override { return n_; }
  void start(std::uint64_t seed, std::uint32_t trajectory) override;
  void measure(std::int64_t round, std::span<const double> pump, std::span<double> record) const override;
  void advance(std::int64_t round, const Drive& drive) override;
  void clamp(double bound) override;
  std::span<const double> amplitude() const override { return x_; }
  std::vector<PulseVariable> variables() const override;

 private:
  void refresh_amplitude();

  HomodyneDetector detector_;
  int n_;
  double dt_;
  int substeps_;
  double g2_;
  double measured_loss_;
  double efficiency_;
  std::vector<double> state_;  // μ then V
  std::vector<double> x_;      // gμ
};

}  // namespace opoloop
