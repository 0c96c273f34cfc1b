#include "cim_model/models/gaussian_moments.h"

#include <algorithm>
#include <boost/numeric/odeint/integrate/integrate_n_steps.hpp>

#include "cim_model/steppers/euler_maruyama.h"

namespace opoloop {

GaussianMoments::GaussianMoments(const LoopParameters& parameters, int n)
    : detector_(parameters),
      dt_(parameters.dt),
      substeps_(parameters.substeps),
      g2_(parameters.g2),
      measured_loss_(parameters.measured_loss),
      efficiency_(parameters.detection_efficiency),
      state_(3 * static_cast<std::size_t>(n), 0.0),
      x_(static_cast<std::size_t>(n), 0.0) {}

void GaussianMoments::start(std::uint64_t seed, std::uint32_t trajectory) {
  detector_.start(seed, trajectory);
  std::fill(state_.begin(), state_.end(), 0.0);
  refresh_amplitude();
}

void GaussianMoments::measure(std::int64_t round, std::span<const double> /*pump*/,
                              std::span<double> record) const {
  detector_.record(round, std::span(state_).first(x_.size()), record);
}

void GaussianMoments::advance(std::int64_t round, const Drive& drive) {
  auto step = static_cast<std::uint64_t>(round) * static_cast<std::uint64_t>(substeps_);
  const auto increments = [this, &step](std::vector<double>& dW, double /*t*/, double /*dt*/) {
    detector_.wiener_increments(step++, std::span(dW).first(x_.size()));
  };
  boost::numeric::odeint::integrate_n_steps(
      EulerMaruyama<std::vector<double>, decltype(increments)>(increments),
      std::make_pair(GaussianMomentsDrift{drive, measured_loss_, efficiency_, g2_},
                     GaussianMomentsDiffusion{measured_loss_, efficiency_}),
      state_, static_cast<double>(round) * dt_, dt_ / substeps_, static_cast<std::size_t>(substeps_));
  refresh_amplitude();
}

void GaussianMoments::clamp(double bound) {
  const double bound_mu = bound / std::sqrt(g2_);
  for (std::size_t i = 0; i < x_.size(); ++i) state_[i] = std::clamp(state_[i], -bound_mu, bound_mu);
  refresh_amplitude();
}

void GaussianMoments::refresh_amplitude() {
  const double g = std::sqrt(g2_);
  for (std::size_t i = 0; i < x_.size(); ++i) x_[i] = g * state_[i];
}

std::vector<PulseVariable> GaussianMoments::variables() const {
  const std::size_t size = x_.size();
  const std::span<const double> all(state_);
  return {{"mu", all.first(size)}, {"n", all.subspan(size, size)}, {"m", all.subspan(2 * size, size)}};
}

}  // namespace opoloop
