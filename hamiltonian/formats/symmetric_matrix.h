#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hamiltonian/formats/read_context.h"

namespace opoloop {

/// What the entries of a symmetric matrix M mean: J = scale·M, so that the quadratic form is
/// −½ Σ_ij J_ij σ_i σ_j over ordered pairs. A diagonal entry multiplies σ_i² = 1 and goes into the offset,
/// −½ J_ii; in a graph of weights it would be a self loop and is refused.
struct MatrixMeaning {
  double scale = 1;
  bool weights = false;  ///< a graph of weights: scale is −1, kind is max_cut
};

/// J itself, or max-cut weights where the options ask for that.
MatrixMeaning meaning_of_options(const LoadOptions& options);

/// Largest |M_ij − M_ji| / max |M| that still counts as rounding. A matrix computed in double differs from
/// its transpose by a few n·2⁻⁵³ (1e-12 at n = 10⁴), one printed with ten digits by 1e-10; one computed in
/// single precision by n·2⁻²⁴. Beyond that the file means something else, such as one triangle only.
inline constexpr double kAsymmetryTolerance = 1e-9;
inline constexpr double kAsymmetryToleranceFloat32 = 1e-5;

/// The line of entry (i, j), 0-based, for messages; 0 where the file has no lines.
using LineOfEntry = std::function<std::int64_t(std::int32_t i, std::int32_t j)>;

/// The problem of a dense n × n matrix (n² finite entries; storage order does not matter, both triangles are
/// averaged). Throws InputError where it is not symmetric. base is the format's first index.
Problem problem_from_dense(const std::vector<double>& matrix, std::int32_t n, const MatrixMeaning& meaning,
                           double tolerance, const ReadContext& context, int base,
                           const LineOfEntry& line_of);

/// An entry of a sparse matrix, 0-based, any triangle; place is its line, or its number in a binary file.
struct MatrixEntry {
  std::int32_t i;
  std::int32_t j;
  double value;
  std::int64_t place;
};

/// The problem of a sparse matrix that stores both triangles (`both_triangles`), or each pair once in either
/// triangle. Entries may come in any order. Throws InputError where an entry is given twice or the triangles
/// disagree.
Problem problem_from_entries(std::vector<MatrixEntry> entries, std::int32_t n, bool both_triangles,
                             const MatrixMeaning& meaning, double tolerance, const ReadContext& context,
                             int base, bool place_is_line);

}  // namespace opoloop
