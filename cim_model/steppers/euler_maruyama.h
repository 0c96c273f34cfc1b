#pragma once

#include <boost/numeric/odeint/stepper/stepper_categories.hpp>
#include <cstddef>
#include <utility>

namespace opoloop {

/// Euler–Maruyama step of the Itô equation dx_i = a_i(x,t) dt + b_i(x,t) dW_i:
///
///     x_i ← x_i + a_i dt + b_i ΔW_i,   ΔW_i ~ N(0, dt)
///
/// Strong order ½ (1 where b does not depend on x through the noisy variables), weak order 1: Kloeden &
/// Platen, Numerical Solution of Stochastic Differential Equations (1992), sections 10.2 and 14.1.
/// A stepper in odeint's sense, so integrate_const and integrate_n_steps run it. The system is a pair
/// (drift, diffusion), each called as f(x, out, t). `Increments` is called as increments(dW, t, dt) and fills
/// the ΔW of the step that starts at t, √dt included: who draws them decides what a seed means.
template <class State, class Increments>
class EulerMaruyama {
 public:
  using state_type = State;
  using deriv_type = State;
  using value_type = double;
  using time_type = double;
  using order_type = unsigned short;
  using stepper_category = boost::numeric::odeint::stepper_tag;

  static order_type order() { return 1; }  // weak

  explicit EulerMaruyama(Increments increments) : increments_(std::move(increments)) {}

  template <class Drift, class Diffusion>
  void do_step(const std::pair<Drift, Diffusion>& system, State& x, double t, double dt) {
    drift_.resize(x.size());
    diffusion_.resize(x.size());
    noise_.resize(x.size());
    system.first(x, drift_, t);
    system.second(x, diffusion_, t);
    increments_(noise_, t, dt);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += drift_[i] * dt + diffusion_[i] * noise_[i];
  }

 private:
  Increments increments_;
  State drift_, diffusion_, noise_;
};

}  // namespace opoloop
