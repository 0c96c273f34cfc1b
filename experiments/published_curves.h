#pragma once

#include "experiments/published_table.h"

namespace opoloop {

/// g² at which a curve first falls below half its first value, interpolated in ln g²; the interval from where
/// the Wilson bounds cross. Unknown where it never does.
Estimate half_plateau(const SaturationCurve& curve);

}  // namespace opoloop
