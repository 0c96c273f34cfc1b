#pragma once

#include <cstdint>
#include <vector>

#include "cim_model/models/amplitude_start.h"
#include "cim_model/pulse_model.h"

namespace opoloop {

/// Drift of model (a), injection held  [W13, R21 without noise; docs/physics.md eq. M1]:
///
///     dx_i/dt = (p − 1) x_i − μ x_i³ + inj_i
///
/// An odeint system.
struct MeanFieldDrift {
  Drive drive;
  double saturation;  ///< μ; 1 in the papers' normalisation, where x² = photons · g²

  void operator()(const std::vector<double>& x, std::vector<double>& dxdt, double /*t*/) const {
    for (std::size_t i = 0; i < x.size(); ++i) {
      dxdt[i] = (drive.pump[i] - 1) * x[i] - saturation * x[i] * x[i] * x[i] + drive.injection[i];
    }
  }
};

/// (a) Deterministic amplitudes. The record is the amplitude itself. Starts normal with start_sd, or uniform.
class MeanField final : public PulseModel {
 public:
  MeanField(const LoopParameters& parameters, int n);

  int size() const override { return static_cast<int>(x_.size()); }
  void start(std::uint64_t seed, std::uint32_t trajectory) override;
  void measure(std::int64_t round, std::span<const double> pump, std::span<double> record) const override;
  void advance(std::int64_t round, const Drive& drive) override;
  void clamp(double bound) override;
  std::span<const double> amplitude() const override { return x_; }
  std::vector<PulseVariable> variables() const override { return {{"x", x_}}; }

 private:
  Stepper stepper_;
  double dt_;
  int substeps_;
  double saturation_;
  AmplitudeStart start_;
  std::vector<double> x_;
};

}  // namespace opoloop
