#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cim_model/feedback_law.h"
#include "cim_model/parameters.h"
#include "driver/hil/frame.h"
#include "hamiltonian/ising_model.h"

namespace opoloop::hil {

/// How a linear term enters the field of a law.
enum class FieldTerm : std::uint32_t {
  none = 0,
  mean_amplitude = 1,  ///< h_i · mean of |x̃|
  table = 2,           ///< h_i · scale[k]
};

/// Everything a controller needs to know of a problem and a law: what CFG frames carry. All numbers are those
/// the law computes with, in single precision; schedules are tables of one entry a round trip.
struct LawConfiguration {
  LawKind law = LawKind::linear;  ///< linear, cac or cfc
  FieldTerm field_term = FieldTerm::none;
  std::uint32_t n = 0;
  std::uint32_t rounds = 0;
  std::uint32_t error_substeps = 1;
  float strength = 1;              ///< gain · ξ
  float error_dt = 0;              ///< time of one step of e
  float error_start = 1;           ///< e of round 0
  float error_min = 0;             ///< e is held above it (0: not)
  float error_max = 0;             ///< e is held below it (0: not)
  std::vector<float> alpha, beta;  ///< [rounds]; cac and cfc
  std::vector<float> scale;        ///< [rounds]; field_term = table
  std::vector<float> h;            ///< [n]; unless field_term = none
  std::vector<float> J;            ///< [n][n], symmetric

  /// Of a problem and the loop it runs in. Throws InputError where the law is none of the three, waits for
  /// x^{k+1}, or where a coupling does not fit single precision.
  static LawConfiguration of(const IsingModel& problem, const LoopParameters& parameters);

  /// The image of it that CFG frames carry: 32-bit words, little-endian (docs/hil.md).
  std::vector<std::uint32_t> words() const;
  /// Back from the image. Throws Error where it is none.
  static LawConfiguration parse(std::span<const std::uint32_t> words, std::uint32_t n);
};

/// The feedback law in fixed order, so that every processor that computes in IEEE single precision gets the
/// same bits:
///
///     F_i = J_i0 x_0 + J_i1 x_1 + … + J_i,N−1 x_N−1     from the left, each product rounded, then each sum
///     F_i = F_i + h_i s                                 s = (|x_0| + |x_1| + …)/N, or from a table
///     linear:  inj_i = ξ F_i
///     cac:     inj_i = (e_i ξ) F_i,      e_i ← e_i + (((−β) e_i) (x_i x_i − α)) dt_e     error_substeps
///     times cfc:     z = (e_i ξ) F_i = inj_i,  e_i ← e_i + (((−β) e_i) (z z − α)) dt_e error_substeps times
///
/// e is held to [error_min, error_max] after each step; α, β, s are those of round k. No fused multiply-add.
/// examples/hil/controller.c is the same in C. Laws as in docs/physics.md, eq. F1, F4, F5, F8.
class ReferenceLaw {
 public:
  explicit ReferenceLaw(LawConfiguration configuration);

  /// Back to round 0.
  void start();
  /// injection_i of round k from the measured x; steps e. Both have n entries.
  void feed_back(std::uint64_t round, std::span<const float> x, std::span<float> injection);

  const LawConfiguration& configuration() const { return configuration_; }
  std::span<const float> error() const { return e_; }

 private:
  void multiply(std::span<const float> x, std::span<float> field) const;
  void step(float& e, float square, float alpha, float beta) const;

  LawConfiguration configuration_;
  std::vector<float> e_;
};

/// How the loop talks to a law that computes in single precision behind two converters.
struct WireFormats {
  WireFormat measurement;  ///< plant to controller
  WireFormat feedback;     ///< controller to plant
};

/// What the wire's formats cut off, in samples.
struct WireSaturations {
  std::int64_t measurement = 0, feedback = 0;
};

/// The reference law in this process, with the rounding of the wire and without the wire: what a loop closed
/// by any controller that computes the reference law gives bit for bit.
class InProcessLaw final : public FeedbackLaw {
 public:
  InProcessLaw(LawConfiguration configuration, const WireFormats& wire);

  void start(int n) override;
  void inject(const Feedback& feedback, std::span<double> injection) override;
  bool needs_field() const override { return false; }

  const WireSaturations& saturations() const { return saturations_; }

 private:
  ReferenceLaw law_;
  WireFormats wire_;
  WireSaturations saturations_;
  std::vector<float> x_, injection_;
  std::vector<std::uint8_t> payload_;
};

}  // namespace opoloop::hil
