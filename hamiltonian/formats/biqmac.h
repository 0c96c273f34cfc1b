#pragma once

#include <string>
#include <string_view>

#include "hamiltonian/formats/read_context.h"

namespace opoloop {

/// BiqMac .sparse and .bq, QOBLIB .qs: a line `n m`, then m lines `i j q`, 1-based, of a symmetric matrix
/// given by one triangle. Minimise x'Qx, x ∈ {0,1}: an off-diagonal entry counts twice, so the pair's whole
/// coefficient is 2q. Comments begin with #; the comment `# ObjectiveOffset c` (QOBLIB's; also
/// `#ObjectiveOffset`, `ObjectiveOffset:` or `=`) adds c, and one with that name that does not read so is
/// refused.
Problem read_biqmac(std::string_view text, const ReadContext& context);

/// Any problem, as a QUBO, constant included.
std::string write_biqmac(const Problem& problem);

}  // namespace opoloop
