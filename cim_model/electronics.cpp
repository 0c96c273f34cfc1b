#include "cim_model/electronics.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cim_model/steppers/normals.h"
#include "core/error.h"

namespace opoloop {
namespace {

/// The value of the code nearest to v; counts where v is outside the range.
double convert(const Converter& c, double code, double offset, std::int64_t& saturations) {
  if (code < c.low || code > c.high) ++saturations;
  return (std::clamp(code, c.low, c.high) + offset) * c.lsb;
}

double digitise(const Converter& adc, double v, std::int64_t& saturations) {
  return convert(adc, std::floor(v / adc.lsb), 0.5, saturations);
}

/// Halves round to even, as hardware and vector registers do.
double round_to(const Converter& c, double v, std::int64_t& saturations) {
  return convert(c, std::nearbyint(v / c.lsb), 0, saturations);
}

}  // namespace

Electronics::Electronics(const LoopParameters& parameters, int n)
    : imperfections_(parameters.imperfections),
      parameters_(parameters),
      noise_sd_(record_noise_sd(parameters)),
      gain_(gain_pattern(parameters.imperfections, n)),
      injection_(static_cast<std::size_t>(n), 0.0) {
  const Imperfections& i = imperfections_;
  if (i.adc_bits) adc_ = Converter::adc(*i.adc_bits, i.adc_full_scale);
  if (i.dac_bits) dac_ = Converter::dac(*i.dac_bits, i.dac_full_scale);
  if (i.feedback_integer_bits) {
    fixed_point_ = Converter::fixed_point(*i.feedback_integer_bits, *i.feedback_fraction_bits);
  }
  require_dead_pulses_exist(i, n);
  if (i.injection_phase != 0) quadrature_.resize(static_cast<std::size_t>(n));
}

void Electronics::start(std::uint64_t seed, std::uint32_t trajectory) {
  seed_ = seed;
  trajectory_ = trajectory;
  counts_ = {};
  drift_ = pump_drift_series(parameters_, seed, trajectory);
  on_the_way_.assign(static_cast<std::size_t>(imperfections_.feedback_delay),
                     std::vector<double>(injection_.size(), 0.0));
  oldest_ = 0;
}

void Electronics::measure(std::int64_t round, std::span<double> record) {
  if (imperfections_.record_gain != 1) {
    for (double& x : record) x *= imperfections_.record_gain;
  }
  if (noise_sd_ > 0) {
    std::vector<double> noise(record.size());
    fill_normals(seed_, Stream::record_noise, trajectory_, static_cast<std::uint64_t>(round), noise);
    for (std::size_t i = 0; i < record.size(); ++i) record[i] += noise_sd_ * noise[i];
  }
  for (const std::int32_t dead : imperfections_.dead_pulses) record[static_cast<std::size_t>(dead)] = 0;
  if (!adc_.ideal()) {
    for (double& x : record) x = digitise(adc_, x, counts_.adc_saturations);
  }
  // The machine knows its dead pulses: what the converter makes of nothing is not fed back.
  for (const std::int32_t dead : imperfections_.dead_pulses) record[static_cast<std::size_t>(dead)] = 0;
}

void Electronics::feed_back(std::span<const double> answer) {
  std::copy(answer.begin(), answer.end(), injection_.begin());
  for (const std::int32_t dead : imperfections_.dead_pulses) injection_[static_cast<std::size_t>(dead)] = 0;
  for (double& value : injection_) {
    if (!fixed_point_.ideal()) value = round_to(fixed_point_, value, counts_.fixed_point_overflows);
    if (!dac_.ideal()) value = round_to(dac_, value, counts_.dac_saturations);
  }
  if (!on_the_way_.empty()) {
    std::swap(injection_, on_the_way_[oldest_]);
    oldest_ = (oldest_ + 1) % on_the_way_.size();
  }
  if (imperfections_.feedback_gain != 1) {
    for (double& value : injection_) value *= imperfections_.feedback_gain;
  }
  if (imperfections_.injection_phase == 0) return;
  const double cosine = std::cos(imperfections_.injection_phase);
  const double sine = std::sin(imperfections_.injection_phase);
  for (std::size_t i = 0; i < injection_.size(); ++i) {
    quadrature_[i] = sine * injection_[i];
    injection_[i] *= cosine;
  }
}

void Electronics::pump(std::int64_t round, double scheduled, std::span<double> pumps) const {
  const Imperfections& i = imperfections_;
  const auto step = static_cast<std::uint64_t>(round);
  double common = 1;
  if (i.pump_noise > 0)
    common += i.pump_noise * philox_normals(seed_, Stream::pump_noise, trajectory_, step, 0)[0];
  // The last state is measured, too: with the pump of the last round trip.
  if (!drift_.empty()) common += drift_[std::min(static_cast<std::size_t>(round), drift_.size() - 1)];
  scheduled /= i.pump_unit;
  for (std::size_t pulse = 0; pulse < pumps.size(); ++pulse)
    pumps[pulse] = scheduled * (common + gain_[pulse]);
  if (i.pump_noise_per_pulse > 0) {
    std::vector<double> noise(pumps.size());
    fill_normals(seed_, Stream::pump_noise_per_pulse, trajectory_, step, noise);
    for (std::size_t pulse = 0; pulse < pumps.size(); ++pulse)
      pumps[pulse] += scheduled * i.pump_noise_per_pulse * noise[pulse];
  }
  for (const std::int32_t dead : i.dead_pulses) pumps[static_cast<std::size_t>(dead)] = 0;
}

std::span<const double> Electronics::visible(std::span<const double> x) {
  if (imperfections_.dead_pulses.empty()) return x;
  visible_.assign(x.begin(), x.end());
  for (const std::int32_t dead : imperfections_.dead_pulses) visible_[static_cast<std::size_t>(dead)] = 0;
  return visible_;
}

}  // namespace opoloop
