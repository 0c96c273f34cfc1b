#include <utility>  // Boost 1.74's integrate headers use std::pair without it

#include <boost/numeric/odeint/integrate/integrate_const.hpp>
#include <boost/numeric/odeint/integrate/integrate_n_steps.hpp>
#include <catch2/catch.hpp>
#include <cmath>

#include "cim_model/steppers/euler_maruyama.h"
#include "cim_model/steppers/milstein.h"
#include "cim_model/steppers/normals.h"
#include "loop_helpers.h"

using namespace opoloop;
namespace odeint = boost::numeric::odeint;

// Geometric Brownian motion dX = λX dt + μX dW (Itô) has X(t) = X₀ exp((λ − μ²/2) t + μ W(t)): every path can
// be compared with its exact value. Kloeden & Platen (1992), section 4.4.

namespace {

using State = std::vector<double>;
constexpr double kLambda = 0.7;
constexpr double kMu = 0.8;
constexpr int kPaths = 20000;

struct Drift {
  void operator()(const State& x, State& out, double) const {
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = kLambda * x[i];
  }
};
struct Diffusion {
  void operator()(const State& x, State& out, double) const {
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = kMu * x[i];
  }
};

constexpr int kFinest = 64;

/// ΔW over 1/steps of the unit interval as the sum of the finest increments: all step sizes see one path.
struct PathIncrements {
  std::uint64_t seed;
  void operator()(State& dW, double t, double dt) const {
    std::fill(dW.begin(), dW.end(), 0.0);
    State normals(dW.size());
    const auto first = static_cast<int>(std::lround(t * kFinest)),
               count = static_cast<int>(std::lround(dt * kFinest));
    for (int k = first; k < first + count; ++k) {
      fill_normals(seed, Stream::pulse_noise, 0, static_cast<std::uint64_t>(k), normals);
      for (std::size_t i = 0; i < dW.size(); ++i) dW[i] += normals[i] * std::sqrt(1.0 / kFinest);
    }
  }
};

struct Errors {
  Mean strong;  // |X̂(1) − X(1)|
  Mean weak;    // X̂(1) − X(1), whose mean is E X̂ − E X
};

template <template <class, class> class StepperType>
Errors errors_of(int steps) {
  const PathIncrements increments{42};
  State x(kPaths, 1.0);
  odeint::integrate_n_steps(StepperType<State, PathIncrements>(increments),
                            std::make_pair(Drift(), Diffusion()), x, 0.0, 1.0 / steps,
                            static_cast<std::size_t>(steps));
  State W(kPaths);
  increments(W, 0, 1);
  Errors errors;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = std::exp(kLambda - kMu * kMu / 2 + kMu * W[i]);
    errors.strong.add(std::abs(x[i] - exact));
    errors.weak.add(x[i] - exact);
  }
  return errors;
}

/// log₂ of the ratio of two means, with five standard errors (delta method, errors taken as independent).
void check_order(const Mean& coarse, const Mean& fine, double order, double next_order) {
  const double measured = std::log2(std::abs(coarse.value() / fine.value()));
  const double error =
      std::hypot(coarse.standard_error() / coarse.value(), fine.standard_error() / fine.value()) /
      std::log(2);
  CAPTURE(measured, order, error);
  CHECK(std::abs(measured - order) < 5 * error + next_order);
}

}  // namespace

TEST_CASE("orders of the stochastic steppers, halving dt") {
  // The leading term leaves the rest a relative √dt (strong ½) or dt: 0.12 and 0.1 at dt = 1/64 … 1/16.
  const Errors em16 = errors_of<EulerMaruyama>(16), em64 = errors_of<EulerMaruyama>(64);
  check_order(em16.strong, em64.strong, 2 * 0.5, 0.12);
  check_order(em16.weak, em64.weak, 2 * 1.0, 0.15);
  // Weak error of Euler–Maruyama here without sampling: (1 + λ dt)^n − e^λ.
  CHECK(std::abs(em16.weak.value() - (std::pow(1 + kLambda / 16, 16) - std::exp(kLambda))) <
        5 * em16.weak.standard_error());

  const Errors m16 = errors_of<Milstein>(16), m64 = errors_of<Milstein>(64);
  check_order(m16.strong, m64.strong, 2 * 1.0, 0.15);
  CHECK(m64.strong.value() < em64.strong.value() / 3);
}

TEST_CASE("stochastic steppers run under odeint's integrate_const with an observer") {
  const PathIncrements increments{1};
  State x(4, 1.0), y(4, 1.0);
  int seen = 0;
  odeint::integrate_const(EulerMaruyama<State, PathIncrements>(increments),
                          std::make_pair(Drift(), Diffusion()), x, 0.0, 1.0, 1.0 / 16,
                          [&](const State&, double) { ++seen; });
  odeint::integrate_n_steps(EulerMaruyama<State, PathIncrements>(increments),
                            std::make_pair(Drift(), Diffusion()), y, 0.0, 1.0 / 16, 16);
  CHECK(seen == 17);
  CHECK(x == y);
}
