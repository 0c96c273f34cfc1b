#pragma once

#include <string>
#include <string_view>

#include "hamiltonian/formats/read_context.h"

namespace opoloop {

/// DIMACS graph (.clq, .col), QOBLIB .gph: lines `c …` are comments, one line `p edge n m` (or `p col n m`),
/// then m lines `e u v`, 1-based. Edges have no weights; what is asked of such a graph here is its maximum
/// independent set: minimise −Σ x_i + 1.25 Σ_{edges} x_i x_j (docs/applications/independent-set.md), kind
/// qubo.
Problem read_dimacs(std::string_view text, const ReadContext& context);

}  // namespace opoloop
