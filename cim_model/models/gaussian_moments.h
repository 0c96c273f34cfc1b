#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "cim_model/models/homodyne.h"
#include "cim_model/pulse_model.h"

namespace opoloop {

/// Model (d) with both second moments, n = ⟨δa†δa⟩ and m = ⟨δa²⟩ of each pulse, conditioned on its measured
/// record, Itô  [I22 Inui et al. 2022, doi 10.1038/s42005-022-00927-x; docs/physics.md eq. M8]:
///
///     dμ = [−(1 − p + j) μ − g² μ (μ² + 2n + m) + inj/g] dt + √(ηj) (m + n) dW
///     dn = [−2(1 + j) n + 2 p m − 2 g² μ² (2n + m) − 2 g² (2n² + m²) − ηj (m + n)²] dt
///     dm = [−2(1 + j) m + 2 p n − 2 g² μ² (2m + n) + p − g² (μ² + m) − 6 g² n m − ηj (m + n)²] dt
///
/// Two-photon absorption acts on every photon, squeezed-vacuum ones too. This is the full Gaussian closure
/// of ρ' = (p/2)[a†² − a², ρ] + 2(1 + j) D[a]ρ + g² D[a²]ρ; without the terms quadratic in n and m it is
/// the linearised one, whose fluctuations grow without bound at μ = 0 above threshold. V = n + m + ½ and
/// V_p = n − m + ½. At small g² it is (d); at g² of a few percent it lies nearer to the master equation,
/// because (d) leaves the photons of the fluctuations out of the saturation.
/// State of N pulses: (μ_0 …, n_0 …, m_0 …).
struct GaussianMomentsDrift {
  Drive drive;           ///< injection in units of x = gμ
  double measured_loss;  ///< j
  double efficiency;     ///< η
  double g2;

  void operator()(const std::vector<double>& state, std::vector<double>& rate, double /*t*/) const {
    const std::size_t size = state.size() / 3;
    const double j = measured_loss;
    const double g = std::sqrt(g2);
    for (std::size_t i = 0; i < size; ++i) {
      const double mu = state[i];
      const double n = state[size + i];
      const double m = state[2 * size + i];
      const double p = drive.pump[i];
      const double learnt = efficiency * j * (m + n) * (m + n);
      rate[i] = -(1 - p + j) * mu - g2 * mu * (mu * mu + 2 * n + m) + drive.injection[i] / g;
      rate[size + i] = -2 * (1 + j) * n + 2 * p * m - 2 * g2 * mu * mu * (2 * n + m) -
                       2 * g2 * (2 * n * n + m * m) - learnt;
      rate[2 * size + i] = -2 * (1 + j) * m + 2 * p * n - 2 * g2 * mu * mu * (2 * m + n) + p -
                           g2 * (mu * mu + m) - 6 * g2 * n * m - learnt;
    }
  }
};

struct GaussianMomentsDiffusion {
  double measured_loss;
  double efficiency;

  void operator()(const std::vector<double>& state, std::vector<double>& amplitude, double /*t*/) const {
    const std::size_t size = state.size() / 3;
    for (std::size_t i = 0; i < size; ++i) {
      amplitude[i] = std::sqrt(efficiency * measured_loss) * (state[size + i] + state[2 * size + i]);
      amplitude[size + i] = amplitude[2 * size + i] = 0;
    }
  }
};

/// Units, record and read-out are those of (d): x = gμ, x̃ = gμ̃ with the noise of the step. Starts in vacuum,
/// μ = n = m = 0. Euler–Maruyama.
class GaussianMoments final : public PulseModel {
 public:
  GaussianMoments(const LoopParameters& parameters, int n);

  int size() const override { return static_cast<int>(x_.size()); }
  void start(std::uint64_t seed, std::uint32_t trajectory) override;
  void measure(std::int64_t round, std::span<const double> pump, std::span<double> record) const override;
  void advance(std::int64_t round, const Drive& drive) override;
  void clamp(double bound) override;
  std::span<const double> amplitude() const override { return x_; }
  std::vector<PulseVariable> variables() const override;

 private:
  void refresh_amplitude();

  HomodyneDetector detector_;
  double dt_;
  int substeps_;
  double g2_;
  double measured_loss_;
  double efficiency_;
  std::vector<double> state_;  // μ, n, m
  std::vector<double> x_;      // gμ
};

}  // namespace opoloop
