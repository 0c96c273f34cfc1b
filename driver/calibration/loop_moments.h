#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace opoloop::calibration {

/// The parameters of the loop that the records speak of; those of the twin's model, truncated Wigner with one
/// Euler step a round trip [docs/physics.md eq. M2], and of its electronics.
struct LoopGuess {
  double dt = 0.1;           ///< round trip, in amplitude lifetimes
  double pump_unit = 1;      ///< threshold, in pump settings: P = setting/pump_unit
  double record_gain = 1;    ///< κ, record per x
  double g2 = 1e-4;          ///< g²
  double white = 0;          ///< W, variance of what detector, electronics and ADC steps add to a sample
  double feedback_gain = 0;  ///< f, x per time that arrives per unit injected; carries the sign
  double dac_clip = std::numeric_limits<double>::infinity();  ///< F, largest injection
  int delay = 0;                                              ///< d, round trips
  double spread = 0;  ///< relative standard deviation of the pump over pulses and slow drift
};

/// Mean of x, variances of x and of the other quadrature.
struct Moments {
  double mean = 0;
  double in_phase = 0;
  double quadrature = 0;
};

// Everything here closes the moments of (M2) as those of a Gaussian: ⟨c³⟩ = m³ + 3mv, so that a pulse of
// mean m and variances v_c, v_s has the linear response a = 1 + dt (P − 1 − 3m² − 3v_c − v_s) and the noise
// g² dt (m² + v_c + v_s + ½) a round trip. Exact to first order in g².

/// Start of every run: vacuum, variances g²/4.
Moments vacuum(const LoopGuess& guess);
/// One round trip with pump P and without injection.
Moments advance(const LoopGuess& guess, double pump, const Moments& now);
/// Where advance() leads in the end, at positive mean above threshold.
Moments steady(const LoopGuess& guess, double pump);
/// a of the round trip that advance() makes.
double linear_response(const LoopGuess& guess, double pump, const Moments& now);

/// ⟨y(k) y(k+τ)⟩ of the record at steady pump, for each lag τ; averaged over the spread of the pump.
std::vector<double> lag_products(const LoopGuess& guess, double pump, std::span<const std::int64_t> lags);
/// ⟨y(k) y(k+1)⟩ in rows k of a run that starts in vacuum.
std::vector<double> build_up(const LoopGuess& guess, double pump, std::span<const std::int64_t> rows);
/// ⟨y⟩, sign of the pulse taken out, `rows` round trips after the pump went off.
std::vector<double> ring_down(const LoopGuess& guess, double pump, std::span<const std::int64_t> rows);

/// Two pulses that inject v·(record of the other) into each other, below threshold: ⟨y_i(k) y_i(k+τ)⟩ for
/// each lag, then sign(v)·⟨y_i(k+τ) y_j(k)⟩.
std::vector<double> pair_products(const LoopGuess& guess, double pump, double coupling,
                                  std::span<const std::int64_t> lags);
/// ⟨y(k) y(k+1)⟩ of a pulse of an aligned pair with |coupling|, clipping included.
double ladder_product(const LoopGuess& guess, double pump, double coupling);
/// ⟨clip(X, ±bound)⟩ and the probability that X is inside, X normal.
struct Clipped {
  double mean = 0;
  double inside = 1;
};
Clipped clipped_normal(double mean, double sd, double bound);

}  // namespace opoloop::calibration
