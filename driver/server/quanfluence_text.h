#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hamiltonian/problem.h"

namespace opoloop {

struct QuanfluenceLimits {
  std::int32_t max_spins = 20000;
  std::uint64_t inflated_bytes = std::uint64_t{64} << 20;  ///< of the text in an archive
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;     ///< of the problem while it is read
};

/// Reads a QUBO as clients of Quanfluence's service send it (docs/facades.md): a zip archive that holds
/// data.txt, or such a text itself. The text is one of
///
///     {(0, 0): 1, (0, 1): -1.5}       str() of a Python dict, also of a collections.defaultdict
///     [[0, 0, 1], [0, 1, -1.5]]       str() of a list of lists or tuples, or JSON
///     0.5                             lines: a constant of the energy on the first line, or `p qubo …`,
///     0 0 1                           or neither; then an entry a line; # and c begin a comment
///
/// and a number may be written as NumPy 2 prints its scalars, np.float64(1.0). Nothing is evaluated. An entry
/// (i, i) is the linear coefficient of x_i; (i, j) and (j, i) add up; the same entry twice is an error. There
/// are as many variables as the largest index says. F(x) = Σ Q_ij x_i x_j + constant, x in {0, 1}, minimised;
/// the problem has kind qubo, and its energies are those of F. `name` stands for the file in messages. Throws
/// InputError of one line.
Problem parse_quanfluence(std::string_view bytes, const std::string& name, const QuanfluenceLimits& limits);

}  // namespace opoloop
