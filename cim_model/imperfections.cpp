#include "cim_model/imperfections.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "cim_model/drift.h"
#include "cim_model/parameters.h"
#include "cim_model/steppers/normals.h"
#include "core/error.h"

namespace opoloop {
namespace {

void require(bool holds, const char* name, double value, const std::string& allowed) {
  if (!holds) throw_parameter_error(name, value, allowed);
}

void require_bits(const std::optional<int>& bits, const char* name, int low, int high) {
  if (bits) require(*bits >= low && *bits <= high, name, *bits, fmt::format("{} to {} bits", low, high));
}

void require_spread(double value, const char* name, const char* unit) {
  require(std::isfinite(value) && value >= 0, name, value, fmt::format("at least 0 and finite [{}]", unit));
}

}  // namespace

Converter Converter::adc(int bits, double full_scale) {
  const double codes = std::ldexp(1.0, bits - 1);
  return {full_scale / codes, -codes, codes - 1};
}

Converter Converter::dac(int bits, double full_scale) {
  const double codes = std::ldexp(1.0, bits - 1);
  return {full_scale / codes, 1 - codes, codes - 1};
}

Converter Converter::fixed_point(int integer_bits, int fraction_bits) {
  const double codes = std::ldexp(1.0, integer_bits + fraction_bits);
  return {std::ldexp(1.0, -fraction_bits), -codes, codes - 1};
}

bool any_imperfection(const LoopParameters& parameters) {
  const Imperfections& i = parameters.imperfections;
  return changes_record(parameters) || i.changes_feedback() || i.changes_pump();
}

bool can_clip(const Imperfections& i) {
  return i.adc_bits || i.dac_bits || i.feedback_integer_bits;
}

bool changes_record(const LoopParameters& parameters) {
  const Imperfections& i = parameters.imperfections;
  return record_noise_sd(parameters) > 0 || i.record_gain != 1 || i.adc_bits || !i.dead_pulses.empty();
}

double record_noise_sd(const LoopParameters& parameters) {
  const double electronic = parameters.imperfections.electronic_noise;
  if (model_measures(parameters.model) || parameters.model == ModelKind::delay_lines) return electronic;
  const double seen = parameters.imperfections.out_coupling * parameters.detection_efficiency;
  const double gain = parameters.imperfections.record_gain;
  return std::sqrt(gain * gain * parameters.g2 / 4 * (1 - seen) / seen + electronic * electronic);
}

std::vector<double> gain_pattern(const Imperfections& imperfections, int n) {
  std::vector<double> pattern(static_cast<std::size_t>(n), 0.0);
  if (imperfections.gain_spread > 0) {
    fill_normals(imperfections.device_seed, Stream::gain_pattern, 0, 0, pattern);
    for (double& deviation : pattern) deviation *= imperfections.gain_spread;
  }
  const std::size_t mapped = std::min(pattern.size(), imperfections.gain_map.size());
  for (std::size_t pulse = 0; pulse < mapped; ++pulse) pattern[pulse] += imperfections.gain_map[pulse];
  return pattern;
}

std::vector<double> pump_drift_series(const LoopParameters& parameters, std::uint64_t seed,
                                      std::uint32_t trajectory) {
  const double rms = parameters.imperfections.pump_drift;
  if (rms == 0) return {};
  // A series of N values repeats after N: twice the run is drawn and half of it used, so that the end of a
  // run knows nothing of its start.
  std::size_t length = 2;
  while (length < 2 * static_cast<std::size_t>(parameters.rounds)) length *= 2;
  std::vector<double> series = one_over_f_series(length, seed, trajectory);
  series.resize(static_cast<std::size_t>(parameters.rounds));
  for (double& deviation : series) deviation *= rms;
  return series;
}

void require_dead_pulses_exist(const Imperfections& imperfections, int n) {
  for (const std::int32_t pulse : imperfections.dead_pulses) {
    require(pulse < n, "dead_pulses", pulse, fmt::format("a pulse, 0 to {}", n - 1));
  }
}

void validate_imperfections(const LoopParameters& parameters) {
  const Imperfections& i = parameters.imperfections;
  require(i.out_coupling > 0 && i.out_coupling <= 1, "out_coupling", i.out_coupling,
          "in (0, 1] [part of a pulse's energy]");
  if (i.out_coupling < 1 && model_measures(parameters.model)) {
    throw InputError(
        fmt::format("out_coupling = {}: model {} measures itself, its extraction is measured_loss: must be 1",
                    i.out_coupling, name_of(parameters.model)));
  }
  if (parameters.model == ModelKind::delay_lines &&
      (i.out_coupling < 1 || i.record_gain != 1 || i.electronic_noise > 0 || can_clip(i) ||
       i.changes_feedback())) {
    throw InputError(
        "model = delay-lines: pulses are coupled by light, so that out_coupling, record_gain, "
        "electronic_noise, converters, feedback_gain, feedback_delay and injection_phase mean nothing "
        "(line_delay is the delay of the lines)");
  }
  require(i.record_gain > 0 && std::isfinite(i.record_gain), "record_gain", i.record_gain,
          "positive and finite [units of the record per x]");
  require(std::isfinite(i.feedback_gain), "feedback_gain", i.feedback_gain, "finite");
  require(i.pump_unit > 0 && std::isfinite(i.pump_unit), "pump_unit", i.pump_unit,
          "positive and finite [pump setting]");
  for (const double deviation : i.gain_map) {
    require(std::isfinite(deviation) && deviation >= -1, "gain_map", deviation,
            "at least -1 and finite [relative to the pump]");
  }
  require_spread(i.electronic_noise, "electronic_noise", "units of the record");
  require_bits(i.adc_bits, "adc_bits", 1, 24);
  require(i.adc_full_scale > 0 && std::isfinite(i.adc_full_scale), "adc_full_scale", i.adc_full_scale,
          "positive and finite [units of the record]");
  require_bits(i.feedback_integer_bits, "feedback_integer_bits", 0, 30);
  require_bits(i.feedback_fraction_bits, "feedback_fraction_bits", 0, 30);
  if (i.feedback_integer_bits.has_value() != i.feedback_fraction_bits.has_value()) {
    throw InputError(
        fmt::format("feedback_{}_bits is missing: a fixed-point width is 1 + feedback_integer_bits + "
                    "feedback_fraction_bits, give both",
                    i.feedback_integer_bits ? "fraction" : "integer"));
  }
  require_bits(i.dac_bits, "dac_bits", 2, 24);
  require(i.dac_full_scale > 0 && std::isfinite(i.dac_full_scale), "dac_full_scale", i.dac_full_scale,
          "positive and finite [x per time unit]");
  require(i.feedback_delay >= 0 && i.feedback_delay <= 1'000'000, "feedback_delay", i.feedback_delay,
          "0 to 1000000 round trips");
  require(std::abs(i.injection_phase) <= 2 * std::numbers::pi, "injection_phase", i.injection_phase,
          "in -2π to 2π [rad]");
  require_spread(i.pump_noise, "pump_noise", "relative to the pump");
  require_spread(i.pump_noise_per_pulse, "pump_noise_per_pulse", "relative to the pump");
  require_spread(i.gain_spread, "gain_spread", "relative to the pump");
  require_spread(i.pump_drift, "pump_drift", "relative to the pump");
  if (i.pump_drift > 0) {
    require(parameters.rounds <= 1 << 24, "rounds", static_cast<double>(parameters.rounds),
            "at most 16777216 round trips with pump_drift");
  }
  std::set<std::int32_t> seen;
  for (const std::int32_t pulse : i.dead_pulses) {
    require(pulse >= 0, "dead_pulses", pulse, "a pulse, counted from 0");
    require(seen.insert(pulse).second, "dead_pulses", pulse, "named only once");
  }
}

}  // namespace opoloop
