#pragma once

#include <vector>

#include "driver/calibration/calibration.h"

namespace opoloop::calibration {

/// Relative deviation of each pulse's pump from the mean pulse. Above threshold ⟨y_i(k) y_i(k+τ)⟩ =
/// κ² (P (1 + γ_i) − 1) up to terms that all pulses share, so that
///
///     γ_i = (q_i − q̄) / (κ² P),        averaged over the records by their scatter over runs.
///
/// The mean of γ is 0 by construction: what all pulses have in common is in the threshold. Dead pulses have
/// 0.
std::vector<Estimate> fit_gain_map(const std::vector<StatisticsBlock>& blocks, const LoopFit& fit,
                                   const std::vector<std::int32_t>& dead, const CalibrationOptions& options);

}  // namespace opoloop::calibration
