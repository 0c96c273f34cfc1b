#pragma once

#include <string>
#include <string_view>

#include "hamiltonian/formats/read_context.h"

namespace opoloop {

/// rudy, G-set and BiqMac .mc: a line `n m`, then m lines `u v [w]`, 1-based, w = 1 where left out; lines
/// beginning with # are comments. Maximise the cut Σ w over cut edges: J = −w, kind max_cut.
Problem read_rudy(std::string_view text, const ReadContext& context);

/// w = −J; the problem has neither fields nor offset.
std::string write_rudy(const Problem& problem);

}  // namespace opoloop
