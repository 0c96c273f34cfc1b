#pragma once

#include "cim_model/engine.h"
#include "driver/device.h"

namespace opoloop {

/// A trajectory of the loop as a sample of a device. `ancilla`: the last spin stood for the linear term and
/// is removed, the others turned so that it was up (drop_ancilla()); energies stay the trajectory's.
Sample sample_of(const TrajectoryResult& trajectory, bool ancilla);

}  // namespace opoloop
