#include "driver/calibration/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "driver/calibration/gain_map.h"
#include "driver/calibration/intervals.h"

namespace opoloop::calibration {
namespace {

/// A record with more than this part of its samples at the end of the converter's range is not averaged.
constexpr double kClippedPart = 1e-5;
/// What single precision leaves of a sample, beside the largest value.
constexpr double kSampleRounding = 1e-6;

Estimate of_logarithm(const LoopFit& fit, LoopParameter parameter) {
  const int at = fit.place(parameter);
  const Eigen::VectorXd column = fit.bootstrap.col(at);
  return interval(fit.theta[at], fit.error(parameter), fit.smallest_runs,
                  std::vector<double>(column.data(), column.data() + column.size()),
                  [](double v) { return std::exp(v); });
}

void describe(Estimate& e, const char* name, const char* unit, const char* what) {
  e.name = name;
  e.unit = unit;
  e.what = what;
}

/// Turns an interval of |f| into one of f.
void give_sign(Estimate& e, double sign) {
  if (sign > 0) return;
  for (auto [low, high] : {std::pair{&e.low, &e.high}, std::pair{&e.jacobian_low, &e.jacobian_high},
                           std::pair{&e.bootstrap_low, &e.bootstrap_high}}) {
    std::swap(*low, *high);
    *low = -*low;
    *high = -*high;
  }
  e.value = -e.value;
}

/// √max(v, 0) of every number of an estimate.
Estimate root(Estimate e) {
  for (double* v :
       {&e.value, &e.low, &e.high, &e.jacobian_low, &e.jacobian_high, &e.bootstrap_low, &e.bootstrap_high})
    *v = std::sqrt(std::max(*v, 0.0));
  return e;
}

Estimate exactly(double value, double relative_error) {
  Estimate e;
  const double reach = std::abs(value) * relative_error;
  e.value = value;
  e.low = e.jacobian_low = e.bootstrap_low = value - reach;
  e.high = e.jacobian_high = e.bootstrap_high = value + reach;
  return e;
}

Estimate variance_estimate(const DriftSpectrum& spectrum, Eigen::Index column, std::uint64_t seed,
                           int resamples) {
  const Eigen::VectorXd runs = spectrum.variance_per_run.col(column);
  const auto n = static_cast<double>(runs.size());
  const double mean = runs.mean();
  const double error = std::sqrt((runs.array() - mean).square().sum() / (n * (n - 1)));
  RandomSequence random(seed, Stream::bootstrap, 3 + static_cast<std::uint32_t>(column));
  std::vector<double> again;
  for (int b = 0; b < resamples; ++b) {
    double sum = 0;
    for (Eigen::Index r = 0; r < runs.size(); ++r)
      sum += runs[static_cast<Eigen::Index>(random.below(static_cast<std::uint64_t>(runs.size())))];
    again.push_back(sum / n);
  }
  return root(interval(mean, error, static_cast<int>(runs.size()), std::move(again)));
}

BlockResiduals residuals_of(const StatisticsBlock& block, const Eigen::VectorXd& predicted) {
  BlockResiduals r;
  r.kind = block.kind;
  r.name = block.name;
  r.labels = block.labels;
  r.axis = block.axis;
  const Eigen::VectorXd mean = block.mean();
  // Samples have single precision: a loop without noise, which repeats to the last bit, is known to no more.
  const double rounding = kSampleRounding * mean.cwiseAbs().maxCoeff();
  const Eigen::VectorXd error = block.covariance().diagonal().cwiseSqrt().cwiseMax(rounding);
  r.measured.assign(mean.data(), mean.data() + mean.size());
  r.error.assign(error.data(), error.data() + error.size());
  r.predicted.assign(predicted.data(), predicted.data() + predicted.size());
  return r;
}

double spread_of(const std::vector<Estimate>& map, const std::vector<std::int32_t>& dead) {
  if (map.size() <= dead.size() + 1) return 0;
  double sum = 0;
  for (const Estimate& e : map) sum += e.value * e.value;
  return sum / static_cast<double>(map.size() - dead.size());
}

/// Everything that is estimated from one set of records, step by step.
class Calibrator {
 public:
  Calibrator(const RecordSet& set, const CalibrationOptions& options) : set_(set), options_(options) {}

  Calibration run() {
    out_.description = set_.description;
    out_.source = set_.source;
    out_.round_trip_time_s = set_.round_trip_time_s;
    if (set_.records.empty()) throw InputError("calibration: there are no records");
    for (const CalibrationRecord& r : set_.records) {
      r.validate();
      if (r.pulses != set_.pulses())
        throw InputError(
            fmt::format("record '{}': has {} pulses, the first record {}", r.name, r.pulses, set_.pulses()));
    }
    out_.converter = find_converter(set_);
    out_.dead_pulses = dead_pulses(set_);
    reduce_all();
    guess_ = first_guess(blocks_);
    find_delay();
    fit_with_spread();
    report_loop();
    report_converter();
    return std::move(out_);
  }

 private:
  void reduce_all() {
    for (const CalibrationRecord& r : set_.records) {
      if (r.kind == RecordKind::clip) continue;
      if (const double part = clipped_part(r, out_.converter); part > kClippedPart) {
        out_.notes.push_back(
            fmt::format("record '{}' is left out: {:.2g}% of its samples are clipped by the converter",
                        r.name, 100 * part));
        continue;
      }
      blocks_.push_back(reduce(r, out_.dead_pulses));
    }
  }

  const StatisticsBlock* block(RecordKind kind) const {
    for (const StatisticsBlock& b : blocks_) {
      if (b.kind == kind) return &b;
    }
    return nullptr;
  }

  void find_delay() {
    parameters_ = {LoopParameter::dt, LoopParameter::pump_unit, LoopParameter::record_gain, LoopParameter::g2,
                   LoopParameter::white};
    // Without the feedback first: the delay is looked for in a loop that is known.
    std::vector<StatisticsBlock> open;
    for (const StatisticsBlock& b : blocks_) {
      if (b.kind != RecordKind::pairs && b.kind != RecordKind::ladder) open.push_back(b);
    }
    guess_ = fit_loop(open, guess_, parameters_, 0, options_.seed).loop;
    const StatisticsBlock* pairs = block(RecordKind::pairs);
    if (pairs == nullptr) {
      out_.notes.push_back(
          "no record of kind 'pairs': gain, sign and delay of the feedback are not estimated");
      blocks_ = open;
      return;
    }
    const int largest =
        static_cast<int>(std::min<std::int64_t>(options_.largest_delay, pairs->lags.back() - 1));
    const DelayFit delay = fit_delay(*pairs, guess_, largest, options_.resamples, options_.seed);
    guess_.delay = delay.delay;
    guess_.feedback_gain = delay.feedback_gain;
    out_.delay_misfit = delay.misfit;
    Estimate e;
    describe(e, "feedback_delay", "round trips", "from a measurement to its injection");
    e.value = delay.delay;
    e.low = e.bootstrap_low = e.jacobian_low = delay.low;
    e.high = e.bootstrap_high = e.jacobian_high = delay.high;
    delay_ = e;
    parameters_.push_back(LoopParameter::feedback_gain);
    find_clip();
  }

  /// The ladder with a clip and without: it is believed where it explains the ladder better by far.
  void find_clip() {
    std::vector<const StatisticsBlock*> ladder;
    for (const StatisticsBlock& b : blocks_) {
      if (b.kind == RecordKind::ladder) ladder.push_back(&b);
    }
    if (ladder.empty()) {
      out_.notes.push_back("no record of kind 'ladder': the end of the feedback's range is not estimated");
      return;
    }
    for (const StatisticsBlock* b : ladder)
      driven_ = std::max(driven_, b->couplings[0] * std::sqrt(std::max(b->per_run.mean(), 0.0)));
    const double f = std::abs(guess_.feedback_gain);
    const auto misfit = [&](double gain, double clip) {
      LoopGuess g = guess_;
      g.feedback_gain = gain;
      g.dac_clip = clip;
      double sum = 0;
      for (const StatisticsBlock* b : ladder) {
        const double z = (predict(*b, g)[0] - b->per_run.mean()) / std::sqrt(b->covariance()(0, 0));
        sum += z * z;
      }
      return sum;
    };
    // The two numbers on a grid first: where the clip starts, the misfit has more than one valley.
    double best_open = -1, best_clip = -1, open_gain = f, clip_gain = f, clip = 0;
    for (double factor = 0.8; factor < 1.26; factor *= 1.01) {
      const double without = misfit(f * factor, std::numeric_limits<double>::infinity());
      if (best_open < 0 || without < best_open) {
        best_open = without;
        open_gain = f * factor;
      }
      for (double part = 1; part > 0.04; part *= 0.93) {
        const double with_clip = misfit(f * factor, driven_ * part);
        if (best_clip >= 0 && with_clip >= best_clip) continue;
        best_clip = with_clip;
        clip_gain = f * factor;
        clip = driven_ * part;
      }
    }
    const bool clipped = best_clip < best_open - 15;
    guess_.feedback_gain = std::copysign(clipped ? clip_gain : open_gain, guess_.feedback_gain);
    if (!clipped) return;
    guess_.dac_clip = clip;
    parameters_.push_back(LoopParameter::dac_clip);
  }

  void fit_with_spread() {
    for (int pass = 0; pass < 2; ++pass) {
      fit_ = fit_loop(blocks_, guess_, parameters_, pass == 1 ? options_.resamples : 0, options_.seed);
      guess_ = fit_.loop;
      if (pass == 1) break;
      const std::vector<Estimate> map = fit_gain_map(blocks_, fit_, out_.dead_pulses, options_);
      double variance = spread_of(map, out_.dead_pulses);
      for (const CalibrationRecord& r : set_.records) {
        if (r.kind != RecordKind::drift || clipped_part(r, out_.converter) > kClippedPart) continue;
        const DriftSpectrum spectrum = drift_spectrum(r, out_.dead_pulses, guess_);
        variance += std::max(spectrum.variance_per_run.col(0).mean(), 0.0);
        break;
      }
      guess_.spread = std::sqrt(variance);
    }
    if (!fit_.converged)
      out_.notes.push_back("the fit did not converge: look at the residuals before using it");
    out_.gain_map = fit_gain_map(blocks_, fit_, out_.dead_pulses, options_);
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      out_.blocks.push_back(residuals_of(blocks_[b], fit_.predicted[b]));
      if (const double chi = out_.blocks.back().chi_squared(); chi > 4) {
        out_.notes.push_back(fmt::format(
            "record '{}' is not described by the fitted loop (mean squared residual {:.3g} standard errors): "
            "its parameters and intervals are not to be trusted",
            blocks_[b].name, chi));
      }
    }
    for (const CalibrationRecord& r : set_.records) {
      if (r.kind != RecordKind::drift || clipped_part(r, out_.converter) > kClippedPart) continue;
      out_.drift = drift_spectrum(r, out_.dead_pulses, guess_);
      break;
    }
  }

  void report_loop() {
    const auto add = [&](Estimate e, const char* name, const char* unit, const char* what) {
      describe(e, name, unit, what);
      out_.estimates.push_back(std::move(e));
    };
    out_.loop = guess_;
    add(of_logarithm(fit_, LoopParameter::pump_unit), "pump_unit", "pump setting",
        "threshold: setting at which a pulse alone starts to oscillate");
    const Estimate dt = of_logarithm(fit_, LoopParameter::dt);
    add(dt, "dt", "signal lifetimes", "a round trip, in 1/e amplitude lifetimes of the cavity");
    if (set_.round_trip_time_s) {
      Estimate lifetime = dt;
      const double t = *set_.round_trip_time_s;
      lifetime.value = t / dt.value;
      lifetime.low = t / dt.high;
      lifetime.high = t / dt.low;
      lifetime.jacobian_low = t / dt.jacobian_high;
      lifetime.jacobian_high = t / dt.jacobian_low;
      lifetime.bootstrap_low = t / dt.bootstrap_high;
      lifetime.bootstrap_high = t / dt.bootstrap_low;
      add(lifetime, "amplitude_lifetime", "s", "the same in seconds of the operator's clock");
    }
    add(of_logarithm(fit_, LoopParameter::g2), "g2", "", "saturation: 1/g² photons at twice the threshold");
    add(of_logarithm(fit_, LoopParameter::record_gain), "record_gain", "record per x",
        "out-coupling, detector and amplifier together");
    report_noise();
    if (fit_.place(LoopParameter::feedback_gain) >= 0) {
      Estimate gain = of_logarithm(fit_, LoopParameter::feedback_gain);
      give_sign(gain, guess_.feedback_gain);
      add(gain, "feedback_gain", "", "x per time that arrives per unit injected, with its sign");
      out_.estimates.push_back(delay_);
    }
    if (fit_.place(LoopParameter::dac_clip) >= 0) {
      add(of_logarithm(fit_, LoopParameter::dac_clip), "dac_full_scale", "injection", "largest injection");
    } else if (driven_ > 0) {
      Estimate e = exactly(driven_, 0);
      e.only_lower_bound = true;
      e.high = std::numeric_limits<double>::infinity();
      add(e, "dac_full_scale", "injection", "largest injection seen: the range ends beyond it");
    }
    if (out_.drift) {
      add(variance_estimate(*out_.drift, 0, options_.seed, options_.resamples), "pump_drift", "relative",
          "RMS of the pump's slow drift, spectrum 1/f");
      add(variance_estimate(*out_.drift, 1, options_.seed, options_.resamples), "pump_noise", "relative",
          "standard deviation of the pump from round trip to round trip");
    } else {
      out_.notes.push_back("no usable record of kind 'drift': the drift of the pump is not estimated");
    }
  }

  void report_noise() {
    Estimate e = of_logarithm(fit_, LoopParameter::white);
    const double steps = out_.converter.variance();
    for (double* v :
         {&e.value, &e.low, &e.high, &e.jacobian_low, &e.jacobian_high, &e.bootstrap_low, &e.bootstrap_high})
      *v -= steps;
    e = root(e);
    describe(
        e, "electronic_noise", "units of the record",
        "noise floor: what detector and electronics add to a sample, without the steps of the converter");
    out_.estimates.push_back(e);
    if (e.value < kSampleRounding * std::abs(guess_.record_gain)) {
      out_.notes.push_back(
          "the records have no noise beyond rounding: g2 and the noise are not determined, and records below "
          "threshold are no noise to fit");
    }
    if (out_.converter.lsb > 0 && guess_.white < out_.converter.lsb * out_.converter.lsb / 3) {
      out_.notes.push_back(
          "the noise covers less than half a step of the converter: averages are not those of the light, and "
          "the intervals of noise and g2 are not to be trusted");
    }
  }

  void report_converter() {
    const ConverterSteps& c = out_.converter;
    if (c.lsb == 0) return;
    constexpr double kRounding = 1e-6;  // of samples kept as floats
    Estimate e = exactly(c.lsb, kRounding);
    describe(e, "adc_step", "units of the record", "least significant bit of the measurement");
    out_.estimates.push_back(e);
    if (c.bits) {
      Estimate bits = exactly(*c.bits, 0);
      describe(bits, "adc_bits", "bit", "of the measurement");
      out_.estimates.push_back(bits);
      Estimate scale = exactly(*c.full_scale, kRounding);
      describe(scale, "adc_full_scale", "units of the record", "largest sample");
      out_.estimates.push_back(scale);
    } else {
      Estimate scale = exactly(c.largest, 0);
      scale.only_lower_bound = true;
      scale.high = std::numeric_limits<double>::infinity();
      describe(scale, "adc_full_scale", "units of the record",
               "largest sample seen: the range ends beyond it");
      out_.estimates.push_back(scale);
    }
  }

  const RecordSet& set_;
  const CalibrationOptions& options_;
  Calibration out_;
  std::vector<StatisticsBlock> blocks_;
  LoopGuess guess_;
  std::vector<LoopParameter> parameters_;
  LoopFit fit_;
  Estimate delay_;
  double driven_ = 0;  // largest injection asked for, from the ladder
};

}  // namespace

double BlockResiduals::chi_squared() const {
  double sum = 0;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const double z = (measured[i] - predicted[i]) / std::max(error[i], 1e-300);
    sum += z * z;
  }
  return measured.empty() ? 0 : sum / static_cast<double>(measured.size());
}

const Estimate* Calibration::find(const std::string& name) const {
  for (const Estimate& e : estimates) {
    if (e.name == name) return &e;
  }
  return nullptr;
}

Calibration calibrate(const RecordSet& set, const CalibrationOptions& options) {
  return Calibrator(set, options).run();
}

}  // namespace opoloop::calibration
