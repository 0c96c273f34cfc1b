#include "experiments/tts/performance_profile.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace opoloop {

double PerformanceProfile::at(double tau) const {
  const auto within = std::upper_bound(ratios.begin(), ratios.end(), tau) - ratios.begin();
  return problems > 0 ? static_cast<double>(within) / problems : 0;
}

std::vector<PerformanceProfile> performance_profiles(const std::vector<std::vector<double>>& times) {
  std::vector<PerformanceProfile> profiles(times.size());
  const std::size_t problems = times.empty() ? 0 : times.front().size();
  for (std::size_t p = 0; p < problems; ++p) {
    double least = std::numeric_limits<double>::infinity();
    for (const auto& solver : times) least = std::min(least, solver[p]);
    for (std::size_t s = 0; s < times.size(); ++s) {
      profiles[s].problems += 1;
      if (std::isfinite(times[s][p])) profiles[s].ratios.push_back(times[s][p] / least);
    }
  }
  for (PerformanceProfile& profile : profiles) std::sort(profile.ratios.begin(), profile.ratios.end());
  return profiles;
}

}  // namespace opoloop
