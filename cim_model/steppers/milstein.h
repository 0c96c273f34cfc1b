#pragma once

#include <boost/numeric/odeint/stepper/stepper_categories.hpp>
#include <cmath>
#include <cstddef>
#include <utility>

namespace opoloop {

/// Derivative-free Milstein step of an Itô equation with diagonal noise, b_i a function of x_i and t only:
///
///     Υ_i = x_i + a_i dt + b_i √dt
///     x_i ← x_i + a_i dt + b_i ΔW_i + (b_i(Υ) − b_i(x)) (ΔW_i² − dt) / (2 √dt)
///
/// Strong order 1: Kloeden & Platen (1992), eq. 11.1.3. Not for model (b), where the noise of c depends on s
/// and the other way round: that noise does not commute, and without Lévy areas no scheme beats order ½.
/// Same stepper concept, system and increments as EulerMaruyama.
template <class State, class Increments>
class Milstein {
 public:
  using state_type = State;
  using deriv_type = State;
  using value_type = double;
  using time_type = double;
  using order_type = unsigned short;
  using stepper_category = boost::numeric::odeint::stepper_tag;

  static order_type order() { return 1; }  // strong

  explicit Milstein(Increments increments) : increments_(std::move(increments)) {}

  template <class Drift, class Diffusion>
  void do_step(const std::pair<Drift, Diffusion>& system, State& x, double t, double dt) {
    const double root = std::sqrt(dt);
    drift_.resize(x.size());
    diffusion_.resize(x.size());
    shifted_.resize(x.size());
    shifted_diffusion_.resize(x.size());
    noise_.resize(x.size());
    system.first(x, drift_, t);
    system.second(x, diffusion_, t);
    increments_(noise_, t, dt);
    for (std::size_t i = 0; i < x.size(); ++i) shifted_[i] = x[i] + drift_[i] * dt + diffusion_[i] * root;
    system.second(shifted_, shifted_diffusion_, t);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] += drift_[i] * dt + diffusion_[i] * noise_[i] +
              (shifted_diffusion_[i] - diffusion_[i]) * (noise_[i] * noise_[i] - dt) / (2 * root);
    }
  }

 private:
  Increments increments_;
  State drift_, diffusion_, noise_, shifted_, shifted_diffusion_;
};

}  // namespace opoloop
