#pragma once

#include <string>
#include <string_view>

#include "hamiltonian/formats/read_context.h"

namespace opoloop {

/// The dense symmetric matrix M of the Kaiwu SDK, one row a line, comma-separated. The vendor minimises
/// H = −s'Ms over the full double sum, so J = 2M; the diagonal goes into the offset, −Σ M_ii. With
/// kaiwu_last_is_ancilla the last row and column hold a linear term, h_i = 2 M_in (spin n fixed to +1).
Problem read_kaiwu_csv(std::string_view text, const ReadContext& context);

/// M = J/2; the problem has neither fields nor offset.
std::string write_kaiwu_csv(const Problem& problem);

}  // namespace opoloop
