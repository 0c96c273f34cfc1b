#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cim_model/parameters.h"

namespace opoloop {

/// The homodyne detector of models under continuous measurement (docs/physics.md eq. M4):
///
///     μ̃ = μ + √(1/(4ηj)) dW/dt
///
/// dW is the Wiener increment that moves μ in the same round trip. With sub-steps the detector integrates
/// over the whole round trip: its dW is the sum of the sub-steps'. Increments are a pure function of (seed,
/// trajectory, sub-step), so the record and the back-action see the same noise.
class HomodyneDetector {
 public:
  explicit HomodyneDetector(const LoopParameters& parameters);

  void start(std::uint64_t seed, std::uint32_t trajectory);
  /// dW of sub-step `step`, counted from the start of the run, one value a pulse; variance dt/substeps.
  void wiener_increments(std::uint64_t step, std::span<double> dW) const;
  /// record_i ← x̃_i = g μ̃_i of the round trip.
  void record(std::int64_t round, std::span<const double> mu, std::span<double> record) const;

 private:
  double dt_;
  int substeps_;
  double g_;
  double noise_;  // √(1/(4ηj))
  std::uint64_t seed_ = 0;
  std::uint32_t trajectory_ = 0;
};

}  // namespace opoloop
