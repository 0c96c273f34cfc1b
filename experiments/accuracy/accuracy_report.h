#pragma once

#include <iosfwd>
#include <string>

#include "experiments/accuracy/accuracy_answer.h"
#include "experiments/accuracy/accuracy_plan.h"

namespace opoloop {

/// What a report says about the run beside its rows.
struct AccuracyRun {
  std::string command_line;
  std::string budget;  ///< one sentence
  std::uint64_t seed = 1;
  bool complete = false;
};

/// One sentence: batch, learning rate, device.
std::string budget_in_words(const TrainingBudget& budget);

void print_accuracy(const AccuracyAnswer& answer, const AccuracyRun& run, std::ostream& out);
void print_accuracy_json(const AccuracyAnswer& answer, const AccuracyRun& run, std::ostream& out);
std::string accuracy_html(const AccuracyAnswer& answer, const AccuracyRun& run);
/// A row a variant and set: accuracies, deviations, seconds. RFC 4180.
std::string accuracy_csv(const AccuracyAnswer& answer);
/// A row a variant, set and device.
std::string moved_csv(const AccuracyAnswer& answer);

}  // namespace opoloop
