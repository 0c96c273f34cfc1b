#include "cim_model/models/mean_field.h"

#include <algorithm>
#include <boost/numeric/odeint/integrate/integrate_n_steps.hpp>
#include <boost/numeric/odeint/stepper/euler.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta4.hpp>

#include "cim_model/steppers/normals.h"

namespace opoloop {

namespace odeint = boost::numeric::odeint;

MeanField::MeanField(const LoopParameters& parameters, int n)
    : stepper_(parameters.stepper),
      dt_(parameters.dt),
      substeps_(parameters.substeps),
      saturation_(parameters.saturation),
      start_sd_(parameters.start_sd),
      start_uniform_half_width_(parameters.start_uniform_half_width),
      x_(static_cast<std::size_t>(n), 0.0) {}

void MeanField::start(std::uint64_t seed, std::uint32_t trajectory) {
  if (start_uniform_half_width_ > 0) {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      const auto words =
          philox_words(seed, Stream::start_amplitude, trajectory, 0, static_cast<std::uint32_t>(i / 4));
      const double uniform = (static_cast<double>(words[i % 4]) + 0.5) * 0x1p-32;
      x_[i] = start_uniform_half_width_ * (2 * uniform - 1);
    }
    return;
  }
  fill_normals(seed, Stream::start_amplitude, trajectory, 0, x_);
  for (double& x : x_) x *= start_sd_;
}

void MeanField::measure(std::int64_t /*round*/, std::span<const double> /*pump*/,
                        std::span<double> record) const {
  std::copy(x_.begin(), x_.end(), record.begin());
}

void MeanField::advance(std::int64_t round, const Drive& drive) {
  const MeanFieldDrift drift{drive, saturation_};
  const double start = static_cast<double>(round) * dt_;
  const auto steps = static_cast<std::size_t>(substeps_);
  if (stepper_ == Stepper::runge_kutta4) {
    odeint::integrate_n_steps(odeint::runge_kutta4<std::vector<double>>(), drift, x_, start, dt_ / substeps_,
                              steps);
  } else {
    odeint::integrate_n_steps(odeint::euler<std::vector<double>>(), drift, x_, start, dt_ / substeps_, steps);
  }
}

void MeanField::clamp(double bound) {
  for (double& x : x_) x = std::clamp(x, -bound, bound);
}

}  // namespace opoloop
