#pragma once

#include <string>
#include <string_view>

#include "hamiltonian/formats/read_context.h"

namespace opoloop {

/// MatrixMarket (Boisvert, Pozo, Remington, NISTIR 5935): `%%MatrixMarket matrix coordinate|array
/// real|integer|pattern symmetric|general`, a square matrix, 1-based, array entries column by column. It is
/// J, E = −½ Σ_ij J_ij σ_i σ_j over ordered pairs, or a graph of max-cut weights where the options say so. A
/// diagonal goes into the offset. `general` must be symmetric within kAsymmetryTolerance; a symmetric
/// coordinate file may use either triangle but gives each pair once.
Problem read_matrix_market(std::string_view text, const ReadContext& context);

/// J as coordinate real symmetric (lower triangle); the problem has neither fields nor offset.
std::string write_matrix_market(const Problem& problem);

}  // namespace opoloop
