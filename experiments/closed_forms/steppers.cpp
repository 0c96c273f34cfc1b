#include <utility>  // Boost 1.74's integrate headers use std::pair without it

#include <boost/numeric/odeint/integrate/integrate_n_steps.hpp>
#include <boost/numeric/odeint/stepper/euler.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta4.hpp>
#include <cmath>

#include "cim_model/models/mean_field.h"
#include "cim_model/steppers/euler_maruyama.h"
#include "cim_model/steppers/milstein.h"
#include "cim_model/steppers/normals.h"
#include "core/threads.h"
#include "experiments/closed_forms/groups.h"
#include "experiments/closed_forms/replicas.h"

// The order of every stepper by halving dt. Deterministic: a solitary pulse, whose equation is Bernoulli's,
// x(t)² = r/(1 + (r/x₀² − 1) e^{−2rt}), r = p − 1. Stochastic: geometric Brownian motion, dX = λX dt + μX dW,
// X(t) = exp((λ − μ²/2) t + μ W(t)) (Kloeden & Platen 1992, section 4.4), where the errors of both steppers
// at a finite dt have closed forms of their own, so that nothing has to be allowed for.

namespace opoloop {
namespace {

namespace odeint = boost::numeric::odeint;
using State = std::vector<double>;

template <class Stepper>
double pulse_error(int steps) {
  const double r = 0.4;
  State x = {0.2};
  const std::vector<double> pump = {1 + r};
  const std::vector<double> nothing = {0.0};
  odeint::integrate_n_steps(Stepper(), MeanFieldDrift{{pump, nothing, {}}, 1.0}, x, 0.0, 4.0 / steps,
                            static_cast<std::size_t>(steps));
  return std::abs(x[0] - std::sqrt(r / (1 + (r / 0.04 - 1) * std::exp(-2 * r * 4))));
}

/// Halving twice: the order that the second halving shows, and how far that is from the limit, which is about
/// what it moved by.
template <class Stepper>
void add_order(ClosedForms& forms, const std::string& name, double order, int steps) {
  const double first = std::log2(pulse_error<Stepper>(steps) / pulse_error<Stepper>(2 * steps));
  const double second = std::log2(pulse_error<Stepper>(2 * steps) / pulse_error<Stepper>(4 * steps));
  forms.bounded("order of " + name, "mean-field", order, second, 1.5 * std::abs(second - first));
}

constexpr double kLambda = 0.7;
constexpr double kMu = 0.8;
constexpr int kFinest = 64;
constexpr std::size_t kPaths = 400;

struct Drift {
  void operator()(const State& x, State& out, double /*t*/) const {
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = kLambda * x[i];
  }
};
struct Diffusion {
  void operator()(const State& x, State& out, double /*t*/) const {
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = kMu * x[i];
  }
};

/// ΔW over a part of the unit interval as the sum of the finest increments: all step sizes see one path.
struct PathIncrements {
  std::uint64_t seed;
  std::uint32_t replica;
  void operator()(State& dW, double t, double dt) const {
    std::fill(dW.begin(), dW.end(), 0.0);
    State normals(dW.size());
    const auto first = static_cast<int>(std::lround(t * kFinest));
    const auto count = static_cast<int>(std::lround(dt * kFinest));
    for (int k = first; k < first + count; ++k) {
      fill_normals(seed, Stream::pulse_noise, replica, static_cast<std::uint64_t>(k), normals);
      for (std::size_t i = 0; i < dW.size(); ++i) dW[i] += normals[i] * std::sqrt(1.0 / kFinest);
    }
  }
};

/// E(X̂ − X)² of a linear stepper that multiplies by 1 + λdt + μΔW + m(ΔW² − dt) a step.
double exact_mean_square(int steps, double m) {
  const double dt = 1.0 / steps;
  const double growth = std::exp(kLambda * dt);
  const double mu2 = kMu * kMu;
  const double own = std::pow(1 + kLambda * dt, 2) + mu2 * dt + 2 * m * m * dt * dt;
  const double cross = growth * (1 + kLambda * dt + mu2 * dt + m * mu2 * dt * dt);
  const double exact = std::exp((2 * kLambda + mu2) * dt);
  return std::pow(own, steps) - 2 * std::pow(cross, steps) + std::pow(exact, steps);
}

/// m of the derivative-free Milstein step (S2): (b(x + a dt + b√dt) − b(x))/(2√dt) in units of x.
double milstein_m(int steps) {
  return kMu * kMu / 2 + kMu * kLambda / (2 * std::sqrt(static_cast<double>(steps)));
}

/// Sums per replica: X̂ − X and its square at 16 and at 64 steps.
template <template <class, class> class Stepper>
Replicas path_errors(const ValidationSettings& settings) {
  Replicas replicas(static_cast<std::size_t>(settings.replicas), 4);
  parallel_for(settings.replicas, settings.threads, [&](std::int64_t replica) {
    const PathIncrements increments{settings.seed, static_cast<std::uint32_t>(replica)};
    const auto sums = replicas.of(static_cast<std::size_t>(replica));
    State W(kPaths);
    increments(W, 0, 1);
    std::size_t entry = 0;
    for (const int steps : {16, 64}) {
      State x(kPaths, 1.0);
      odeint::integrate_n_steps(Stepper<State, PathIncrements>(increments),
                                std::make_pair(Drift(), Diffusion()), x, 0.0, 1.0 / steps,
                                static_cast<std::size_t>(steps));
      for (std::size_t i = 0; i < kPaths; ++i) {
        const double error = x[i] - std::exp(kLambda - kMu * kMu / 2 + kMu * W[i]);
        sums[entry] += error;
        sums[entry + 1] += error * error;
      }
      entry += 2;
    }
  });
  return replicas;
}

}  // namespace

void add_steppers(const ValidationSettings& settings, std::vector<ClosedForm>& rows) {
  ClosedForms forms("steppers", rows);
  add_order<odeint::euler<State>>(forms, "Euler", 1, 64);
  add_order<odeint::runge_kutta4<State>>(forms, "Runge–Kutta 4", 4, 16);

  // dt = 1/16 → 1/64 is two halvings; rms errors give the strong order, mean errors the weak one.
  const Replicas euler = path_errors<EulerMaruyama>(settings);
  const Replicas milstein = path_errors<Milstein>(settings);
  const auto rms_order = [](std::span<const double> s) { return std::log2(s[1] / s[3]) / 4; };
  const auto mean_order = [](std::span<const double> s) { return std::log2(std::abs(s[0] / s[2])) / 2; };
  forms.sampled("strong order of Euler–Maruyama (½ as dt → 0), dt = 1/16 … 1/64", "–",
                std::log2(exact_mean_square(16, 0) / exact_mean_square(64, 0)) / 4,
                euler.estimate(rms_order));
  forms.sampled("strong order of Milstein (1 as dt → 0), dt = 1/16 … 1/64", "–",
                std::log2(exact_mean_square(16, milstein_m(16)) / exact_mean_square(64, milstein_m(64))) / 4,
                milstein.estimate(rms_order));
  const auto weak = [](int steps) { return std::pow(1 + kLambda / steps, steps) - std::exp(kLambda); };
  const double order = std::log2(weak(16) / weak(64)) / 2;
  forms.sampled("weak order of Euler–Maruyama (1 as dt → 0), dt = 1/16 … 1/64", "–", order,
                euler.estimate(mean_order));
  forms.sampled("weak order of Milstein (1 as dt → 0), dt = 1/16 … 1/64", "–", order,
                milstein.estimate(mean_order));
}

}  // namespace opoloop
