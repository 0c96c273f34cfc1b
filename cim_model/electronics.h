#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cim_model/parameters.h"
#include "cim_model/pulse_model.h"

namespace opoloop {

/// Everything between the pulses and the law, and between the law and the pulses, that a built machine does
/// and the equations do not (cim_model/imperfections.h): one trajectory in double, plainly.
/// cim_model/tile_electronics.h computes the same fast. Every number drawn is a function of (seed,
/// trajectory, round, pulse).
class Electronics {
 public:
  /// For n pulses; parameters are valid. Throws InputError where a dead pulse is not one of them.
  Electronics(const LoopParameters& parameters, int n);

  void start(std::uint64_t seed, std::uint32_t trajectory);

  /// x̃ of round k in place: detector noise, converter, dead pulses.
  void measure(std::int64_t round, std::span<double> record);
  /// The law's answer of round k goes in; kept is what arrives at the pulses in round k, injection() and
  /// quadrature(): fixed point, converter, delay, phase, dead pulses.
  void feed_back(std::span<const double> answer);
  /// p_i of round k from the scheduled pump: noise, drift, spread, dead pulses. pumps has n entries.
  void pump(std::int64_t round, double scheduled, std::span<double> pumps) const;

  /// In phase with the pulses, per time unit.
  std::span<const double> injection() const { return injection_; }
  /// In the other quadrature; empty without a phase error.
  std::span<const double> quadrature() const { return quadrature_; }
  /// Amplitudes as anybody sees them: `x`, or a copy of it with dead pulses 0.
  std::span<const double> visible(std::span<const double> x);

  const ClippingCounts& counts() const { return counts_; }

 private:
  Imperfections imperfections_;
  LoopParameters parameters_;
  double noise_sd_;
  Converter adc_, fixed_point_, dac_;
  std::vector<double> gain_;                     // relative deviation of each pulse's pump
  std::vector<double> drift_;                    // of each round trip
  std::vector<std::vector<double>> on_the_way_;  // ring of the last d injections
  std::size_t oldest_ = 0;
  std::vector<double> injection_, quadrature_, visible_;
  ClippingCounts counts_;
  std::uint64_t seed_ = 0;
  std::uint32_t trajectory_ = 0;
};

}  // namespace opoloop
