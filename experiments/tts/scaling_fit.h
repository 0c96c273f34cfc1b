#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace opoloop {

/// How a time grows with the number of spins N: ln t = a + γ √N, a + γ N, or a + γ ln N.
enum class ScalingLaw { root_exponential, exponential, power };
inline constexpr std::array<ScalingLaw, 3> kScalingLaws = {ScalingLaw::root_exponential,
                                                           ScalingLaw::exponential, ScalingLaw::power};
/// "exp(γ√N)", "exp(γN)", "N^γ".
std::string law_text(ScalingLaw law);
/// √N, N or ln N.
double law_abscissa(ScalingLaw law, double spins);

struct LawFit {
  ScalingLaw law = ScalingLaw::root_exponential;
  double intercept = 0;                                   ///< a
  double exponent = 0;                                    ///< γ
  double low = std::numeric_limits<double>::quiet_NaN();  ///< 95% of γ
  double high = std::numeric_limits<double>::quiet_NaN();
  double residual = 0;  ///< root mean square of ln t about the line
  double weight = 0;    ///< Akaike's: exp(−Δ/2)/Σ exp(−Δ/2), Δ = n ln(RSS/RSS_least)
  double share = 0;     ///< of the resamples in which this law has the least RSS
};

/// Least squares of ln t for each law, all with two parameters, so AIC differs by n ln RSS alone. Small n say
/// little between laws that are nearly straight lines of each other over a narrow range of N: `told_apart`
/// asks that the best law have a weight and a share of 0.95 and more.
struct ScalingFit {
  std::vector<double> spins;  ///< that were fitted
  std::array<LawFit, 3> laws;
  std::size_t best = 0;
  bool told_apart = false;
};

/// times[size] > 0, finite; draws[size][resample], resamples being paired over the sizes; a size whose draw
/// is infinite is missing from that resample's fit. Nothing where there are fewer than three sizes.
std::optional<ScalingFit> fit_scaling(std::span<const double> spins, std::span<const double> times,
                                      const std::vector<std::vector<double>>& draws);

/// Straight line y = intercept + slope · x by least squares; needs two different x.
struct Line {
  double intercept = 0;
  double slope = 0;
  double residual_squares = 0;
};
Line least_squares(std::span<const double> x, std::span<const double> y);

}  // namespace opoloop
