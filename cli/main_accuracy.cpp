// opoloop-accuracy: the command with LibTorch, which `opoloop experiment accuracy` starts in its own place.
// The command itself does without: LibTorch takes seconds to load.

#include <iostream>
#include <string>
#include <vector>

#include "cli/experiment_accuracy.h"
#include "cli/run_command.h"
#include "experiments/accuracy/torch/trainer.h"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  opoloop::use_one_thread_a_model();
  opoloop::set_accuracy_trainer(opoloop::train_model);
  return opoloop::run_command(arguments, std::cout, std::cerr);
}
