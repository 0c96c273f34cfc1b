#pragma once

#include <string>

#include "hamiltonian/problem.h"

namespace opoloop {

/// Looks a problem file up in tables of reference values: files `known_values.csv` in the file's own
/// directory and up to three directories above it, nearest first. A table has the columns file, n, sense and
/// best (others are ignored; fields may be quoted); `file` is a path relative to the table. A row fits where
/// it names this file, n agrees, and its sense suits the problem's kind:
///
///   "max-cut"                         the best cut of a graph: E = Σ w − 2 best
///   "min sum w s s"                   Σ_{i<j} w_ij σ_i σ_j of a graph, which is E itself (J = −w)
///   "min x'Qx", "min x'Qx+offset"     the value of a QUBO, which is E itself (constant carried)
///   "max independent set"             the size of the set of a graph file: E = −best
///
/// Sets best_known_energy and best_known_source ("known_values.csv: optimal (BiqMac)") and returns true where
/// one is found and the problem had none. A table that cannot be read is as good as none.
bool find_known_value(Problem& problem, const std::string& path);

}  // namespace opoloop
