#pragma once

#include <string>
#include <string_view>

#include "hamiltonian/formats/read_context.h"

namespace opoloop {

/// dimod's COO text (dimod/serialization/coo.py): `# vartype=SPIN` or BINARY, then lines `u v bias`, 0-based;
/// u = v is a linear bias. Minimise Σ h s + Σ J s s (SPIN: both signs opposite to ours) or the QUBO (BINARY).
/// Numbers have no exponent: dimod skips lines that do not match its grammar, this reader refuses them, and
/// refuses a pair given twice, which dimod adds up. The size is the largest index plus one. The comment
/// `# offset=c` is ours; dimod ignores it.
Problem read_dimod_coo(std::string_view text, const ReadContext& context);

/// BINARY for a QUBO, SPIN otherwise.
std::string write_dimod_coo(const Problem& problem);

}  // namespace opoloop
