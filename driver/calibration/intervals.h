#pragma once

#include <functional>
#include <vector>

#include "driver/calibration/calibration.h"

namespace opoloop::calibration {

/// Value ± t·error beside the 2.5% and 97.5% quantiles of the resamples, drawn apart by √(n/(n−1)) because a
/// resample of n runs scatters less than new runs would; the interval is the hull of both. `scale` turns the
/// scale on which errors are symmetric into that of the value, increasing.
Estimate interval(
    double value, double error, int runs, std::vector<double> resamples,
    const std::function<double(double)>& scale = [](double v) { return v; });

}  // namespace opoloop::calibration
