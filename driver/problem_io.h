#pragma once

#include <string>

#include "hamiltonian/problem_file.h"

namespace opoloop {

/// Whether a regular file begins like HDF5; nothing is read from a pipe, where it would be gone.
bool is_hdf5_file(const std::string& path);

/// Opens a problem file of any format, HDF5 (by its magic bytes) included, and looks its best known energy up
/// where the file has none (hamiltonian/known_values.h). Throws InputError, one line.
Problem open_problem(const std::string& path, const LoadOptions& options = {});

/// save_problem() for any format but QPLIB, HDF5 included. The best known energy goes into HDF5 only.
void write_problem(const Problem& problem, const std::string& path, ProblemFormat format,
                   const SaveOptions& options = {});

}  // namespace opoloop
