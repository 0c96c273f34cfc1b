#include "driver/calibration/acquisition.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>

#include "core/error.h"
#include "driver/calibration/converter_steps.h"
#include "driver/run_recorder.h"

namespace opoloop::calibration {
namespace {

/// Keeps the record of every run in memory; the record is the amplitude where the device has no other.
class MemoryRecorder final : public RunRecorder {
 public:
  explicit MemoryRecorder(CalibrationRecord& record) : record_(record) {}

  void begin(int trajectories, int n, std::int64_t rounds, std::int64_t every, double /*dt*/,
             bool /*has_error*/, bool /*has_measured*/) override {
    if (trajectories != record_.runs || n != record_.pulses || rounds != record_.rounds || every != 1) {
      throw Error(fmt::format(
          "calibration: asked for {} runs of {} round trips of {} pulses, the device logs {} of {} of {}",
          record_.runs, record_.rounds, record_.pulses, trajectories, rounds, n));
    }
    record_.samples.assign(static_cast<std::size_t>(record_.runs) * static_cast<std::size_t>(record_.rows()) *
                               static_cast<std::size_t>(n),
                           std::nanf(""));
  }

  void record(const TileObservation& o) override {
    const float* samples = o.measured != nullptr ? o.measured : o.amplitude;
    if (o.round < 0 || o.round > record_.rounds || o.n != record_.pulses) return;
    for (int lane = 0; lane < o.lanes; ++lane) {
      const auto run = static_cast<std::int64_t>(o.first_trajectory) + lane;
      if (run >= record_.runs) break;
      float* row = record_.samples.data() + (run * record_.rows() + o.round) * record_.pulses;
      for (int i = 0; i < o.n; ++i) row[i] = samples[static_cast<std::ptrdiff_t>(i) * 16 + lane];
    }
  }

 private:
  CalibrationRecord& record_;
};

/// Off from round `off` on, in the text that the pump of a job takes.
Schedule until(double pump, std::int64_t off, std::int64_t rounds) {
  const auto at = [&](double round) { return round / static_cast<double>(rounds); };
  return Schedule(
      {{0, pump}, {at(static_cast<double>(off) - 0.75), pump}, {at(static_cast<double>(off) - 0.25), 0}});
}

/// The mean of y(k) y(k+1) over pulses `which` (all where empty), from row `first`.
double power(const CalibrationRecord& r, std::int64_t first, const std::vector<std::int32_t>& which = {}) {
  double sum = 0;
  std::int64_t count = 0;
  for (int run = 0; run < r.runs; ++run) {
    for (std::int64_t k = first; k < r.rounds; ++k) {
      const float* now = r.row(run, k);
      const float* next = r.row(run, k + 1);
      const auto add = [&](std::int32_t i) {
        sum += static_cast<double>(now[i]) * static_cast<double>(next[i]);
        ++count;
      };
      if (which.empty()) {
        for (std::int32_t i = 0; i < r.pulses; ++i) add(i);
      } else {
        for (const std::int32_t i : which) add(i);
      }
    }
  }
  return sum / static_cast<double>(count);
}

class Acquisition {
 public:
  Acquisition(Device& device, const AcquisitionPlan& plan, const AcquisitionProgress& progress)
      : device_(device), plan_(plan), progress_(progress) {}

  RecordSet run() {
    check_plan();
    find_threshold();
    find_lifetime();
    RecordSet set;
    set.description = "acquired by opoloop calibrate";
    set.source = device_.uri();
    set.round_trip_time_s = plan_.round_trip_time_s ? plan_.round_trip_time_s : round_trip_time_s_;
    std::vector<CalibrationRecord>& records = set.records;
    records.push_back(steady(RecordKind::below, "below-1", 0.5, times(14), times(60)));
    records.push_back(steady(RecordKind::below, "below-2", 0.75, times(24), times(80)));
    records.push_back(steady(RecordKind::above, "above-1", 1.4, times(30), times(40)));
    records.push_back(steady(RecordKind::above, "above-2", 2.0, times(16), times(30)));
    records.push_back(ring_down());
    records.push_back(long_record());
    add_clip(records);
    const double unit = find_feedback();
    if (unit > 0) {
      records.push_back(pairs(unit));
      add_ladder(records, unit);
    }
    return set;
  }

 private:
  void check_plan() const {
    if (!device_.capabilities().trajectories) {
      throw InputError(fmt::format(
          "device {}: returns samples only, no amplitudes; calibrate it with --samples, or from records "
          "of the bench (--records)",
          device_.uri()));
    }
    const std::int64_t most = device_.capabilities().max_spins;
    if (plan_.pulses < 4 || plan_.pulses % 2 != 0 || (most > 0 && plan_.pulses > most))
      throw_parameter_error(
          "pulses", plan_.pulses,
          fmt::format("an even number from 4{}", most > 0 ? fmt::format(" to {}", most) : ""));
    if (plan_.runs < 8) throw_parameter_error("runs", plan_.runs, "at least 8");
    if (!(plan_.largest_pump > 0))
      throw_parameter_error("largest_pump", plan_.largest_pump, "above 0 [pump setting]");
  }

  std::int64_t times(double lifetimes) const {
    return static_cast<std::int64_t>(std::ceil(lifetimes * lifetime_));
  }

  CalibrationRecord measure(RecordKind kind, std::string name, Schedule pump, std::int64_t rounds,
                            std::int64_t settled, std::vector<IsingEdge> couplings, int runs) {
    if (progress_) progress_(name);
    CalibrationRecord r;
    r.kind = kind;
    r.name = std::move(name);
    r.pump = std::move(pump);
    r.rounds = rounds;
    r.settled = settled;
    r.couplings = couplings;
    r.runs = runs;
    r.pulses = plan_.pulses;
    auto problem = std::make_shared<Problem>();
    problem->name = r.name;
    problem->ising = IsingModel(r.pulses, std::move(couplings));
    MemoryRecorder recorder(r);
    Job job;
    job.problem = problem;
    job.recorder = &recorder;
    JobSettings& s = job.settings;
    s.parameters = job_parameters(plan_, r.pump);
    s.runs = runs;
    s.steps = rounds;
    s.seed = plan_.seed + 1000003 * ++jobs_;
    s.threads = plan_.threads;
    s.log_trajectories = runs;
    const Result result = device_.run(job);
    if (result.interrupted) throw Error("calibration: interrupted");
    if (result.round_trip_time_s) round_trip_time_s_ = result.round_trip_time_s;
    if (r.samples.empty())
      throw Error(fmt::format("calibration: the device returned no amplitudes for '{}'", r.name));
    for (const float sample : r.samples) {
      if (!std::isfinite(sample))
        throw Error(fmt::format("calibration: the device left rows of '{}' out", r.name));
    }
    return r;
  }

  CalibrationRecord steady(RecordKind kind, const std::string& name, double p, std::int64_t settle,
                           std::int64_t rounds) {
    return measure(kind, name, p * threshold_, settle + rounds, settle, {}, plan_.runs);
  }

  /// Two settings well above threshold, then the straight line amplitude² = κ² (u/u_th − 1).
  void find_threshold() {
    constexpr std::int64_t kRounds = 1500;
    const int runs = std::min(plan_.runs, 8);
    const auto power_at = [&](double setting) {
      return power(measure(RecordKind::above, fmt::format("look at pump {:.4g}", setting), setting, kRounds,
                           0, {}, runs),
                   kRounds - 100);
    };
    const CalibrationRecord still =
        measure(RecordKind::below, "look at the dark", 0.01 * plan_.largest_pump, 200, 0, {}, runs);
    double dark = 0;
    for (const float y : still.samples) dark += static_cast<double>(y) * static_cast<double>(y);
    dark /= static_cast<double>(still.samples.size());
    // Up from below, and on until the pulses have surely reached their amplitude.
    constexpr double kFactor = 1.25;
    double u = 0.02 * plan_.largest_pump;
    while (u <= plan_.largest_pump && power_at(u) < 20 * dark) u *= kFactor;
    const double u1 = u * kFactor;
    const double u2 = u1 * kFactor;
    if (u2 > plan_.largest_pump) {
      throw InputError(
          fmt::format("device {}: does not oscillate well below the largest pump of {}; a larger --pump-max?",
                      device_.uri(), plan_.largest_pump));
    }
    const double q1 = power_at(u1);
    const double q2 = power_at(u2);
    const double slope = (q2 - q1) / (u2 - u1);
    threshold_ = u1 - q1 / slope;
    if (!(slope > 0 && threshold_ > 0))
      throw InputError(fmt::format(
          "device {}: its amplitude does not rise with the pump as that of a laser does", device_.uri()));
    record_gain_ = std::sqrt(slope * threshold_);
    if (2.2 * threshold_ > plan_.largest_pump) {
      throw InputError(
          fmt::format("device {}: oscillates from a pump of {:.3g}; calibration goes to 2.2 times that, "
                      "beyond the largest pump of {}",
                      device_.uri(), threshold_, plan_.largest_pump));
    }
  }

  void find_lifetime() {
    constexpr std::int64_t kOff = 1000;
    constexpr std::int64_t kRounds = 2000;
    const int runs = std::min(plan_.runs, 8);
    const CalibrationRecord r = measure(RecordKind::ring_down, "look at ring-down",
                                        until(2 * threshold_, kOff, kRounds), kRounds, kOff / 2, {}, runs);
    // Its energy is (1 + x²) dt/2 lower a round trip: half of it gone is easy to see, from x² = 1 at t =
    // ln(3/2)/2.
    const auto mean_square = [&](std::int64_t k) {
      double sum = 0;
      for (int run = 0; run < runs; ++run) {
        for (int i = 0; i < r.pulses; ++i)
          sum += static_cast<double>(r.row(run, k)[i]) * static_cast<double>(r.row(run, k + 1)[i]);
      }
      return sum;
    };
    const double start = mean_square(kOff - 1);
    std::int64_t half = kOff;
    while (half < kRounds - 1 && mean_square(half) > start / 4) ++half;
    // x² = e^{−2t}/(2 − e^{−2t}) from x² = 1 is ¼ at t = ½ ln(5/2).
    lifetime_ = std::max(2.0, static_cast<double>(half - kOff) / (0.5 * std::log(2.5)));
  }

  CalibrationRecord ring_down() {
    const std::int64_t off = times(24);
    const std::int64_t rounds = off + times(4);
    return measure(RecordKind::ring_down, "ring-down", until(2 * threshold_, off, rounds), rounds, times(14),
                   {}, plan_.runs);
  }

  CalibrationRecord long_record() {
    const std::int64_t settle = times(20);
    return measure(RecordKind::drift, "drift", 1.7 * threshold_, settle + 2047, settle, {}, plan_.runs);
  }

  /// Harder and harder, until the converter ends; the last step is kept.
  void add_clip(std::vector<CalibrationRecord>& records) {
    for (double p = 2.4; p * threshold_ <= plan_.largest_pump && (p - 1) / lifetime_ < 0.8;
         p = 1 + 1.4 * (p - 1)) {
      RecordSet with;
      with.records = records;
      with.records.push_back(measure(RecordKind::clip, "clip", p * threshold_, times(12) + 100, times(12), {},
                                     std::min(plan_.runs, 8)));
      const ConverterSteps steps = find_converter(with);
      if (!records.empty() && records.back().kind == RecordKind::clip) records.pop_back();
      records.push_back(std::move(with.records.back()));
      if (steps.lsb == 0) return;
      if (!steps.full_scale) continue;
      largest_amplitude_ = 0.85 * *steps.full_scale / record_gain_;
      return;
    }
  }

  /// Coupling of pairs whose feedback adds 1 to the rate, |f| κ v = 1; 0 where no coupling shows.
  double find_feedback() {
    const int runs = std::min(plan_.runs, 8);
    const double dark = power(
        measure(RecordKind::above, "look at uncoupled pulses", 0.9 * threshold_, times(80), 0, {}, runs),
        times(60));
    for (double v = 1e-3 / record_gain_; v < 1e3 / record_gain_; v *= 2) {
      const CalibrationRecord r = measure(RecordKind::ladder, fmt::format("look at coupling {:.3g}", v),
                                          0.9 * threshold_, times(80), 0, couple({v}), runs);
      // x² = |f|κv − 0.1
      const double square = power(r, times(60)) / (record_gain_ * record_gain_);
      if (square > 0.1 && square > 20 * std::abs(dark) / (record_gain_ * record_gain_))
        return v / (square + 0.1);
    }
    return 0;
  }

  /// Pairs (0,1), (2,3), … with the strengths in turn, half of each with either sign.
  std::vector<IsingEdge> couple(const std::vector<double>& strengths) const {
    std::vector<IsingEdge> edges;
    for (std::int32_t i = 0; i + 1 < plan_.pulses; i += 2) {
      const auto pair = static_cast<std::size_t>(i / 2);
      const double sign = pair / strengths.size() % 2 == 0 ? 1 : -1;
      edges.push_back({i, i + 1, sign * strengths[pair % strengths.size()]});
    }
    return edges;
  }

  CalibrationRecord pairs(double unit) {
    return measure(RecordKind::pairs, "pairs", 0.5 * threshold_, times(24) + times(80), times(24),
                   couple({0.25 * unit}), plan_.runs);
  }

  /// One record a strength, the same pulses in each. Without a pump the strong ones drive the feedback as far
  /// as they can at an amplitude that the converter of the measurement still shows.
  void add_ladder(std::vector<CalibrationRecord>& records, double unit) {
    struct Step {
      double pump, strength;  // in thresholds; |f| κ v
    };
    int number = 0;
    for (const Step step : {Step{0.9, 0.35}, {0.9, 0.6}, {0.9, 1.0}, {0, 1.5}, {0, 2.1}, {0, 2.8}}) {
      // Where nothing clips.
      const double square = step.strength + step.pump - 1;
      if (square > largest_amplitude_ * largest_amplitude_ || step.strength / lifetime_ > 0.6) continue;
      // From vacuum at the rate `square`, which a delay makes slower, and some time to settle.
      const std::int64_t settle = times(18 / square + 12);
      records.push_back(measure(RecordKind::ladder, fmt::format("ladder-{}", ++number),
                                step.pump * threshold_, settle + times(20), settle,
                                couple({step.strength * unit}), plan_.runs));
    }
  }

  Device& device_;
  const AcquisitionPlan& plan_;
  const AcquisitionProgress& progress_;
  std::uint64_t jobs_ = 0;
  double threshold_ = 0, record_gain_ = 0, lifetime_ = 0;
  double largest_amplitude_ = 1.7;  // in units of x, that the converter still shows
  std::optional<double> round_trip_time_s_;
};

}  // namespace

std::map<std::string, std::string> job_parameters(const AcquisitionPlan& plan, const Schedule& pump) {
  std::map<std::string, std::string> parameters = {
      {"law", "linear"}, {"xi", "1"}, {"gain", "1"}, {"pump", pump.text()}};
  parameters.insert(plan.settings.begin(), plan.settings.end());
  return parameters;
}

RecordSet acquire(Device& device, const AcquisitionPlan& plan, const AcquisitionProgress& progress) {
  return Acquisition(device, plan, progress).run();
}

}  // namespace opoloop::calibration
