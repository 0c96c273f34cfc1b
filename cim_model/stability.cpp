#include "cim_model/stability.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "hamiltonian/extreme_eigenvalues.h"

namespace opoloop {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();
constexpr int kSamples = 20;  // of the run, for schedules

/// x > 0 with μx³ + a x = inj, by bisection: left and right sides cross once there.
double held_by_injection(double mu, double a, double inj) {
  double low = 0;
  double high = 1;
  const auto missing = [&](double x) { return inj - (mu * x * x + a) * x; };
  while (missing(high) > 0 && high < 1e6) high *= 2;
  for (int k = 0; k < 60; ++k) (missing((low + high) / 2) > 0 ? low : high) = (low + high) / 2;
  return high;
}

struct Equation {
  double loss;  // l
  double mu;
};

/// The amplitude at which the law holds the pulses at a time of the run.
double amplitude_held(const LoopParameters& p, const Equation& eq, double pump, double alpha, double top) {
  const double a = eq.loss - pump;
  double x = 0;
  switch (p.law) {
    case LawKind::cac:
    case LawKind::ahc:
      x = std::sqrt(alpha);
      break;
    case LawKind::cac_best:
      x = std::sqrt(alpha + p.best_energy.rho);
      break;
    case LawKind::cfc:
      x = held_by_injection(eq.mu, a, std::sqrt(alpha));
      break;
    case LawKind::clipped:
    case LawKind::tanh:
      x = held_by_injection(eq.mu, a, p.limit);
      break;
    case LawKind::sfc:
      x = held_by_injection(eq.mu, a, 1);
      break;
    default:
      x = eq.mu > 0 ? std::sqrt(std::max(0.0, top - a) / eq.mu) : 0;
  }
  if (p.amplitude_clamp > 0) x = std::min(x, p.amplitude_clamp);
  if (p.clamp_over_sqrt_alpha > 0) x = std::min(x, p.clamp_over_sqrt_alpha * std::sqrt(alpha));
  return x;
}

/// What a round trip of length dt makes of an amplitude (f) and of a unit of held injection (G).
struct RoundTrip {
  double f;
  double G;
};
RoundTrip round_trip(const LoopParameters& p, double a, double pump, double dt) {
  // Loops that go by whole round trips: injection is a kick, before the crystal pass in (e), at the end in
  // (f).
  if (p.model == ModelKind::discrete)
    return {std::exp(-a * dt), dt * std::exp((pump - 1 - p.measured_loss / 2) * dt)};
  if (p.model == ModelKind::phenomenological) return {std::exp(-a * dt), dt * std::exp(pump * dt)};
  const double f = std::pow(1 - a * dt / p.substeps, p.substeps);
  return {f, a == 0 ? dt : (1 - f) / a};
}

/// Longest dt with G K ≤ 1 + f.
double feedback_bound(const LoopParameters& p, double a, double pump, double K) {
  if (K <= 0) return kNone;
  const auto rings = [&](double dt) {
    const RoundTrip trip = round_trip(p, a, pump, dt);
    return trip.G * K > 1 + trip.f;
  };
  double low = 0;
  double high = 2 / K;
  while (!rings(high) && high < 1e9) high *= 2;
  if (high >= 1e9) return kNone;
  for (int k = 0; k < 60; ++k) (rings((low + high) / 2) ? high : low) = (low + high) / 2;
  return low;
}

/// Slope of the injection over the field at the start, in units of strength; SFC: of its unbounded part.
double slope(const LoopParameters& p) {
  switch (p.law) {
    case LawKind::cac:
    case LawKind::cfc:
    case LawKind::cac_best:
    case LawKind::ahc:
      return std::abs(p.error_start);
    case LawKind::sfc:
      return p.sfc_k;
    default:
      return 1;
  }
}

double error_rate(const LoopParameters& p, double alpha, double beta) {
  switch (p.law) {
    case LawKind::cac:
    case LawKind::cfc:
      return 2 * beta * alpha;
    case LawKind::sfc:
      return beta;
    case LawKind::cac_best:
      return 2 * p.best_energy.gamma * p.best_energy.tau * (alpha + p.best_energy.rho);
    default:
      return 0;
  }
}

/// Models whose pulses are explicit steps of an equation; the others are exact between kicks.
bool steps(ModelKind model) {
  return model != ModelKind::discrete && model != ModelKind::phenomenological;
}

/// μ of x³ in the model's equation.
double cubic(const LoopParameters& p) {
  if (p.model == ModelKind::bounded) return 0;
  const bool given = p.model == ModelKind::mean_field || p.model == ModelKind::phenomenological;
  return given ? p.saturation : 1;
}

}  // namespace

StableStep stable_dt(const IsingModel& problem, const LoopParameters& p) {
  StableStep bound{kNone, "", ""};
  const auto limit = [&](double dt, const char* what, double rate, const char* remedy) {
    if (dt < bound.dt) bound = {dt, fmt::format("{} at the rate {:.3g}", what, rate), remedy};
  };
  const bool moments = p.model == ModelKind::gaussian || p.model == ModelKind::gaussian_moments;
  const bool two_quadratures = p.model == ModelKind::truncated_wigner || p.model == ModelKind::positive_p ||
                               p.model == ModelKind::delay_lines;
  const Equation eq{is_measured(p.model) ? 1 + p.measured_loss : 1, cubic(p)};
  const ExtremeEigenvalues ends = extreme_eigenvalues(problem);
  // A loop whose sign is reversed sees −J.
  const double loop =
      coupling_strength(problem, p) * p.imperfections.record_gain * p.imperfections.feedback_gain;
  const double strength = std::abs(loop);
  const double highest = std::max(0.0, loop < 0 ? -ends.smallest : ends.largest);
  const double lowest = std::max(0.0, loop < 0 ? ends.largest : -ends.smallest);
  const double reach = p.stepper == Stepper::runge_kutta4 ? 2.785 : 2;
  for (int sample = 0; sample <= kSamples; ++sample) {
    const double pump = p.pump.at(sample, kSamples) / p.imperfections.pump_unit;
    const double alpha = p.alpha.at(sample, kSamples);
    const double a = eq.loss - pump;
    const double x = amplitude_held(p, eq, pump, alpha, strength * highest);
    const auto step_bound = [&](double rate, const char* what) {
      if (rate > 0 && steps(p.model))
        limit(p.substeps * reach / rate, what, rate, "a smaller dt or more substeps");
    };
    step_bound(a, "the amplitude decays");
    step_bound(a + 3 * eq.mu * x * x, "the amplitude settles");
    if (two_quadratures) step_bound(1 + pump + x * x, "the other quadrature decays");
    if (moments) step_bound(2 * a + 6 * x * x, "the variance settles");
    if (p.model == ModelKind::gaussian_moments)
      step_bound(2 * (eq.loss + pump) + 2 * x * x, "the other quadrature's variance settles");
    const double K = strength * slope(p) * lowest;
    limit(feedback_bound(p, a, pump, K), "feedback damps the highest mode", a + K, "a smaller dt or gain");
    const double error = error_rate(p, alpha, p.beta.at(sample, kSamples));
    if (error > 0)
      limit(p.dt * 2 / (error * p.error_step()), "the error variable settles", error,
            "a smaller dt or more error_substeps");
  }
  return bound;
}

std::string time_step_warning(const IsingModel& problem, const LoopParameters& p) {
  const StableStep bound = stable_dt(problem, p);
  if (p.dt <= bound.dt) return {};
  return fmt::format(
      "dt = {:.4g} with {} step{} a round trip is longer than explicit steps can follow: stable up to "
      "dt = {:.4g} ({}); {} would help",
      p.dt, p.substeps, p.substeps == 1 ? "" : "s", bound.dt, bound.limit, bound.remedy);
}

}  // namespace opoloop
