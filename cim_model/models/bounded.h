#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "cim_model/models/amplitude_start.h"
#include "cim_model/pulse_model.h"

namespace opoloop {

/// f of model `bounded`, slope 1 at 0  [B21].
class TransferFunction {
 public:
  TransferFunction(Nonlinearity kind, double limit) : kind_(kind), limit_(limit) {}
  double operator()(double u) const {
    switch (kind_) {
      case Nonlinearity::tanh:
        return std::tanh(u);
      case Nonlinearity::sine:
        return std::sin(2 * u) / 2;  // cos²(u − π/4) − ½
      case Nonlinearity::clipped:
        return std::clamp(u, -limit_, limit_);
      case Nonlinearity::cubic:
        return u - u * u * u;
    }
    return u;
  }

 private:
  Nonlinearity kind_;
  double limit_;
};

/// Ising machines whose saturation acts on the whole signal of a spin, its own and what is fed back  [B21;
/// as a map: Böhm, Verschaffelt & Van der Sande 2019, doi 10.1038/s41467-019-11484-3; docs/physics.md eq.
/// M11]:
///
///     x_i ← x_i + dt [f(p x_i + inj_i) − x_i] + r_i,      dt = 1: x_i ← f(p x_i + inj_i) + r_i
///
/// p is the linear gain α of the papers and inj_i, with the linear law, their β Σ J x. Near zero this is (M1)
/// without its cubic term, so thresholds and rates are those of (M1); then f bounds x where (M1) lets
/// strongly driven spins grow. r_i is normal with standard deviation cavity_noise. Starts as (M1) does. The
/// record is x.
class Bounded final : public PulseModel {
 public:
  Bounded(const LoopParameters& parameters, int n);

  int size() const override { return static_cast<int>(x_.size()); }
  void start(std::uint64_t seed, std::uint32_t trajectory) override;
  void measure(std::int64_t round, std::span<const double> pump, std::span<double> record) const override;
  void advance(std::int64_t round, const Drive& drive) override;
  void clamp(double bound) override;
  std::span<const double> amplitude() const override { return x_; }
  std::vector<PulseVariable> variables() const override { return {{"x", x_}}; }

 private:
  TransferFunction f_;
  double dt_;
  int substeps_;
  AmplitudeStart start_;
  double noise_;  // standard deviation a sub-step
  std::uint64_t seed_ = 0;
  std::uint32_t trajectory_ = 0;
  std::vector<double> x_;
  std::vector<double> normals_;
};

}  // namespace opoloop
