#pragma once

#include <vector>

namespace opoloop {

// Performance profiles (Dolan and Moré, Math. Program. 91, 201 (2002)). With t_{p,s} the time of solver s on
// problem p, r_{p,s} = t_{p,s} / min_s t_{p,s} and ρ_s(τ) = |{p : r_{p,s} ≤ τ}| / |problems|: the share of
// the problems that s solves within τ times the time of whoever is fastest there. ρ_s(1) is how often s is
// fastest, the right end how much it solves at all.

/// One solver's profile, a step function.
struct PerformanceProfile {
  std::vector<double> ratios;  ///< r of the problems it solved, ascending
  double problems = 0;         ///< all of them, those that nobody solved included

  /// ρ(τ).
  double at(double tau) const;
};

/// times[solver][problem], ∞ where unsolved. A solver that was not tried on a problem has not solved it.
std::vector<PerformanceProfile> performance_profiles(const std::vector<std::vector<double>>& times);

}  // namespace opoloop
