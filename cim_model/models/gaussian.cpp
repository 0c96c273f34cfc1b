#include "cim_model/models/gaussian.h"

#include <algorithm>
#include <boost/numeric/odeint/integrate/integrate_n_steps.hpp>

#include "cim_model/steppers/euler_maruyama.h"

namespace opoloop {

Gaussian::Gaussian(const LoopParameters& parameters, int n)
    : detector_(parameters),
      n_(n),
      dt_(parameters.dt),
      substeps_(parameters.substeps),
      g2_(parameters.g2),
      measured_loss_(parameters.measured_loss),
      efficiency_(parameters.detection_efficiency),
      state_(2 * static_cast<std::size_t>(n), 0.0),
      x_(static_cast<std::size_t>(n), 0.0) {}

void Gaussian::start(std::uint64_t seed, std::uint32_t trajectory) {
  detector_.start(seed, trajectory);
  std::fill_n(state_.begin(), n_, 0.0);
  std::fill(state_.begin() + n_, state_.end(), 0.5);
  refresh_amplitude();
}

void Gaussian::measure(std::int64_t round, std::span<const double> /*pump*/, std::span<double> record) const {
  detector_.record(round, std::span(state_).first(x_.size()), record);
}

void Gaussian::advance(std::int64_t round, const Drive& drive) {
  auto step = static_cast<std::uint64_t>(round) * static_cast<std::uint64_t>(substeps_);
  const auto increments = [this, &step](std::vector<double>& dW, double /*t*/, double /*dt*/) {
    detector_.wiener_increments(step++, std::span(dW).first(x_.size()));
  };
  boost::numeric::odeint::integrate_n_steps(
      EulerMaruyama<std::vector<double>, decltype(increments)>(increments),
      std::make_pair(GaussianDrift{drive, measured_loss_, efficiency_, g2_},
                     GaussianDiffusion{measured_loss_, efficiency_}),
      state_, static_cast<double>(round) * dt_, dt_ / substeps_, static_cast<std::size_t>(substeps_));
  refresh_amplitude();
}

void Gaussian::clamp(double bound) {
  const double bound_mu = bound / std::sqrt(g2_);
  for (std::size_t i = 0; i < static_cast<std::size_t>(n_); ++i) {
    state_[i] = std::clamp(state_[i], -bound_mu, bound_mu);
  }
  refresh_amplitude();
}

void Gaussian::refresh_amplitude() {
  const double g = std::sqrt(g2_);
  for (std::size_t i = 0; i < x_.size(); ++i) x_[i] = g * state_[i];
}

std::vector<PulseVariable> Gaussian::variables() const {
  const auto n = static_cast<std::size_t>(n_);
  return {{"mu", {state_.data(), n}}, {"V", {state_.data() + n, n}}};
}

}  // namespace opoloop
