#include "driver/calibration/loop_fit.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <unsupported/Eigen/LevenbergMarquardt>

#include "core/error.h"
#include "core/random.h"
#include "driver/calibration/numerical_jacobian.h"

namespace opoloop::calibration {
namespace {

double& value_of(LoopGuess& guess, LoopParameter parameter) {
  switch (parameter) {
    case LoopParameter::dt:
      return guess.dt;
    case LoopParameter::pump_unit:
      return guess.pump_unit;
    case LoopParameter::record_gain:
      return guess.record_gain;
    case LoopParameter::g2:
      return guess.g2;
    case LoopParameter::white:
      return guess.white;
    case LoopParameter::feedback_gain:
      return guess.feedback_gain;
    case LoopParameter::dac_clip:
      break;
  }
  return guess.dac_clip;
}

/// The guess with exp(theta) in place of its parameters; a sign is kept.
LoopGuess with(LoopGuess guess, const std::vector<LoopParameter>& parameters, const Eigen::VectorXd& theta) {
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    double& value = value_of(guess, parameters[p]);
    value = std::copysign(std::exp(std::clamp(theta[static_cast<Eigen::Index>(p)], -60.0, 60.0)), value);
  }
  return guess;
}

/// Everything measured, one below the other, with its standard errors.
struct Stack {
  const std::vector<StatisticsBlock>* blocks;
  Eigen::VectorXd measured, sd;

  explicit Stack(const std::vector<StatisticsBlock>& all) : blocks(&all) {
    Eigen::Index size = 0;
    for (const StatisticsBlock& b : all) size += b.per_run.cols();
    measured.resize(size);
    sd.resize(size);
    Eigen::Index at = 0;
    for (const StatisticsBlock& b : all) {
      const Eigen::Index n = b.per_run.cols();
      measured.segment(at, n) = b.mean();
      const Eigen::VectorXd errors = b.covariance().diagonal().cwiseSqrt();
      // A statistic that never varies (a stuck converter) still has a rounding error.
      sd.segment(at, n) = errors.cwiseMax(1e-9 * measured.segment(at, n).cwiseAbs().maxCoeff() + 1e-300);
      at += n;
    }
  }

  Eigen::VectorXd predicted(const LoopGuess& guess) const {
    Eigen::VectorXd all(measured.size());
    Eigen::Index at = 0;
    for (const StatisticsBlock& b : *blocks) {
      all.segment(at, b.per_run.cols()) = predict(b, guess);
      at += b.per_run.cols();
    }
    return all;
  }
};

/// Residuals in standard errors, for Eigen's Levenberg–Marquardt.
struct Residuals : Eigen::DenseFunctor<double> {
  const Stack& stack;
  const LoopGuess& guess;
  const std::vector<LoopParameter>& parameters;

  Residuals(const Stack& s, const LoopGuess& g, const std::vector<LoopParameter>& p)
      : Eigen::DenseFunctor<double>(static_cast<int>(p.size()), static_cast<int>(s.measured.size())),
        stack(s),
        guess(g),
        parameters(p) {}

  int operator()(const Eigen::VectorXd& theta, Eigen::VectorXd& residual) const {
    residual = (stack.predicted(with(guess, parameters, theta)) - stack.measured).cwiseQuotient(stack.sd);
    if (!residual.allFinite()) residual.setConstant(1e6);
    return 0;
  }

  int df(const Eigen::VectorXd& theta, Eigen::MatrixXd& jacobian) const {
    numerical_jacobian(*this, theta, jacobian);
    return 0;
  }
};

/// Means of the runs of every block, drawn again.
Eigen::VectorXd resampled(const std::vector<StatisticsBlock>& blocks, Eigen::Index size,
                          RandomSequence& random) {
  Eigen::VectorXd means(size);
  Eigen::Index at = 0;
  for (const StatisticsBlock& b : blocks) {
    const Eigen::Index runs = b.per_run.rows();
    Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(b.per_run.cols());
    for (Eigen::Index r = 0; r < runs; ++r)
      sum += b.per_run.row(static_cast<Eigen::Index>(random.below(static_cast<std::uint64_t>(runs))));
    means.segment(at, b.per_run.cols()) = sum.transpose() / static_cast<double>(runs);
    at += b.per_run.cols();
  }
  return means;
}

const StatisticsBlock& first_of(const std::vector<StatisticsBlock>& blocks, RecordKind kind) {
  for (const StatisticsBlock& b : blocks) {
    if (b.kind == kind) return b;
  }
  throw InputError("calibration: there is no record of kind '" + name_of(kind) + "'");
}

}  // namespace

double t_quantile(int degrees_of_freedom) {
  return boost::math::quantile(boost::math::students_t(std::max(degrees_of_freedom, 1)), 0.975);
}

int LoopFit::place(LoopParameter parameter) const {
  const auto found = std::find(parameters.begin(), parameters.end(), parameter);
  return found == parameters.end() ? -1 : static_cast<int>(found - parameters.begin());
}

double LoopFit::error(LoopParameter parameter) const {
  const int at = place(parameter);
  return at < 0 ? 0 : std::sqrt(covariance(at, at));
}

LoopGuess first_guess(const std::vector<StatisticsBlock>& blocks) {
  LoopGuess g;
  // Above threshold the squared amplitude is a straight line, κ² (u/u_th − 1).
  double n = 0, su = 0, sq = 0, suu = 0, suq = 0;
  for (const StatisticsBlock& b : blocks) {
    if (b.kind != RecordKind::above && b.kind != RecordKind::drift) continue;
    const double q = b.per_run.col(static_cast<Eigen::Index>(b.lags.size()) - 1).mean();
    n += 1;
    su += b.pump;
    sq += q;
    suu += b.pump * b.pump;
    suq += b.pump * q;
  }
  const double spread = n * suu - su * su;
  if (n < 2 || spread <= 0)
    throw InputError("calibration: needs records of kind 'above' (or 'drift') at two settings of the pump");
  const double slope = (n * suq - su * sq) / spread;
  const double intercept = (sq - slope * su) / n;
  if (!(slope > 0 && intercept < 0))
    throw InputError(
        "calibration: the records of kind 'above' do not look like a threshold: amplitude² must rise with "
        "the pump, from a threshold above 0");
  g.record_gain = std::sqrt(-intercept);
  g.pump_unit = -intercept / slope;

  // The ring-down knows dt, whatever the noise.
  const StatisticsBlock& ring = first_of(blocks, RecordKind::ring_down);
  const Eigen::VectorXd seen = ring.mean();
  double best = 0;
  g.g2 = 1e-12;
  for (double dt = 0.002; dt < 1; dt *= 1.03) {
    LoopGuess tried = g;
    tried.dt = dt;
    const double misfit = (predict(ring, tried) - seen).squaredNorm();
    if (best == 0 || misfit < best) {
      best = misfit;
      g.dt = dt;
    }
  }

  const StatisticsBlock& below = first_of(blocks, RecordKind::below);
  const double a = 1 - g.dt * (1 - below.pump / g.pump_unit);
  if (!(a > 0 && a < 1)) throw InputError("calibration: the record of kind 'below' is not below threshold");
  const Eigen::VectorXd lags = below.mean();
  const double variance = std::max(lags[1] / a, 1e-12 * g.record_gain * g.record_gain);
  g.g2 = variance / (g.record_gain * g.record_gain) * (1 - a * a) / (g.dt / 2);
  g.white = std::max(lags[0] - variance, 1e-3 * lags[0]);
  return g;
}

LoopFit fit_loop(const std::vector<StatisticsBlock>& blocks, const LoopGuess& guess,
                 const std::vector<LoopParameter>& parameters, int resamples, std::uint64_t seed) {
  const Stack stack(blocks);
  const Residuals residuals(stack, guess, parameters);
  LoopFit fit;
  fit.parameters = parameters;
  fit.theta.resize(static_cast<Eigen::Index>(parameters.size()));
  LoopGuess start = guess;
  for (std::size_t p = 0; p < parameters.size(); ++p)
    fit.theta[static_cast<Eigen::Index>(p)] = std::log(std::abs(value_of(start, parameters[p])));

  Residuals functor = residuals;
  Eigen::LevenbergMarquardt<Residuals> solver(functor);
  solver.setMaxfev(200);
  solver.setFtol(1e-10);
  solver.setXtol(1e-10);
  const auto status = solver.minimize(fit.theta);
  fit.converged = status != Eigen::LevenbergMarquardtSpace::TooManyFunctionEvaluation &&
                  status != Eigen::LevenbergMarquardtSpace::ImproperInputParameters && fit.theta.allFinite();
  fit.loop = with(guess, parameters, fit.theta);

  Eigen::VectorXd z(stack.measured.size());
  residuals(fit.theta, z);
  fit.residual = z.squaredNorm();
  for (const StatisticsBlock& b : blocks) fit.predicted.push_back(predict(b, fit.loop));

  Eigen::MatrixXd jacobian(stack.measured.size(), fit.theta.size());
  residuals.df(fit.theta, jacobian);
  // Of the residuals in standard errors: G maps a change of the measured numbers to one of theta.
  const Eigen::MatrixXd solve = (jacobian.transpose() * jacobian).ldlt().solve(jacobian.transpose()) *
                                stack.sd.cwiseInverse().asDiagonal();
  fit.covariance = Eigen::MatrixXd::Zero(fit.theta.size(), fit.theta.size());
  fit.smallest_runs = static_cast<int>(blocks.front().per_run.rows());
  Eigen::Index at = 0;
  for (const StatisticsBlock& b : blocks) {
    const auto part = solve.middleCols(at, b.per_run.cols());
    fit.covariance += part * b.covariance() * part.transpose();
    fit.smallest_runs = std::min(fit.smallest_runs, static_cast<int>(b.per_run.rows()));
    at += b.per_run.cols();
  }

  // Two Gauss–Newton steps with the Jacobian of the fit lead from there to each resample's own optimum. A
  // resample's means scatter about the measured ones; what the model leaves unexplained is no part of it.
  fit.bootstrap.resize(resamples, fit.theta.size());
  RandomSequence random(seed, Stream::bootstrap);
  const Eigen::VectorXd fitted = stack.predicted(fit.loop);
  for (int r = 0; r < resamples; ++r) {
    const Eigen::VectorXd shift = resampled(blocks, stack.measured.size(), random) - stack.measured;
    Eigen::VectorXd theta = fit.theta + solve * shift;
    theta += solve * (fitted + shift - stack.predicted(with(guess, parameters, theta)));
    fit.bootstrap.row(r) = theta.transpose();
  }
  return fit;
}

DelayFit fit_delay(const StatisticsBlock& pairs, const LoopGuess& guess, int largest, int resamples,
                   std::uint64_t seed) {
  const Eigen::VectorXd measured = pairs.mean();
  const Eigen::VectorXd weight = pairs.covariance().diagonal().cwiseMax(1e-300).cwiseInverse();
  const auto misfit_of = [&](const Eigen::VectorXd& residual) {
    return residual.dot(weight.cwiseProduct(residual));
  };
  // The cross-covariance alone has the sign.
  const Eigen::Index half = measured.size() / 2;
  const double sign = measured.tail(half).sum() < 0 ? -1 : 1;
  const double limit = (1 - pairs.pump / guess.pump_unit) / (pairs.couplings[0] * guess.record_gain);

  struct Candidate {
    Eigen::VectorXd predicted, slope;
    double gain = 0;
  };
  std::vector<Candidate> candidates;
  DelayFit fit;
  for (int delay = 0; delay <= largest; ++delay) {
    LoopGuess tried = guess;
    tried.delay = delay;
    const auto at = [&](double gain) {
      tried.feedback_gain = sign * gain;
      return predict(pairs, tried);
    };
    // One number between 0 and where the pairs would oscillate: golden section.
    double low = 0, high = 0.97 * limit;
    constexpr double kGolden = 0.6180339887498949;
    double a = high - kGolden * (high - low), b = low + kGolden * (high - low);
    double fa = misfit_of(at(a) - measured), fb = misfit_of(at(b) - measured);
    for (int step = 0; step < 24; ++step) {
      if (fa < fb) {
        high = b;
        b = a;
        fb = fa;
        a = high - kGolden * (high - low);
        fa = misfit_of(at(a) - measured);
      } else {
        low = a;
        a = b;
        fa = fb;
        b = low + kGolden * (high - low);
        fb = misfit_of(at(b) - measured);
      }
    }
    Candidate c;
    c.gain = (low + high) / 2;
    c.predicted = at(c.gain);
    const double step = 1e-4 * limit;
    c.slope = (at(c.gain + step) - at(std::max(c.gain - step, 0.0))) /
              (c.gain + step - std::max(c.gain - step, 0.0));
    fit.misfit.push_back(misfit_of(c.predicted - measured));
    candidates.push_back(std::move(c));
  }
  const auto best_for = [&](const Eigen::VectorXd& shift) {
    int best = 0;
    double lowest = 0;
    for (int d = 0; d <= largest; ++d) {
      const Candidate& c = candidates[static_cast<std::size_t>(d)];
      Eigen::VectorXd residual = c.predicted - measured - shift;
      const double move =
          residual.dot(weight.cwiseProduct(c.slope)) / c.slope.dot(weight.cwiseProduct(c.slope));
      residual -= move * c.slope;
      const double misfit = misfit_of(residual);
      if (d == 0 || misfit < lowest) {
        lowest = misfit;
        best = d;
      }
    }
    return best;
  };
  fit.delay = best_for(Eigen::VectorXd::Zero(measured.size()));
  fit.feedback_gain = sign * candidates[static_cast<std::size_t>(fit.delay)].gain;
  RandomSequence random(seed, Stream::bootstrap, 1);
  std::vector<int> chosen{fit.delay};
  const std::vector<StatisticsBlock> only{pairs};
  for (int r = 0; r < resamples; ++r)
    chosen.push_back(best_for(resampled(only, measured.size(), random) - measured));
  std::sort(chosen.begin(), chosen.end());
  const auto quantile = [&](double q) {
    return chosen[static_cast<std::size_t>(q * static_cast<double>(chosen.size() - 1))];
  };
  fit.low = std::min(fit.delay, quantile(0.025));
  fit.high = std::max(fit.delay, quantile(0.975));
  return fit;
}

}  // namespace opoloop::calibration
