#include "driver/calibration/hidden_machine.h"

#include <fmt/format.h>

#include <cmath>

#include "cim_model/imperfections.h"
#include "cim_model/parameters.h"
#include "core/random.h"

namespace opoloop::calibration {

HiddenMachine hidden_machine(std::uint64_t number, int pulses) {
  RandomSequence random(number, Stream::generator);
  const auto between = [&](double low, double high) { return low + (high - low) * random.uniform(); };
  const auto decades = [&](double low, double high) { return low * std::pow(high / low, random.uniform()); };
  LoopParameters p;
  p.model = ModelKind::truncated_wigner;
  Imperfections& i = p.imperfections;
  p.dt = decades(0.04, 0.14);
  p.g2 = decades(1e-5, 1e-3);
  i.pump_unit = decades(0.6, 1.6);
  i.record_gain = decades(0.3, 3);
  i.out_coupling = between(0.3, 0.9);
  i.electronic_noise = i.record_gain * std::sqrt(p.g2) * decades(0.5, 2);
  i.adc_full_scale = i.record_gain * between(1.35, 1.8);
  // As coarse as leaves 0.6 of a step of noise: less, and no average of the record is that of the light.
  int bits = 10;
  while (bits < 15 && record_noise_sd(p) < 0.6 * std::ldexp(i.adc_full_scale, 1 - bits)) ++bits;
  i.adc_bits = bits;
  const double sign = random.uniform() < 0.5 ? -1 : 1;
  const double strength = decades(0.4, 2);  // |f| κ
  i.feedback_gain = sign * strength / i.record_gain;
  i.feedback_delay = static_cast<int>(random.below(5));
  i.dac_bits = 14;
  i.dac_full_scale = between(0.6, 1.6) / std::abs(i.feedback_gain);
  i.gain_spread = between(0.003, 0.03);
  i.device_seed = number;
  i.pump_drift = decades(0.002, 0.02);
  i.pump_noise = decades(0.002, 0.02);

  HiddenMachine out;
  out.device_file = fmt::format(
      "model = \"truncated-wigner\"\nsubsteps = 1\nclamp = 0\ndt = {}\ng2 = {}\npump_unit = {}\nrecord_gain "
      "= {}\n"
      "out_coupling = {}\nelectronic_noise = {}\nadc_bits = {}\nadc_full_scale = {}\nfeedback_gain = {}\n"
      "feedback_delay = {}\ndac_bits = {}\ndac_full_scale = {}\ngain_spread = {}\ndevice_seed = {}\n"
      "pump_drift = {}\npump_noise = {}\n",
      p.dt, p.g2, i.pump_unit, i.record_gain, i.out_coupling, i.electronic_noise, *i.adc_bits,
      i.adc_full_scale, i.feedback_gain, i.feedback_delay, *i.dac_bits, i.dac_full_scale, i.gain_spread,
      i.device_seed, i.pump_drift, i.pump_noise);
  // What all pulses have in common is in the threshold.
  out.gain_map = gain_pattern(i, pulses);
  double mean = 0;
  for (const double deviation : out.gain_map) mean += deviation / pulses;
  for (double& deviation : out.gain_map) deviation = (1 + deviation) / (1 + mean) - 1;
  out.truth = {{"dt", p.dt},
               {"g2", p.g2},
               {"pump_unit", i.pump_unit / (1 + mean)},
               {"record_gain", i.record_gain},
               {"electronic_noise", record_noise_sd(p)},
               {"adc_bits", bits},
               {"adc_full_scale", i.adc_full_scale},
               {"feedback_gain", i.feedback_gain},
               {"feedback_delay", i.feedback_delay},
               {"dac_full_scale", i.dac_full_scale * (1 - std::ldexp(1.0, 1 - *i.dac_bits))},
               {"pump_drift", i.pump_drift / (1 + mean)},
               {"pump_noise", i.pump_noise / (1 + mean)}};
  return out;
}

}  // namespace opoloop::calibration
