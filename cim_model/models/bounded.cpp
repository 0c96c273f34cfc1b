#include "cim_model/models/bounded.h"

#include "cim_model/steppers/normals.h"

namespace opoloop {

Bounded::Bounded(const LoopParameters& parameters, int n)
    : f_(parameters.nonlinearity, parameters.nonlinearity_limit),
      dt_(parameters.dt / parameters.substeps),
      substeps_(parameters.substeps),
      start_(parameters),
      noise_(parameters.cavity_noise.value_or(std::sqrt(parameters.g2 * parameters.dt / 2)) /
             std::sqrt(parameters.substeps)),
      x_(static_cast<std::size_t>(n), 0.0),
      normals_(x_.size(), 0.0) {}

void Bounded::start(std::uint64_t seed, std::uint32_t trajectory) {
  seed_ = seed;
  trajectory_ = trajectory;
  start_.fill(seed, trajectory, x_);
}

void Bounded::measure(std::int64_t /*round*/, std::span<const double> /*pump*/,
                      std::span<double> record) const {
  std::copy(x_.begin(), x_.end(), record.begin());
}

void Bounded::advance(std::int64_t round, const Drive& drive) {
  const auto substeps = static_cast<std::uint64_t>(substeps_);
  for (std::uint64_t sub = 0; sub < substeps; ++sub) {
    fill_normals(seed_, Stream::pulse_noise, trajectory_, static_cast<std::uint64_t>(round) * substeps + sub,
                 normals_);
    for (std::size_t i = 0; i < x_.size(); ++i) {
      x_[i] += dt_ * (f_(drive.pump[i] * x_[i] + drive.injection[i]) - x_[i]) + noise_ * normals_[i];
    }
  }
}

void Bounded::clamp(double bound) {
  for (double& x : x_) x = std::clamp(x, -bound, bound);
}

}  // namespace opoloop
