#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "experiments/qama_inspect.h"

namespace opoloop {

/// The inspection for a terminal: one problem in full, several as one row each.
void print_qama_inspection(const QamaBatch& batch, const std::vector<QamaInspection>& problems,
                           const QamaInspectSettings& settings, std::ostream& out);
/// One JSON object with everything.
void print_qama_inspection_json(const QamaBatch& batch, const std::vector<QamaInspection>& problems,
                                const QamaInspectSettings& settings, std::ostream& out);
/// A page: histogram of the couplings, quantisation curve, energies, selection map.
std::string qama_inspection_html(const QamaBatch& batch, const std::vector<QamaInspection>& problems,
                                 const QamaInspectSettings& settings);

/// What one should know first, in a sentence: "0 of 130,816 couplings survive 8 bits: …".
std::string qama_headline(const QamaInspection& problem, const QamaInspectSettings& settings);

}  // namespace opoloop
