#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "experiments/inference_time.h"

namespace opoloop {

/// One number of the paper (arXiv 2504.11083 and its public code) beside ours, of the published size.
struct InferenceComparison {
  std::string what;
  double ours_ms = InferenceRow::kNone;  ///< of the batch
  double theirs_ms = InferenceRow::kNone;
};

/// What one problem takes on a machine as published, at the emulator's budget for it.
struct MachineInference {
  std::string machine;
  double heads = 0, tokens = 0;
  double seconds = 0;  ///< upload + runs · trips · T_rt + read-out, parts no publication gives counted as 0
};

struct InferenceAnswer {
  std::vector<std::string> sentences;
  std::vector<InferenceComparison> published;
  std::vector<MachineInference> machines;
};
InferenceAnswer inference_answer(const std::vector<InferenceRow>& rows);

/// Milliseconds of one sample.
double ms_per_sample(const InferenceRow& row);
/// (E − E_least)/|E_least|.
double energy_gap(const InferenceRow& row);

void print_inference(const InferenceAnswer& answer, const std::vector<InferenceRow>& rows, std::ostream& out);
void print_inference_json(const InferenceAnswer& answer, const std::vector<InferenceRow>& rows,
                          const InferenceOptions& options, bool complete, std::ostream& out);
std::string inference_html(const InferenceAnswer& answer, const std::vector<InferenceRow>& rows,
                           const InferenceOptions& options, const std::string& command_line);

}  // namespace opoloop
