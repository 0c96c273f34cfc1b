#include "driver/calibration/sample_fit.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <unsupported/Eigen/LevenbergMarquardt>

#include "core/error.h"
#include "core/random.h"
#include "driver/calibration/intervals.h"
#include "driver/calibration/numerical_jacobian.h"

namespace opoloop::calibration {
namespace {

/// ln pump_unit, ln dt, ln |loop gain|.
SampleLoop loop_of(const Eigen::VectorXd& theta, SampleLoop loop, double sign) {
  loop.pump_unit = std::exp(std::clamp(theta[0], -20.0, 20.0));
  loop.dt = std::exp(std::clamp(theta[1], -20.0, 1.0));
  loop.loop_gain = sign * std::exp(std::clamp(theta[2], -20.0, 20.0));
  return loop;
}

struct Measured {
  const std::vector<EnergySetting>& settings;
  Eigen::VectorXd fraction, sd;

  explicit Measured(const std::vector<EnergySetting>& all)
      : settings(all), fraction(static_cast<Eigen::Index>(all.size())), sd(fraction.size()) {
    for (Eigen::Index i = 0; i < fraction.size(); ++i) {
      const EnergySetting& s = all[static_cast<std::size_t>(i)];
      const double trials = static_cast<double>(s.satisfied.size()) * s.pairs;
      fraction[i] = s.fraction();
      // Half a pair more on either side: a fraction of 1 still has an error.
      const double p = (fraction[i] * trials + 0.5) / (trials + 1);
      sd[i] = std::sqrt(p * (1 - p) / trials);
    }
  }
};

struct Residuals : Eigen::DenseFunctor<double> {
  const Measured& measured;
  Eigen::VectorXd target;
  SampleLoop loop;
  double sign;

  Residuals(const Measured& m, Eigen::VectorXd t, const SampleLoop& l, double s)
      : Eigen::DenseFunctor<double>(3, static_cast<int>(t.size())),
        measured(m),
        target(std::move(t)),
        loop(l),
        sign(s) {}

  int operator()(const Eigen::VectorXd& theta, Eigen::VectorXd& residual) const {
    const SampleLoop now = loop_of(theta, loop, sign);
    for (Eigen::Index i = 0; i < target.size(); ++i) {
      residual[i] = (satisfied_probability(now, measured.settings[static_cast<std::size_t>(i)]) - target[i]) /
                    measured.sd[i];
    }
    return 0;
  }
  int df(const Eigen::VectorXd& theta, Eigen::MatrixXd& jacobian) const {
    numerical_jacobian(*this, theta, jacobian);
    return 0;
  }
};

Eigen::VectorXd minimise(Residuals& residuals, const Eigen::VectorXd& start) {
  Eigen::VectorXd theta = start;
  Eigen::LevenbergMarquardt<Residuals> solver(residuals);
  solver.setMaxfev(100);
  solver.minimize(theta);
  return theta;
}

/// A fit with one assumption about record noise and delay.
struct Alternative {
  SampleLoop assumed;
  Eigen::VectorXd theta;
  double misfit = 0;
};

class Sampler {
 public:
  Sampler(Device& device, const AcquisitionPlan& plan, const AcquisitionProgress& progress)
      : device_(device), plan_(plan), progress_(progress) {}

  EnergySetting measure(double pump, double coupling, std::int64_t rounds, int runs) {
    if (progress_)
      progress_(fmt::format("pump {:.4g}, coupling {:.4g}, {} round trips", pump, coupling, rounds));
    EnergySetting s{pump, coupling, rounds, plan_.pulses / 2, {}};
    std::vector<IsingEdge> edges;
    for (std::int32_t i = 0; i + 1 < plan_.pulses; i += 2)
      edges.push_back({i, i + 1, i / 2 % 2 == 0 ? coupling : -coupling});
    auto problem = std::make_shared<Problem>();
    problem->name = "pairs";
    problem->ising = IsingModel(plan_.pulses, std::move(edges));
    Job job;
    job.problem = problem;
    job.settings.parameters = job_parameters(plan_, Schedule(pump));
    job.settings.runs = runs;
    job.settings.steps = rounds;
    job.settings.seed = plan_.seed + 1000003 * ++jobs_;
    job.settings.threads = plan_.threads;
    const Result result = device_.run(job);
    if (result.interrupted) throw Error("calibration: interrupted");
    for (const Sample& sample : result.samples)
      s.satisfied.push_back(std::round((s.pairs - sample.energy_final / coupling) / 2));
    if (s.satisfied.empty()) throw Error("calibration: the device returned no samples");
    return s;
  }

 private:
  Device& device_;
  const AcquisitionPlan& plan_;
  const AcquisitionProgress& progress_;
  std::uint64_t jobs_ = 0;
};

/// How far from ½ the fraction is, with the sign of the loop taken out.
double excess(const EnergySetting& s) {
  return std::abs(s.fraction() - 0.5);
}

}  // namespace

double EnergySetting::fraction() const {
  double sum = 0;
  for (const double s : satisfied) sum += s;
  return sum / (static_cast<double>(satisfied.size()) * pairs);
}

double EnergySetting::success() const {
  return static_cast<double>(std::count(satisfied.begin(), satisfied.end(), static_cast<double>(pairs))) /
         static_cast<double>(satisfied.size());
}

double satisfied_probability(const SampleLoop& loop, const EnergySetting& s) {
  const double a = 1 - loop.dt * (1 - s.pump / loop.pump_unit);
  const double b = std::abs(loop.loop_gain) * s.coupling * loop.dt;
  const auto rounds = static_cast<std::size_t>(s.rounds);
  const auto delay = static_cast<std::size_t>(loop.delay);
  double variance[2];
  std::vector<double> h(rounds + 1);
  for (int mode = 0; mode < 2; ++mode) {
    const double fed = mode == 0 ? b : -b;
    h[0] = 1;
    double all = 0, late = 0;
    for (std::size_t t = 0; t < rounds; ++t) {
      h[t + 1] = a * h[t] + (t >= delay ? fed * h[t - delay] : 0);
      all += h[t] * h[t];
      if (t + delay < rounds) late += h[t] * h[t];
      // Beyond saturation only the ratio of the modes matters, and it has long been decided.
      if (std::abs(h[t + 1]) > 1e100) return loop.loop_gain < 0 ? 0 : 1;
    }
    variance[mode] = h[rounds] * h[rounds] / 4 + loop.dt / 2 * all + b * b * loop.record_noise * late;
  }
  const double rho = (variance[0] - variance[1]) / (variance[0] + variance[1]);
  const double agree = 0.5 + std::asin(std::clamp(rho, -1.0, 1.0)) / std::numbers::pi;
  return loop.loop_gain < 0 ? 1 - agree : agree;
}

SampleCalibration fit_samples(std::vector<EnergySetting> settings, int resamples, std::uint64_t seed) {
  SampleCalibration out;
  out.settings = std::move(settings);
  const Measured measured(out.settings);
  double lean = 0;
  for (const EnergySetting& s : out.settings) lean += s.fraction() - 0.5;
  const double sign = lean < 0 ? -1 : 1;
  double largest_pump = 0;
  double strongest = 0;
  for (const EnergySetting& s : out.settings) {
    largest_pump = std::max(largest_pump, s.pump);
    strongest = std::max(strongest, s.coupling);
  }
  if (largest_pump == 0) throw InputError("calibration from samples: needs settings with a pump");

  std::vector<Alternative> alternatives;
  for (const double noise : {0.0, 0.5, 2.0, 8.0}) {
    for (int delay = 0; delay <= 5; ++delay) {
      Alternative best;
      best.misfit = -1;
      for (const double start_dt : {0.03, 0.1}) {
        SampleLoop assumed;
        assumed.record_noise = noise;
        assumed.delay = delay;
        Residuals residuals(measured, measured.fraction, assumed, sign);
        const Eigen::VectorXd theta = minimise(
            residuals,
            Eigen::Vector3d(std::log(1.5 * largest_pump), std::log(start_dt), std::log(0.5 / strongest)));
        Eigen::VectorXd z(measured.fraction.size());
        residuals(theta, z);
        if (best.misfit < 0 || z.squaredNorm() < best.misfit) best = {assumed, theta, z.squaredNorm()};
      }
      alternatives.push_back(best);
    }
  }
  const Alternative& best =
      *std::min_element(alternatives.begin(), alternatives.end(),
                        [](const auto& a, const auto& b) { return a.misfit < b.misfit; });
  out.misfit = best.misfit;
  const SampleLoop loop = loop_of(best.theta, best.assumed, sign);
  for (const EnergySetting& s : out.settings) out.predicted.push_back(satisfied_probability(loop, s));

  const char* names[] = {"pump_unit", "dt", "loop_gain"};
  const char* units[] = {"pump setting", "signal lifetimes", ""};
  const char* words[] = {"threshold: setting at which a pulse alone starts to oscillate",
                         "a round trip, in 1/e amplitude lifetimes of the cavity",
                         "feedback_gain × record_gain: samples do not tell them apart"};
  const auto exponential = [](double v) { return std::exp(v); };
  int runs = 1 << 30;
  for (const EnergySetting& s : out.settings) runs = std::min(runs, static_cast<int>(s.satisfied.size()));
  // 95% of a χ² with one degree of freedom, and what the model leaves unexplained with the best alternative.
  const double unexplained =
      std::max(1.0, best.misfit / std::max<double>(1, static_cast<double>(out.settings.size()) - 3));
  for (int p = 0; p < 3; ++p) {
    Estimate e;
    bool first = true;
    for (const Alternative& alternative : alternatives) {
      if (alternative.misfit > best.misfit + 3.84 * unexplained) continue;
      Residuals residuals(measured, measured.fraction, alternative.assumed, sign);
      Eigen::MatrixXd jacobian(measured.fraction.size(), 3);
      residuals.df(alternative.theta, jacobian);
      const Eigen::MatrixXd solve = (jacobian.transpose() * jacobian).ldlt().solve(jacobian.transpose());
      const Eigen::MatrixXd covariance = solve * solve.transpose() * unexplained;
      std::vector<double> again;
      RandomSequence random(seed, Stream::bootstrap, 10);
      for (int r = 0; r < resamples; ++r) {
        Eigen::VectorXd shift(measured.fraction.size());
        for (Eigen::Index i = 0; i < shift.size(); ++i) {
          const std::vector<double>& satisfied = out.settings[static_cast<std::size_t>(i)].satisfied;
          double sum = 0;
          for (std::size_t k = 0; k < satisfied.size(); ++k) sum += satisfied[random.below(satisfied.size())];
          const double fraction =
              sum / (static_cast<double>(satisfied.size()) * out.settings[static_cast<std::size_t>(i)].pairs);
          shift[i] = (fraction - measured.fraction[i]) / measured.sd[i];
        }
        again.push_back(alternative.theta[p] + (solve.row(p) * shift).value());
      }
      const Estimate one =
          interval(alternative.theta[p], std::sqrt(covariance(p, p)), runs, std::move(again), exponential);
      if (first) {
        e = one;
        first = false;
      }
      e.low = std::min(e.low, one.low);
      e.high = std::max(e.high, one.high);
      e.jacobian_low = std::min(e.jacobian_low, one.jacobian_low);
      e.jacobian_high = std::max(e.jacobian_high, one.jacobian_high);
      e.bootstrap_low = std::min(e.bootstrap_low, one.bootstrap_low);
      e.bootstrap_high = std::max(e.bootstrap_high, one.bootstrap_high);
    }
    e.value = std::exp(best.theta[p]);
    e.name = names[p];
    e.unit = units[p];
    e.what = words[p];
    if (p == 2 && sign < 0) {
      for (auto [low, high] : {std::pair{&e.low, &e.high}, std::pair{&e.jacobian_low, &e.jacobian_high},
                               std::pair{&e.bootstrap_low, &e.bootstrap_high}}) {
        std::swap(*low, *high);
        *low = -*low;
        *high = -*high;
      }
      e.value = -e.value;
    }
    out.estimates.push_back(e);
  }
  if (unexplained > 4)
    out.notes.push_back(
        fmt::format("the samples are not described by linear pairs (mean squared residual {:.3g}): do not "
                    "trust the intervals",
                    unexplained));
  out.notes.push_back(
      "samples do not show gains, noise, gain map, drift, delay or converters one by one: those are not "
      "estimated");
  return out;
}

SampleCalibration calibrate_from_samples(Device& device, const AcquisitionPlan& plan,
                                         const AcquisitionProgress& progress) {
  if (plan.pulses < 4 || plan.pulses % 2 != 0)
    throw_parameter_error("pulses", plan.pulses, "an even number from 4");
  if (plan.runs < 8) throw_parameter_error("runs", plan.runs, "at least 8");
  Sampler sampler(device, plan, progress);
  constexpr std::int64_t kLong = 1000;
  const int look = std::min(plan.runs, 64);
  // Without a pump the pairs correlate by f κ v: up to a correlation of 0.7, then half of that.
  double v = 1e-3;
  while (excess(sampler.measure(0, v, kLong, look)) < 0.25) {
    v *= 1.6;
    if (v > 1e4)
      throw InputError(fmt::format("device {}: couplings leave no trace in its samples", device.uri()));
  }
  const double full = v, half = v / 2, weak = v / 4;
  // Then up with the pump, to where pairs of that coupling are about to oscillate.
  double edge = 0.01 * plan.largest_pump;
  while (excess(sampler.measure(edge, half, kLong, look)) < 0.42) {
    edge *= 1.3;
    if (edge > plan.largest_pump)
      throw InputError(fmt::format("device {}: does not oscillate up to a pump of {}; a larger --pump-max?",
                                   device.uri(), plan.largest_pump));
  }
  std::vector<EnergySetting> settings;
  for (const std::int64_t rounds : {2, 5, 10, 20, 40, 80, 1000})
    settings.push_back(sampler.measure(0, full, rounds, plan.runs));
  for (const std::int64_t rounds : {5, 10, 20, 40, 80, 1000})
    settings.push_back(sampler.measure(0.5 * edge, half, rounds, plan.runs));
  for (const double part : {0.25, 0.75})
    settings.push_back(sampler.measure(part * edge, half, kLong, plan.runs));
  for (const double part : {0.0, 0.5, 0.8, 1.0})
    settings.push_back(sampler.measure(part * edge, weak, kLong, plan.runs));
  return fit_samples(std::move(settings), 200, plan.seed);
}

std::string sample_twin_file(const SampleCalibration& c, const std::string& source) {
  std::string out =
      "# Twin of a machine from samples alone, written by opoloop calibrate --samples\nformat = "
      "1\ndescription = \"twin of ";
  for (const char ch : source)
    out += ch == '"' || ch == '\\' || static_cast<unsigned char>(ch) < 0x20 ? '\'' : ch;
  out += "\"\n\nmodel = \"truncated-wigner\"\nstepper = \"euler\"\nsubsteps = 1\nclamp = 0\n\n";
  for (const Estimate& e : c.estimates) {
    // The record has no unit of its own here: all of the loop's gain is put into the feedback.
    out += fmt::format("{} = {:.9g}  # {}; 95%: {:.6g} to {:.6g}\n",
                       e.name == "loop_gain" ? std::string("feedback_gain") : e.name, e.value, e.what, e.low,
                       e.high);
  }
  for (const std::string& note : c.notes) out += "# note: " + note + "\n";
  return out;
}

}  // namespace opoloop::calibration
