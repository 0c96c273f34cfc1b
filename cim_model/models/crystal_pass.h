#pragma once

#include <array>
#include <cstddef>

namespace opoloop {

/// Means and covariances of signal and pump pulse inside the χ⁽²⁾ crystal. Quadratures are X = (a + a†)/2
/// and Y = (a − a†)/2i (vacuum variance ¼); means of Y and Y_b are 0 for real injections, and x–y
/// covariances stay 0 with them.
using CrystalMoments = std::array<double, 8>;
enum CrystalMoment : std::size_t {
  kMeanX,     ///< x = ⟨X⟩ of the signal
  kMeanPump,  ///< x_b = ⟨X_b⟩ of the pump
  kSignalXX,  ///< ⟨δx²⟩
  kSignalYY,  ///< ⟨δy²⟩
  kPumpXX,    ///< ⟨δx_b²⟩
  kPumpYY,    ///< ⟨δy_b²⟩
  kCrossXX,   ///< ⟨δx_b δx⟩
  kCrossYY    ///< ⟨δy_b δy⟩
};

/// Degenerate parametric interaction H = iħε(b a†² − b† a²)/2 of signal a and pump b, closed on Gaussian
/// states  [N22; docs/physics.md eq. M5]. The independent variable is s = ε·time, 0 … ετ over the crystal:
///
///     x'       =  x_b x + ⟨δx_bδx⟩ + ⟨δy_bδy⟩         x_b'     = −½x² − ½⟨δx² − δy²⟩
///     ⟨δx²⟩'   =  2x_b⟨δx²⟩ + 2x⟨δx_bδx⟩              ⟨δy²⟩'   = −2x_b⟨δy²⟩ + 2x⟨δy_bδy⟩
///     ⟨δx_b²⟩' = −2x⟨δx_bδx⟩                          ⟨δy_b²⟩' = −2x⟨δy_bδy⟩
///     ⟨δx_bδx⟩' = x(⟨δx_b²⟩ − ⟨δx²⟩) + x_b⟨δx_bδx⟩    ⟨δy_bδy⟩' = x(⟨δy_b²⟩ − ⟨δy²⟩) − x_b⟨δy_bδy⟩
///
/// Two things are conserved exactly: the photons ⟨a†a⟩ + 2⟨b†b⟩ (Manley–Rowe), and, since the fluctuations
/// move by a symplectic map, the eigenvalues of the product of the x and the y covariance matrix.
struct CrystalEquations {
  void operator()(const CrystalMoments& m, CrystalMoments& rate, double /*s*/) const {
    const double x = m[kMeanX];
    const double pump = m[kMeanPump];
    rate[kMeanX] = pump * x + m[kCrossXX] + m[kCrossYY];
    rate[kMeanPump] = -0.5 * (x * x + m[kSignalXX] - m[kSignalYY]);
    rate[kSignalXX] = 2 * pump * m[kSignalXX] + 2 * x * m[kCrossXX];
    rate[kSignalYY] = -2 * pump * m[kSignalYY] + 2 * x * m[kCrossYY];
    rate[kPumpXX] = -2 * x * m[kCrossXX];
    rate[kPumpYY] = -2 * x * m[kCrossYY];
    rate[kCrossXX] = x * (m[kPumpXX] - m[kSignalXX]) + pump * m[kCrossXX];
    rate[kCrossYY] = x * (m[kPumpYY] - m[kSignalYY]) - pump * m[kCrossYY];
  }
};

/// State behind the crystal: `steps` Runge–Kutta steps of odeint over the interaction ετ.
CrystalMoments crystal_pass(CrystalMoments moments, double interaction, int steps);

/// Steps that resolve a pass. Without fluctuations E² = x_b² + x²/2 is conserved, so that E bounds every rate
/// along the crystal: four steps for each unit of ετ E keep the error near 1e-4 (crystal_pass_test). At
/// least 1, at most 1000: a pulse 10^5 times over saturation is not worth more, and becomes infinite.
int crystal_steps(const CrystalMoments& moments, double interaction);

}  // namespace opoloop
