#pragma once

#include <optional>

#include "experiments/accuracy/training.h"

namespace opoloop {

/// The Trainer (experiments/accuracy/training.h) on LibTorch, one thread a model: Adam, cross-entropy,
/// batches of shuffled examples. May be called from several threads at once.
///
/// Where context.scratch is set, everything that decides what comes next is written to
/// scratch/checkpoint.pt now and then and when asked to stop; a task with the same identity goes on from
/// there and ends with the same numbers.
std::optional<TrainedModel> train_model(const TrainingTask& task, const PointContext& context);

/// OpenBLAS and LibTorch with one thread each, for the whole process: points are what runs in parallel.
void use_one_thread_a_model();

}  // namespace opoloop
