#pragma once

#include <string>

#include "hamiltonian/problem_file.h"

namespace opoloop {

/// A problem in HDF5 (docs/problem-formats.md): `/J` dense n × n, or CSR `/J_indptr`, `/J_indices`, `/J_data`
/// (both triangles, 0-based), optional `/h` of length n. Attributes of `/`, all optional:
/// sign_convention ("E = -1/2 sum J s s - sum h s", the default, or "E = +1/2 sum J s s + sum h s"), offset,
/// kind ("ising", "qubo", "max_cut"), name, best_known_energy. Where `/J` is missing the same is looked for
/// in the group `/problem`, which is where a run file keeps its problem. Throws InputError.
Problem read_problem_hdf5(const std::string& path, const LoadOptions& options = {});

/// Writes `path` complete or not at all. Throws Error with HDF5's reason where that fails.
void write_problem_hdf5(const Problem& problem, const std::string& path);

}  // namespace opoloop
