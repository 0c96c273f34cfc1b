#include "cim_model/models/phenomenological.h"

#include <algorithm>

#include "cim_model/steppers/normals.h"

namespace opoloop {
namespace {

/// Scatter of the record of one round trip behind a coupler of amplitude loss j (in intrinsic losses): that
/// of (M4) in units of the loaded cavity, where the coupler is the part j/(1 + j) of all loss.
double homodyne_noise(const LoopParameters& p) {
  return std::sqrt(p.g2 * (1 + p.measured_loss) / (4 * p.detection_efficiency * p.measured_loss * p.dt));
}

}  // namespace

Phenomenological::Phenomenological(const LoopParameters& parameters, int n)
    : dt_(parameters.dt),
      saturation_(parameters.saturation),
      start_(parameters),
      cavity_noise_(parameters.cavity_noise.value_or(std::sqrt(parameters.g2 * parameters.dt / 2))),
      record_noise_(parameters.record_noise ? *parameters.record_noise : homodyne_noise(parameters)),
      x_(static_cast<std::size_t>(n), 0.0),
      normals_(2 * x_.size(), 0.0) {}

void Phenomenological::start(std::uint64_t seed, std::uint32_t trajectory) {
  seed_ = seed;
  trajectory_ = trajectory;
  start_.fill(seed, trajectory, x_);
}

void Phenomenological::measure(std::int64_t round, std::span<const double> pump,
                               std::span<double> record) const {
  fill_normals(seed_, Stream::pulse_noise, trajectory_, static_cast<std::uint64_t>(round), normals_);
  // The tap sits behind the crystal: it sees the gain of this round trip.
  for (std::size_t i = 0; i < x_.size(); ++i) {
    record[i] = gain_of(i, pump[i]) + record_noise_ * normals_[2 * i + 1];
  }
}

void Phenomenological::advance(std::int64_t round, const Drive& drive) {
  fill_normals(seed_, Stream::pulse_noise, trajectory_, static_cast<std::uint64_t>(round), normals_);
  const double transmission = std::exp(-dt_);
  for (std::size_t i = 0; i < x_.size(); ++i) {
    x_[i] =
        transmission * gain_of(i, drive.pump[i]) + cavity_noise_ * normals_[2 * i] + dt_ * drive.injection[i];
  }
}

void Phenomenological::clamp(double bound) {
  for (double& x : x_) x = std::clamp(x, -bound, bound);
}

}  // namespace opoloop
