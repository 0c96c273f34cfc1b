#include "cim_model/models/mean_field.h"

#include <algorithm>
#include <boost/numeric/odeint/integrate/integrate_n_steps.hpp>
#include <boost/numeric/odeint/stepper/euler.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta4.hpp>

namespace opoloop {

namespace odeint = boost::numeric::odeint;

MeanField::MeanField(const LoopParameters& parameters, int n)
    : stepper_(parameters.stepper),
      dt_(parameters.dt),
      substeps_(parameters.substeps),
      saturation_(parameters.saturation),
      start_(parameters),
      x_(static_cast<std::size_t>(n), 0.0) {}

void MeanField::start(std::uint64_t seed, std::uint32_t trajectory) {
  start_.fill(seed, trajectory, x_);
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
