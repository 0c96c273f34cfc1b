#include "cim_model/models/truncated_wigner.h"

#include <algorithm>
#include <boost/numeric/odeint/integrate/integrate_n_steps.hpp>

#include "cim_model/steppers/euler_maruyama.h"
#include "cim_model/steppers/normals.h"

namespace opoloop {

TruncatedWigner::TruncatedWigner(const LoopParameters& parameters, int n)
    : n_(n),
      dt_(parameters.dt),
      substeps_(parameters.substeps),
      g_(std::sqrt(parameters.g2)),
      state_(2 * static_cast<std::size_t>(n), 0.0),
      normals_(2 * static_cast<std::size_t>(n), 0.0) {}

void TruncatedWigner::start(std::uint64_t seed, std::uint32_t trajectory) {
  seed_ = seed;
  trajectory_ = trajectory;
  fill_normals(seed, Stream::quantum_start, trajectory, 0, normals_);
  const auto n = static_cast<std::size_t>(n_);
  for (std::size_t i = 0; i < n; ++i) {
    state_[i] = g_ / 2 * normals_[2 * i];
    state_[n + i] = g_ / 2 * normals_[2 * i + 1];
  }
}

void TruncatedWigner::measure(std::int64_t /*round*/, std::span<const double> /*pump*/,
                              std::span<double> record) const {
  std::copy_n(state_.begin(), n_, record.begin());
}

void TruncatedWigner::advance(std::int64_t round, const Drive& drive) {
  auto step = static_cast<std::uint64_t>(round) * static_cast<std::uint64_t>(substeps_);
  const auto increments = [this, &step](std::vector<double>& dW, double /*t*/, double dt) {
    fill_normals(seed_, Stream::pulse_noise, trajectory_, step++, normals_);
    const std::size_t n = dW.size() / 2;
    for (std::size_t i = 0; i < n; ++i) {
      dW[i] = std::sqrt(dt) * normals_[2 * i];
      dW[n + i] = std::sqrt(dt) * normals_[2 * i + 1];
    }
  };
  boost::numeric::odeint::integrate_n_steps(
      EulerMaruyama<std::vector<double>, decltype(increments)>(increments),
      std::make_pair(TruncatedWignerDrift{drive}, TruncatedWignerDiffusion{g_}), state_,
      static_cast<double>(round) * dt_, dt_ / substeps_, static_cast<std::size_t>(substeps_));
}

void TruncatedWigner::clamp(double bound) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(n_); ++i)
    state_[i] = std::clamp(state_[i], -bound, bound);
}

void TruncatedWigner::inject(std::span<const double> in_phase, std::span<const double> quadrature,
                             double time) {
  const auto n = static_cast<std::size_t>(n_);
  for (std::size_t i = 0; i < n; ++i) {
    state_[i] += in_phase[i] * time;
    state_[n + i] += quadrature[i] * time;
  }
}

std::vector<PulseVariable> TruncatedWigner::variables() const {
  const auto n = static_cast<std::size_t>(n_);
  return {{"c", {state_.data(), n}}, {"s", {state_.data() + n, n}}};
}

}  // namespace opoloop
