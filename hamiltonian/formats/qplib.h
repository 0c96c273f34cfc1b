#pragma once

#include <string>
#include <string_view>

#include "hamiltonian/formats/read_context.h"

namespace opoloop {

/// QPLIB (Furini et al. 2019, doi 10.1007/s12532-018-0147-4; qplib.zib.de/doc.html), the unconstrained binary
/// types QBN and QBB, and their special cases L, D and C in the first letter. Objective ½ x'Qx + b'x + c with
/// the listed entries as they stand in the lower triangle, so the pair of an entry v has coefficient v/2. A
/// problem to maximise is negated: its energies are minus the objective. Kind qubo.
Problem read_qplib(std::string_view text, const ReadContext& context);

}  // namespace opoloop
