#include "cim_model/models/positive_p.h"

#include <algorithm>
#include <boost/numeric/odeint/integrate/integrate_n_steps.hpp>
#include <cmath>
#include <limits>

#include "cim_model/steppers/euler_maruyama.h"
#include "cim_model/steppers/normals.h"

namespace opoloop {

NormallyOrdered normally_ordered(std::complex<double> alpha, std::complex<double> alpha_plus) {
  const std::complex<double> x = (alpha + alpha_plus) / 2.0;
  const std::complex<double> y = (alpha - alpha_plus) / std::complex<double>(0, 2);
  return {x.real(), (alpha_plus * alpha).real(), (x * x).real() + 0.25, (y * y).real() + 0.25};
}

PositiveP::PositiveP(const LoopParameters& parameters, int n)
    : dt_(parameters.dt),
      substeps_(parameters.substeps),
      g_(std::sqrt(parameters.g2)),
      state_(2 * static_cast<std::size_t>(n)),
      normals_(2 * static_cast<std::size_t>(n)),
      x_(static_cast<std::size_t>(n)),
      parts_(4 * static_cast<std::size_t>(n)) {}

void PositiveP::start(std::uint64_t seed, std::uint32_t trajectory) {
  seed_ = seed;
  trajectory_ = trajectory;
  std::fill(state_.begin(), state_.end(), 0.0);
  refresh();
}

void PositiveP::measure(std::int64_t round, std::span<const double> /*pump*/,
                        std::span<double> record) const {
  fill_normals(seed_, Stream::record_vacuum, trajectory_, static_cast<std::uint64_t>(round), record);
  for (std::size_t i = 0; i < x_.size(); ++i) record[i] = x_[i] + g_ / 2 * record[i];
}

void PositiveP::advance(std::int64_t round, const Drive& drive) {
  auto step = static_cast<std::uint64_t>(round) * static_cast<std::uint64_t>(substeps_);
  const auto increments = [this, &step](ComplexState& dW, double /*t*/, double dt) {
    fill_normals(seed_, Stream::pulse_noise, trajectory_, step++, normals_);
    const std::size_t n = dW.size() / 2;
    for (std::size_t i = 0; i < n; ++i) {
      dW[i] = std::sqrt(dt) * normals_[2 * i];
      dW[n + i] = std::sqrt(dt) * normals_[2 * i + 1];
    }
  };
  EulerMaruyama<ComplexState, decltype(increments)> stepper(increments);
  const auto system = std::make_pair(PositivePDrift{drive, g_}, PositivePDiffusion{drive.pump, g_});
  const double h = dt_ / substeps_;
  const double largest_square = 1 / (h * g_ * g_);
  for (int sub = 0; sub < substeps_; ++sub) {
    stepper.do_step(system, state_, static_cast<double>(round) * dt_ + sub * h, h);
    // A spike between two sub-steps counts too: it may come back as an innocent number.
    for (std::complex<double>& a : state_) {
      if (!(std::norm(a) <= largest_square)) a = std::numeric_limits<double>::quiet_NaN();
    }
  }
  refresh();
}

void PositiveP::clamp(double bound) {
  const std::size_t n = x_.size();
  for (std::size_t i = 0; i < n; ++i) {
    if (std::abs(x_[i]) <= bound || !std::isfinite(x_[i])) continue;
    const double factor = bound / std::abs(x_[i]);
    state_[i] *= factor;
    state_[n + i] *= factor;
  }
  refresh();
}

void PositiveP::refresh() {
  const std::size_t n = x_.size();
  for (std::size_t i = 0; i < n; ++i) {
    x_[i] = g_ * (state_[i].real() + state_[n + i].real()) / 2;
    parts_[i] = state_[i].real();
    parts_[n + i] = state_[i].imag();
    parts_[2 * n + i] = state_[n + i].real();
    parts_[3 * n + i] = state_[n + i].imag();
  }
}

std::vector<PulseVariable> PositiveP::variables() const {
  const std::size_t n = x_.size();
  const std::span<const double> all(parts_);
  return {{"alpha_re", all.first(n)},
          {"alpha_im", all.subspan(n, n)},
          {"alpha_plus_re", all.subspan(2 * n, n)},
          {"alpha_plus_im", all.subspan(3 * n, n)}};
}

}  // namespace opoloop
