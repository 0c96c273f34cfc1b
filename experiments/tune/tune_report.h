#pragma once

#include <ostream>
#include <string>

#include "experiments/tune/tune.h"

namespace opoloop {

/// "The tuned setting needs 410 steps [380, 450], the default 900 …": computed from the intervals.
std::string tune_sentence(const TuneOptions& options, const TuneResult& result);

void print_tune(const TuneOptions& options, const TuneResult& result, std::ostream& out);
/// One JSON object on one line.
void print_tune_json(const TuneOptions& options, const TuneResult& result, std::ostream& out);
/// A page: the answer, the candidates on the test instances, then the search.
std::string tune_html(const TuneOptions& options, const TuneResult& result, const std::string& command_line);

}  // namespace opoloop
