#include "hamiltonian/formats/npy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "hamiltonian/formats/symmetric_matrix.h"

namespace opoloop {

namespace {

static_assert(std::endian::native == std::endian::little,
              "items are copied as they lie in little-endian files");

constexpr std::string_view kMagic("\x93NUMPY", 6);

// The header is a Python dict literal: {'descr': '<f8', 'fortran_order': False, 'shape': (3, 3), }
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  void parse(std::string& descr, bool& fortran_order, std::vector<std::int64_t>& shape) {
    bool seen[3] = {};
    expect('{');
    while (peek() != '}') {
      const std::string key = string();
      expect(':');
      if (key == "descr") {
        seen[0] = true;
        if (peek() == '[') fail("structured arrays are refused");
        descr = string();
      } else if (key == "fortran_order") {
        seen[1] = true;
        fortran_order = boolean();
      } else if (key == "shape") {
        seen[2] = true;
        shape = tuple();
      } else {
        fail(fmt::format("unknown header key '{}'", key));
      }
      if (peek() == ',') ++at_;
    }
    ++at_;
    if (peek() != '\0') fail("trailing garbage in the header");
    if (!seen[0] || !seen[1] || !seen[2]) fail("the header lacks descr, fortran_order or shape");
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw_file_error(where_, 0, {}, "npy header: " + what);
  }
  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  void expect(char c) {
    if (peek() != c) fail(fmt::format("expected '{}'", c));
    ++at_;
  }
  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("expected a string");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("unterminated string");
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    for (char& c : value) {
      if (c < 0x20 || c > 0x7e) c = '?';
    }
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    peek();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return value;
      }
    }
    fail("fortran_order must be True or False");
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> values;
    expect('(');
    while (peek() != ')') {
      std::int64_t value = 0;
      int digits = 0;
      for (peek(); at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
        if (++digits > 15) fail("a dimension is too large");
        value = 10 * value + (text_[at_] - '0');
      }
      if (digits == 0) fail("expected a dimension");
      values.push_back(value);
      if (values.size() > 32) fail("more than 32 dimensions");
      if (peek() == ',') ++at_;
    }
    ++at_;
    return values;
  }

  std::string_view text_;
  const std::string& where_;
  std::size_t at_ = 0;
};

void set_type(NpyArray& array, const std::string& descr) {
  if (descr.size() < 2 || std::string("<>|=").find(descr[0]) == std::string::npos) {
    throw_file_error(array.where, 0, descr, "not a NumPy type");
  }
  array.big_endian = descr[0] == '>';
  array.kind = descr[1];
  if (array.kind == 'O')
    throw_file_error(array.where, 0, descr, "object arrays hold pickled code and are refused");
  std::size_t size = 0;
  for (const char c : descr.substr(2)) {
    if (c < '0' || c > '9' || size > 1000) throw_file_error(array.where, 0, descr, "not a NumPy type");
    size = 10 * size + static_cast<std::size_t>(c - '0');
  }
  array.item_bytes = array.kind == 'U' ? 4 * size : size;
  const std::size_t b = array.item_bytes;
  const bool ok = (array.kind == 'b' && b == 1) ||
                  ((array.kind == 'i' || array.kind == 'u') && (b == 1 || b == 2 || b == 4 || b == 8)) ||
                  (array.kind == 'f' && (b == 2 || b == 4 || b == 8)) || array.kind == 'S' ||
                  array.kind == 'U';
  if (!ok)
    throw_file_error(array.where, 0, descr,
                     "only booleans, integers, floats up to 8 bytes and strings are read");
}

// IEEE 754 binary16.
double half_to_double(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int fraction = bits & 1023;
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == 31) return fraction == 0 ? sign * HUGE_VAL : std::nan("");
  return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
}

template <typename T>
T load(std::string_view data, std::size_t index, bool swap) {
  char item[sizeof(T)];
  std::memcpy(item, data.data() + index * sizeof(T), sizeof(T));
  if (swap) {
    for (std::size_t k = 0; k < sizeof(T) / 2; ++k) std::swap(item[k], item[sizeof(T) - 1 - k]);
  }
  T value;
  std::memcpy(&value, item, sizeof(T));
  return value;
}

// f(index, item) for every item of a numeric array, as its own C++ type.
template <typename F>
void visit_numbers(const NpyArray& array, F&& f) {
  const std::size_t count = array.count();
  const auto run = [&]<typename T>(T) {
    for (std::size_t k = 0; k < count; ++k) f(k, load<T>(array.data, k, array.big_endian));
  };
  const std::size_t b = array.item_bytes;
  if (array.kind == 'f' && b == 2) {
    for (std::size_t k = 0; k < count; ++k) {
      f(k, half_to_double(load<std::uint16_t>(array.data, k, array.big_endian)));
    }
  } else if (array.kind == 'f') {
    b == 4 ? run(float{}) : run(double{});
  } else if (array.kind == 'b') {
    for (std::size_t k = 0; k < count; ++k) f(k, std::uint8_t{array.data[k] != 0});
  } else if (array.kind == 'u') {
    b == 1   ? run(std::uint8_t{})
    : b == 2 ? run(std::uint16_t{})
    : b == 4 ? run(std::uint32_t{})
             : run(std::uint64_t{});
  } else if (array.kind == 'i') {
    b == 1   ? run(std::int8_t{})
    : b == 2 ? run(std::int16_t{})
    : b == 4 ? run(std::int32_t{})
             : run(std::int64_t{});
  } else {
    throw_file_error(array.where, 0, {}, "the array holds text where numbers were expected");
  }
}

constexpr double kExactIntegers = 9007199254740992.0;  // 2⁵³

}  // namespace

std::size_t NpyArray::count() const {
  std::size_t items = 1;
  for (const std::int64_t side : shape) items *= static_cast<std::size_t>(side);
  return items;
}

std::vector<double> NpyArray::numbers() const {
  std::vector<double> values(count());
  visit_numbers(*this, [&](std::size_t k, auto item) {
    const auto value = static_cast<double>(item);
    if (!std::isfinite(value)) throw_file_error(where, 0, fmt::format("item {}", k), "must be finite");
    if (kind != 'f' && item_bytes == 8 && std::abs(value) > kExactIntegers) {
      throw_file_error(where, 0, fmt::format("item {}", k), "an integer beyond 2^53 has no exact double");
    }
    values[k] = value;
  });
  return values;
}

std::vector<std::int64_t> NpyArray::integers() const {
  const std::vector<double> values = numbers();
  std::vector<std::int64_t> out(values.size());
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (values[k] != std::nearbyint(values[k]) || std::abs(values[k]) > kExactIntegers) {
      throw_file_error(where, 0, fmt::format("item {}", k), "must be an integer");
    }
    out[k] = static_cast<std::int64_t>(values[k]);
  }
  return out;
}

std::vector<double> NpyArray::row_major() const {
  std::vector<double> stored = numbers();
  if (!fortran_order || shape.size() < 2) return stored;
  std::vector<double> out(stored.size());
  std::vector<std::size_t> index(shape.size(), 0);
  for (const double value : stored) {
    // The first index runs fastest in `stored`, the last one in `out`.
    std::size_t place = 0;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      place = place * static_cast<std::size_t>(shape[axis]) + index[axis];
    }
    out[place] = value;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      if (++index[axis] < static_cast<std::size_t>(shape[axis])) break;
      index[axis] = 0;
    }
  }
  return out;
}

std::string NpyArray::shape_text() const {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::string NpyArray::text() const {
  if ((kind != 'S' && kind != 'U') || count() != 1) throw_file_error(where, 0, {}, "must be a single string");
  std::string out;
  for (std::size_t at = 0; at < item_bytes; at += kind == 'U' ? 4 : 1) {
    // UTF-32 in the array's byte order; only ASCII is of use here.
    const char c = data[at + (kind == 'U' && big_endian ? 3 : 0)];
    if (c != '\0') out += c;
  }
  return out;
}

NpyArray parse_npy(std::string_view bytes, const std::string& where) {
  NpyArray array;
  array.where = where;
  if (bytes.substr(0, kMagic.size()) != kMagic || bytes.size() < 10) {
    throw_file_error(where, 0, {}, "not a .npy array, or truncated");
  }
  const int version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3)
    throw_file_error(where, 0, {}, fmt::format("npy version {} is unknown", version));
  const std::size_t prefix = version == 1 ? 10 : 12;
  if (bytes.size() < prefix) throw_file_error(where, 0, {}, "truncated npy header");
  const std::size_t header = version == 1 ? load<std::uint16_t>(bytes.substr(8), 0, false)
                                          : load<std::uint32_t>(bytes.substr(8), 0, false);
  if (header > bytes.size() - prefix) throw_file_error(where, 0, {}, "truncated npy header");
  std::string descr;
  HeaderParser(bytes.substr(prefix, header), where).parse(descr, array.fortran_order, array.shape);
  set_type(array, descr);
  array.data = bytes.substr(prefix + header);
  double needed = static_cast<double>(array.item_bytes);
  for (const std::int64_t side : array.shape) needed *= static_cast<double>(side);
  if (needed != static_cast<double>(array.data.size())) {
    throw_file_error(
        where, 0, {},
        fmt::format("{}: the header announces {} of data, {} bytes follow",
                    needed > static_cast<double>(array.data.size()) ? "truncated" : "trailing garbage",
                    bytes_text(needed), array.data.size()));
  }
  // Items of no bytes would make any shape fit.
  if (array.item_bytes == 0 && array.count() > 1)
    throw_file_error(where, 0, {}, "empty strings where numbers were expected");
  return array;
}

Problem problem_from_npy_matrix(const NpyArray& array, const ReadContext& context) {
  ReadContext here = context;
  here.file = array.where;
  if (array.shape.size() != 2 || array.shape[0] != array.shape[1]) {
    std::string shape;
    for (const std::int64_t side : array.shape)
      shape += fmt::format("{}{}", shape.empty() ? "" : " x ", side);
    throw_file_error(array.where, 0, shape, "J must be a square two-dimensional array");
  }
  const std::int32_t n = here.checked_dense_spins(array.shape[0]);
  // Column-major storage of a symmetric matrix is its row-major storage: the order changes nothing but the
  // sense of (i, j) in a message.
  const double tolerance = array.is_float32() ? kAsymmetryToleranceFloat32 : kAsymmetryTolerance;
  return problem_from_dense(array.numbers(), n, meaning_of_options(context.options), tolerance, here, 0,
                            [](std::int32_t, std::int32_t) { return std::int64_t{0}; });
}

Problem read_npy(std::string_view bytes, const ReadContext& context) {
  return problem_from_npy_matrix(parse_npy(bytes, context.file), context);
}

std::string npy_bytes(const std::string& descr, const std::vector<std::int64_t>& shape,
                      std::string_view data) {
  std::string tuple;
  for (const std::int64_t side : shape) tuple += fmt::format("{}, ", side);
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, tuple);
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';  // data aligned to 64 bytes, as NumPy does
  header += '\n';
  std::string out(kMagic);
  out += '\x01';
  out += '\0';
  out += static_cast<char>(header.size() & 255);
  out += static_cast<char>(header.size() >> 8);
  out += header;
  out += data;
  return out;
}

std::string npy_of_numbers(const std::vector<double>& values, const std::vector<std::int64_t>& shape) {
  return npy_bytes("<f8", shape,
                   {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double)});
}

std::string npy_of_floats(const std::vector<float>& values, const std::vector<std::int64_t>& shape) {
  return npy_bytes("<f4", shape,
                   {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
}

std::string npy_of_bytes(const std::string& descr, const std::vector<std::int8_t>& values,
                         const std::vector<std::int64_t>& shape) {
  return npy_bytes(descr, shape, {reinterpret_cast<const char*>(values.data()), values.size()});
}

std::vector<double> dense_couplings(const IsingModel& ising) {
  const auto side = static_cast<std::size_t>(ising.size());
  std::vector<double> matrix(side * side, 0.0);
  for (const IsingEdge& edge : ising.edges()) {
    const auto i = static_cast<std::size_t>(edge.i);
    const auto j = static_cast<std::size_t>(edge.j);
    matrix[i * side + j] = matrix[j * side + i] = edge.J;
  }
  return matrix;
}

std::string write_npy(const Problem& problem) {
  const std::int64_t n = problem.ising.size();
  return npy_of_numbers(dense_couplings(problem.ising), {n, n});
}

}  // namespace opoloop
