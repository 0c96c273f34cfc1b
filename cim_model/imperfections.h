#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace opoloop {

/// What a built machine does differently from the equations of its models [docs/physics.md, Imperfections].
/// Everything is ideal by default: then the loop is the one of the models and laws, bit for bit.
///
/// The order within a round trip, where each number acts:
///
///     x̃  = adc(G (x + vacuum) + noise)          out_coupling, record_gain, electronic_noise, adc_*
///                                               (dead pulses: 0)
///     inj = delay(dac(fixed(law(J x̃))))          feedback_*_bits, dac_*, feedback_delay      (dead pulses:
///     0) x   ← advance(p_i, inj cos φ, inj sin φ)    injection_phase, feedback_gain, pump_*, gain_* (dead
///     pulses: p = 0)
struct Imperfections {
  // ---- measurement: the record x̃, in units of x
  /// R, part of a pulse's energy that is led to the detector, in (0, 1]. The beam splitter lets vacuum in;
  /// with the detection efficiency η the record scatters by (g/2) √((1 − Rη)/(Rη)). Only for models that do
  /// not measure themselves: gaussian has its extraction in j.
  double out_coupling = 1;
  double record_gain = 1;       ///< G, units of the record per x: out-coupling, detector and amplifier
  double electronic_noise = 0;  ///< standard deviation a round trip, in units of the record
  std::optional<int> adc_bits;  ///< 1 … 24; unset = no converter
  double adc_full_scale = 3;    ///< x̃ beyond ± this saturates, in units of the record

  // ---- feedback: the injected value, in x per time unit (times feedback_gain behind the converters)
  /// Signed fixed point 1 + integer + fraction bits of the arithmetic that makes the injection: 5 and 12 for
  /// the 18-bit numbers of FPGA multipliers. Both or none.
  std::optional<int> feedback_integer_bits;
  std::optional<int> feedback_fraction_bits;
  std::optional<int> dac_bits;  ///< 2 … 24; unset = no converter
  double dac_full_scale = 8;    ///< injections beyond ± this saturate, in x per time unit
  /// What arrives per injection asked for, behind the converters; negative where the sign is wrong.
  double feedback_gain = 1;
  int feedback_delay = 0;      ///< d, round trips between a measurement and its injection
  double injection_phase = 0;  ///< φ between injection and pulse [rad]: in phase × cos φ, quadrature × sin φ

  // ---- pump, relative to its scheduled value p
  double pump_unit = 1;             ///< setting of the pump that is p = 1: p = setting / this
  double pump_noise = 0;            ///< relative SD a round trip, common to all pulses, white
  double pump_noise_per_pulse = 0;  ///< relative SD a round trip, of each pulse alone, white
  double gain_spread = 0;           ///< relative SD over the pulses of a fixed pattern, that of device_seed
  std::vector<double> gain_map;     ///< relative deviation of each pulse's pump as measured; 0 beyond its end
  double pump_drift = 0;            ///< relative RMS of a slow drift with spectrum 1/f, common to all pulses

  std::vector<std::int32_t> dead_pulses;  ///< no pump, no injection, record 0: their spins read +1
  std::uint64_t device_seed = 1;          ///< which machine: the fixed pattern of gain_spread

  bool changes_pump() const {
    return pump_unit != 1 || pump_noise > 0 || pump_noise_per_pulse > 0 || gain_spread > 0 ||
           !gain_map.empty() || pump_drift > 0;
  }
  bool changes_feedback() const {
    return feedback_integer_bits || dac_bits || feedback_gain != 1 || feedback_delay > 0 ||
           injection_phase != 0;
  }
};

/// A converter of b bits: 2^b codes of one LSB = full scale / 2^(b−1) over ± full scale. What lies outside
/// becomes the last code and counts as a saturation. The error of what lies inside is uniform, of variance
/// LSB²/12.
struct Converter {
  double lsb = 0;  ///< 0 = ideal, returns what it is given
  double low = 0;  ///< smallest and largest code
  double high = 0;

  bool ideal() const { return lsb == 0; }

  /// Analogue to digital, mid-rise: code k = ⌊x/LSB⌋ stands for (k + ½) LSB, k = −2^(b−1) … 2^(b−1) − 1. No
  /// code is 0, so that x and −x are treated alike and one bit is a sign detector.
  static Converter adc(int bits, double full_scale);
  /// Digital to analogue, mid-tread: code k stands for k LSB, |k| ≤ 2^(b−1) − 1, so that 0 stays 0.
  static Converter dac(int bits, double full_scale);
  /// Fixed point in two's complement, 1 + integer + fraction bits: LSB 2^−fraction, −2^integer … 2^integer −
  /// LSB.
  static Converter fixed_point(int integer_bits, int fraction_bits);
};

/// Times a value of one trajectory was outside a converter's range, over all pulses and round trips.
struct ClippingCounts {
  std::int64_t adc_saturations = 0;
  std::int64_t dac_saturations = 0;
  std::int64_t fixed_point_overflows = 0;

  std::int64_t total() const { return adc_saturations + dac_saturations + fixed_point_overflows; }
};

struct LoopParameters;

/// True where a round trip passes through any of it.
bool any_imperfection(const LoopParameters& parameters);
/// True where values can be out of a converter's range.
bool can_clip(const Imperfections& imperfections);
/// True where the record is not what the pulse model measured: a detector that misses light counts too.
bool changes_record(const LoopParameters& parameters);

/// Standard deviation of what detector and electronics add to the record, in its units: vacuum through the
/// out-coupling and the imperfect detector, and electronic noise. Where the model measures itself (gaussian)
/// only the latter.
///
///     √( G² (g²/4)(1 − Rη)/(Rη) + electronic_noise² )                                   [docs/physics.md eq.
///     I1]
///
/// A beam splitter of energy reflectivity R turns X into √R X + √(1−R) X_vac with Var X_vac = ¼; the record
/// is scaled back by 1/√R and by g to units of x, then by G = record_gain. A detector of efficiency η is one
/// more splitter: R → Rη. This is the noise of the measurement-feedback machine of Haribara et al. 2016
/// (doi 10.3390/e18040151).
double record_noise_sd(const LoopParameters& parameters);

/// Relative deviation of each pulse's pump: gain_map plus n numbers of SD gain_spread, normals of
/// (device_seed, pulse).
std::vector<double> gain_pattern(const Imperfections& imperfections, int n);

/// Relative pump drift of one trajectory, one value a round trip 0 … rounds − 1; empty where there is none. A
/// stationary Gaussian series of SD pump_drift with spectrum 1/f down to half a period a run (drift.h).
std::vector<double> pump_drift_series(const LoopParameters& parameters, std::uint64_t seed,
                                      std::uint32_t trajectory);

/// Throws InputError where a dead pulse is not one of n.
void require_dead_pulses_exist(const Imperfections& imperfections, int n);

/// Throws InputError naming the parameter, its value and what is allowed with unit.
void validate_imperfections(const LoopParameters& parameters);

}  // namespace opoloop
