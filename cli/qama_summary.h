#pragma once

#include <optional>
#include <string>

#include "attention/qama_batch.h"

namespace opoloop {

/// A finished `qama solve`, for showing.
struct QamaOutcome {
  const QamaBatch& batch;
  const QamaSolution& solution;
  const JobSettings& settings;
  std::string device_uri;
  std::optional<int> only;  ///< the one problem that was asked for
  double read_s = 0;        ///< reading the input file
  std::optional<std::string> run_file, npz;
};

/// The terminal's answer.
std::string qama_text(const QamaOutcome& outcome);
/// The same as one JSON object on one line; what was not answered is null.
std::string qama_json(const QamaOutcome& outcome);
/// One line: what was and what was not done. Only after a failure.
std::string qama_failure(const QamaOutcome& outcome);

}  // namespace opoloop
