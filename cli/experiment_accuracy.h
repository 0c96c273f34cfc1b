#pragma once

#include "experiments/accuracy/training.h"

namespace opoloop {

/// Gives `opoloop experiment accuracy` what trains: the program opoloop-accuracy, which has LibTorch, calls
/// this before anything else. Where nobody did, the command starts that program in its own place.
void set_accuracy_trainer(Trainer trainer);

}  // namespace opoloop
