#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hamiltonian/problem.h"

namespace opoloop {

/// The file formats of docs/problem-formats.md, which states grammar and sign convention of each.
enum class ProblemFormat {
  rudy,           ///< rudy, G-set, BiqMac .mc: a weighted graph, max-cut
  biqmac,         ///< BiqMac .sparse, .bq, QOBLIB .qs: min x'Qx
  dimacs,         ///< DIMACS graph, QOBLIB .gph: its maximum independent set; read only
  dimod_coo,      ///< dimod COO with its vartype header
  dimod_json,     ///< dimod BinaryQuadraticModel.to_serializable(), schema 3
  matrix_market,  ///< MatrixMarket coordinate or array: J
  qplib,          ///< QPLIB types QBN, QBB; read only
  kaiwu_csv,      ///< dense matrix of the Kaiwu SDK: M = J/2
  npy,            ///< NumPy array: J
  npz,            ///< NumPy archive: J (dense or CSR), h, offset, kind
  hdf5,           ///< HDF5, by driver/problem_io.h only: this folder knows no HDF5
};

/// Every format, in the order above.
const std::vector<ProblemFormat>& all_problem_formats();
/// "rudy", "biqmac", "dimacs", "dimod-coo", "dimod-json", "matrix-market", "qplib", "kaiwu-csv", "npy",
/// "npz", "hdf5".
std::string format_name(ProblemFormat format);
/// The inverse. Throws InputError listing the names.
ProblemFormat parse_problem_format(const std::string& name);
/// What a file name suggests (a final .gz is skipped); nothing for an extension nobody owns.
std::optional<ProblemFormat> format_of_extension(const std::string& path);

/// Whether files of a format can hold a linear term, and a constant; where not, SaveOptions say what to do.
bool format_holds_field(ProblemFormat format);
bool format_holds_offset(ProblemFormat format);

struct LoadOptions {
  std::optional<ProblemFormat> format;  ///< unset: by content, then by extension
  bool kaiwu_last_is_ancilla = false;   ///< kaiwu-csv: the last row and column hold the linear term
  bool matrix_is_weights = false;       ///< matrix-market, npy: weights w of a max-cut (J = −w), not J
  std::string array;                    ///< npz: this array is J, for archives that collect many matrices
  /// Nothing that needs more than this is allocated, inflated data included; 0 = the machine's memory.
  std::uint64_t memory_limit_bytes = 0;
};

/// Reads a problem in any format but HDF5; text formats may be gzip-compressed. The content decides the
/// format; where two formats share a grammar (rudy and BiqMac), the extension does. name, source and
/// sha256 (of the decompressed bytes) are set, the best known energy is not (hamiltonian/known_values.h).
/// Throws InputError, one line `file:line: 'token': what was expected`, on anything the format's page
/// forbids: a number that is not finite, an asymmetric matrix, a pair given twice, an index out of range, too
/// few or too many entries, a size that would not fit into memory, another kind of file.
Problem load_problem(const std::string& path, const LoadOptions& options = {});

/// The same for bytes in memory, such as a request's body; `name` stands for the file in messages and, by its
/// extension, in the choice of format.
Problem load_problem_from_bytes(std::string_view bytes, const std::string& name,
                                const LoadOptions& options = {});

struct SaveOptions {
  bool add_ancilla = false;  ///< a format without linear term gets h as couplings to one more, last spin
  bool drop_offset = false;  ///< a format without constant loses it: energies read back differ by it
};

/// Writes a problem so that reading it gives back the same energies. The file appears complete or not at all
/// (written beside `path`, then renamed); a path ending in .gz is compressed for the text formats.
/// kaiwu-csv always takes the ancilla where h ≠ 0, as its solver expects. Throws InputError where the format
/// cannot hold the problem and `options` do not allow the change, Error where the disk refuses.
void save_problem(const Problem& problem, const std::string& path, ProblemFormat format,
                  const SaveOptions& options = {});

/// The bytes save_problem() would write, uncompressed.
std::string problem_to_bytes(const Problem& problem, ProblemFormat format, const SaveOptions& options = {});

}  // namespace opoloop
