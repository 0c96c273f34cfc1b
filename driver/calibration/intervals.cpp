#include "driver/calibration/intervals.h"

#include <algorithm>
#include <cmath>

#include "driver/calibration/loop_fit.h"

namespace opoloop::calibration {

Estimate interval(double value, double error, int runs, std::vector<double> resamples,
                  const std::function<double(double)>& scale) {
  Estimate e;
  e.value = scale(value);
  const double reach = t_quantile(runs - 1) * error;
  e.jacobian_low = scale(value - reach);
  e.jacobian_high = scale(value + reach);
  double low = value, high = value;
  if (!resamples.empty()) {
    std::sort(resamples.begin(), resamples.end());
    const auto quantile = [&](double q) {
      const double at = q * static_cast<double>(resamples.size() - 1);
      const auto below = static_cast<std::size_t>(at);
      const std::size_t above = std::min(below + 1, resamples.size() - 1);
      return resamples[below] + (at - std::floor(at)) * (resamples[above] - resamples[below]);
    };
    const double wider = std::sqrt(runs / std::max(runs - 1.0, 1.0));
    low = value + wider * (quantile(0.025) - value);
    high = value + wider * (quantile(0.975) - value);
  }
  e.bootstrap_low = scale(low);
  e.bootstrap_high = scale(high);
  e.low = std::min(e.jacobian_low, e.bootstrap_low);
  e.high = std::max(e.jacobian_high, e.bootstrap_high);
  return e;
}

}  // namespace opoloop::calibration
