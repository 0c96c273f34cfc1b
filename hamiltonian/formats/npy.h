#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hamiltonian/formats/read_context.h"

namespace opoloop {

/// An array in NumPy's .npy format (numpy.lib.format, versions 1 to 3), still in the file's bytes. Booleans,
/// integers and floats of either endianness, and strings; object and structured arrays are refused.
struct NpyArray {
  char kind = 0;  ///< 'b', 'i', 'u', 'f', 'S', 'U'
  std::size_t item_bytes = 0;
  bool big_endian = false;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
  std::string_view data;  ///< exactly the items
  std::string where;      ///< for messages: the file, or file and member

  std::size_t count() const;
  bool is_float32() const { return kind == 'f' && item_bytes <= 4; }
  /// In storage order; throws InputError on a value that is not finite, not numeric, or an integer beyond
  /// 2⁵³.
  std::vector<double> numbers() const;
  std::vector<std::int64_t> integers() const;
  /// numbers() with the last index running fastest, whatever the storage order.
  std::vector<double> row_major() const;
  /// The shape as NumPy prints it: "[2, 3]", "[]" for a single number.
  std::string shape_text() const;
  /// A single string.
  std::string text() const;
};

/// Throws InputError on a damaged header or where the bytes do not match the shape exactly. The view into
/// `bytes` must stay alive.
NpyArray parse_npy(std::string_view bytes, const std::string& where);

/// J as a two-dimensional symmetric array (or weights, see LoadOptions).
Problem read_npy(std::string_view bytes, const ReadContext& context);
Problem problem_from_npy_matrix(const NpyArray& array, const ReadContext& context);

/// One array of little-endian items: header and data. descr is NumPy's, such as "<f8".
std::string npy_bytes(const std::string& descr, const std::vector<std::int64_t>& shape,
                      std::string_view data);
std::string npy_of_numbers(const std::vector<double>& values, const std::vector<std::int64_t>& shape);
std::string npy_of_floats(const std::vector<float>& values, const std::vector<std::int64_t>& shape);
/// "|i1" or "|b1" items, one a byte.
std::string npy_of_bytes(const std::string& descr, const std::vector<std::int8_t>& values,
                         const std::vector<std::int64_t>& shape);

/// J as a dense array of float64; the problem has neither fields nor offset.
std::string write_npy(const Problem& problem);
std::vector<double> dense_couplings(const IsingModel& ising);

}  // namespace opoloop
