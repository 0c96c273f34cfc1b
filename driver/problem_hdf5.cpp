#include "driver/problem_hdf5.h"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include "core/error.h"
#include "core/sha256.h"
#include "hamiltonian/formats/file_bytes.h"
#include "hamiltonian/formats/npy.h"
#include "hamiltonian/formats/npz.h"
#include "hamiltonian/formats/symmetric_matrix.h"

namespace opoloop {

namespace {

constexpr const char* kOurSigns = "E = -1/2 sum J s s - sum h s";
constexpr const char* kOppositeSigns = "E = +1/2 sum J s s + sum h s";
constexpr hsize_t kCompressAbove = 4096;  // items
constexpr hsize_t kChunk = hsize_t{1} << 16;

/// Owns an HDF5 id of any kind.
class Id {
 public:
  Id(hid_t id, herr_t (*closer)(hid_t)) : id_(id), closer_(closer) {}
  ~Id() {
    if (id_ >= 0) closer_(id_);
  }
  Id(const Id&) = delete;
  Id& operator=(const Id&) = delete;
  operator hid_t() const { return id_; }
  bool ok() const { return id_ >= 0; }
  /// Closes now and says whether that went well: a file's last bytes are written here.
  bool close() {
    const hid_t id = id_;
    id_ = -1;
    return closer_(id) >= 0;
  }

 private:
  hid_t id_;
  herr_t (*closer_)(hid_t);
};

/// Keeps HDF5 from printing its error stack; its innermost message is asked for instead.
class QuietErrors {
 public:
  QuietErrors() {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~QuietErrors() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

std::string last_reason() {
  std::string reason = "unknown HDF5 error";
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned n, const H5E_error2_t* error, void* out) -> herr_t {
        if (n == 0 && error->desc != nullptr) *static_cast<std::string*>(out) = error->desc;
        return 0;
      },
      &reason);
  return reason;
}

class Hdf5Reader {
 public:
  Hdf5Reader(const std::string& path, const ReadContext& context)
      : context_(context), file_(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose) {
    if (!file_.ok()) fail({}, "not a readable HDF5 file: " + last_reason());
    if (!has("/J") && !has("/J_indptr") && H5Lexists(file_, "/problem", H5P_DEFAULT) > 0) prefix_ = "/problem";
  }

  Problem read() {
    Problem couplings;
    if (has("/J")) {
      couplings = read_dense();
    } else if (has("/J_indptr")) {
      CsrMatrix csr;
      csr.indptr = integers("/J_indptr");
      csr.indices = integers("/J_indices");
      csr.data = numbers("/J_data", 1).values;
      couplings = problem_from_csr(csr, kAsymmetryTolerance, context_);
    } else {
      fail({}, "has neither /J nor /J_indptr, /J_indices, /J_data (nor those in /problem)");
    }
    std::vector<double> h;
    if (has("/h")) {
      h = numbers("/h", 1).values;
      if (h.empty()) fail("/h", "is empty");
    }
    const std::string signs = text_attribute("sign_convention").value_or(kOurSigns);
    if (signs != kOurSigns && signs != kOppositeSigns) {
      fail(signs, fmt::format("sign_convention must be '{}' or '{}'", kOurSigns, kOppositeSigns));
    }
    // Weights are weights under either convention.
    if (signs == kOppositeSigns && !context_.options.matrix_is_weights) flip(couplings, h);
    const ProblemKind kind = parse_kind(text_attribute("kind").value_or("ising"), context_.file);
    const double offset = number_attribute("offset").value_or(0);
    Problem problem = assemble_problem(couplings, std::move(h), offset, kind, context_);
    problem.name = text_attribute("name").value_or("");
    problem.best_known_energy = number_attribute("best_known_energy");
    if (problem.best_known_energy) problem.best_known_source = "the HDF5 file";
    return problem;
  }

 private:
  struct Array {
    std::vector<double> values;
    std::vector<hsize_t> shape;
    bool float32 = false;
  };

  [[noreturn]] void fail(const std::string& token, const std::string& expected) const {
    throw_file_error(context_.file, 0, token, expected);
  }
  std::string at(const char* name) const { return prefix_ + name; }
  bool has(const char* name) const { return H5Lexists(file_, at(name).c_str(), H5P_DEFAULT) > 0; }

  static void flip(Problem& couplings, std::vector<double>& h) {
    std::vector<IsingEdge> edges = couplings.ising.edges();
    for (IsingEdge& edge : edges) edge.J = -edge.J;
    for (double& value : h) value = -value;
    couplings.ising = IsingModel(couplings.ising.size(), std::move(edges), {}, -couplings.ising.offset());
  }

  Array numbers(const char* name, int dimensions) const {
    const std::string where = at(name);
    const Id set(H5Dopen2(file_, where.c_str(), H5P_DEFAULT), H5Dclose);
    if (!set.ok()) fail(where, "missing or not a dataset");
    const Id type(H5Dget_type(set), H5Tclose);
    const H5T_class_t kind = H5Tget_class(type);
    if (kind != H5T_FLOAT && kind != H5T_INTEGER) fail(where, "must hold numbers");
    const Id space(H5Dget_space(set), H5Sclose);
    if (H5Sget_simple_extent_ndims(space) != dimensions) fail(where, fmt::format("must have {} dimensions", dimensions));
    Array array;
    array.shape.resize(static_cast<std::size_t>(dimensions));
    H5Sget_simple_extent_dims(space, array.shape.data(), nullptr);
    array.float32 = kind == H5T_FLOAT && H5Tget_size(type) <= 4;
    double items = 1;
    for (const hsize_t side : array.shape) items *= static_cast<double>(side);
    context_.require_memory(22 * items, where, 0, {});
    array.values.resize(static_cast<std::size_t>(items));
    if (!array.values.empty() &&
        H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.values.data()) < 0) {
      fail(where, "cannot be read: " + last_reason());
    }
    for (std::size_t k = 0; k < array.values.size(); ++k) {
      if (!std::isfinite(array.values[k])) fail(fmt::format("{} item {}", where, k), "must be finite");
    }
    return array;
  }

  std::vector<std::int64_t> integers(const char* name) const {
    const Array array = numbers(name, 1);
    std::vector<std::int64_t> out(array.values.size());
    for (std::size_t k = 0; k < out.size(); ++k) {
      const double value = array.values[k];
      if (value != std::nearbyint(value) || std::abs(value) > 9007199254740992.0) {
        fail(fmt::format("{} item {}", at(name), k), "must be an integer");
      }
      out[k] = static_cast<std::int64_t>(value);
    }
    return out;
  }

  Problem read_dense() const {
    const Array array = numbers("/J", 2);
    if (array.shape[0] != array.shape[1]) {
      fail(fmt::format("{} x {}", array.shape[0], array.shape[1]), "/J must be square");
    }
    const std::int32_t n = context_.checked_dense_spins(static_cast<std::int64_t>(array.shape[0]));
    return problem_from_dense(array.values, n, meaning_of_options(context_.options),
                              array.float32 ? kAsymmetryToleranceFloat32 : kAsymmetryTolerance, context_, 0,
                              [](std::int32_t, std::int32_t) { return std::int64_t{0}; });
  }

  // Attributes stand at the group that holds the datasets.
  std::string attribute_object() const { return prefix_.empty() ? "/" : prefix_; }

  std::optional<double> number_attribute(const char* name) const {
    const std::string object = attribute_object();
    if (H5Aexists_by_name(file_, object.c_str(), name, H5P_DEFAULT) <= 0) return std::nullopt;
    const Id attribute(H5Aopen_by_name(file_, object.c_str(), name, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    const Id type(H5Aget_type(attribute), H5Tclose);
    const Id space(H5Aget_space(attribute), H5Sclose);
    const H5T_class_t kind = H5Tget_class(type);
    double value = 0;
    if ((kind != H5T_FLOAT && kind != H5T_INTEGER) || H5Sget_simple_extent_npoints(space) != 1 ||
        H5Aread(attribute, H5T_NATIVE_DOUBLE, &value) < 0) {
      fail(name, "this attribute must be a single number");
    }
    // A run file may spell "none known" as NaN; any other number that is not finite is an error.
    if (std::isnan(value) && std::string(name) == "best_known_energy") return std::nullopt;
    if (!std::isfinite(value)) fail(name, "this attribute must be finite");
    return value;
  }

  std::optional<std::string> text_attribute(const char* name) const {
    const std::string object = attribute_object();
    if (H5Aexists_by_name(file_, object.c_str(), name, H5P_DEFAULT) <= 0) return std::nullopt;
    const Id attribute(H5Aopen_by_name(file_, object.c_str(), name, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    const Id type(H5Aget_type(attribute), H5Tclose);
    const Id space(H5Aget_space(attribute), H5Sclose);
    if (H5Tget_class(type) != H5T_STRING || H5Sget_simple_extent_npoints(space) != 1) {
      fail(name, "this attribute must be a string");
    }
    std::string text;
    if (H5Tis_variable_str(type) > 0) {
      char* buffer = nullptr;
      const Id memory(H5Tcopy(H5T_C_S1), H5Tclose);
      H5Tset_size(memory, H5T_VARIABLE);
      H5Tset_cset(memory, H5Tget_cset(type));
      if (H5Aread(attribute, memory, &buffer) < 0) fail(name, "this attribute cannot be read");
      if (buffer != nullptr) text = buffer;
      H5free_memory(buffer);
      return text;
    }
    text.resize(H5Tget_size(type));
    if (H5Aread(attribute, type, text.data()) < 0) fail(name, "this attribute cannot be read");
    return text.substr(0, text.find('\0'));
  }

  const ReadContext& context_;
  Id file_;
  std::string prefix_;
};

std::string sha256_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> buffer(std::size_t{1} << 20);
  Sha256 hash;
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    hash.update(buffer.data(), static_cast<std::size_t>(file.gcount()));
  }
  return hash.hex_digest();
}

class Hdf5Writer {
 public:
  Hdf5Writer(const std::string& temporary, const std::string& path)
      : path_(path), file_(H5Fcreate(temporary.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose) {
    check(file_.ok());
  }

  void write(const Problem& problem) {
    const IsingModel& ising = problem.ising;
    const auto n = static_cast<hsize_t>(ising.size());
    if (store_dense(ising)) {
      const std::vector<double> J = dense_couplings(ising);
      dataset("J", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, J.data(), {n, n});
    } else {
      const CsrMatrix csr = csr_of(ising);
      dataset("J_indptr", H5T_STD_I64LE, H5T_NATIVE_INT64, csr.indptr.data(), {csr.indptr.size()});
      dataset("J_indices", H5T_STD_I32LE, H5T_NATIVE_INT64, csr.indices.data(), {csr.indices.size()});
      dataset("J_data", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, csr.data.data(), {csr.data.size()});
    }
    dataset("h", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, ising.field().data(), {n});
    attribute("sign_convention", kOurSigns);
    attribute("kind", kind_name(problem.kind));
    attribute("name", problem.name);
    attribute("offset", ising.offset());
    if (problem.best_known_energy) attribute("best_known_energy", *problem.best_known_energy);
    check(file_.close());
  }

 private:
  void check(bool ok) const {
    if (!ok) throw Error(fmt::format("{}: cannot be written: {}", path_, last_reason()));
  }

  void dataset(const char* name, hid_t stored, hid_t memory, const void* data, const std::vector<hsize_t>& shape) {
    hsize_t items = 1;
    for (const hsize_t side : shape) items *= side;
    const Id space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), H5Sclose);
    const Id properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    if (items >= kCompressAbove) {
      std::vector<hsize_t> chunk = shape;
      chunk.back() = std::min(shape.back(), kChunk);
      if (shape.size() == 2) chunk.front() = std::max<hsize_t>(1, std::min(shape.front(), kChunk / chunk.back()));
      check(H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data()) >= 0);
      check(H5Pset_shuffle(properties) >= 0 && H5Pset_deflate(properties, 4) >= 0);
    }
    const Id set(H5Dcreate2(file_, name, stored, space, H5P_DEFAULT, properties, H5P_DEFAULT), H5Dclose);
    check(set.ok());
    if (items > 0) check(H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
  }

  void attribute(const char* name, double value) {
    const Id space(H5Screate(H5S_SCALAR), H5Sclose);
    const Id made(H5Acreate2(file_, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    check(made.ok() && H5Awrite(made, H5T_NATIVE_DOUBLE, &value) >= 0);
  }

  void attribute(const char* name, const std::string& value) {
    const Id space(H5Screate(H5S_SCALAR), H5Sclose);
    const Id type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    const Id made(H5Acreate2(file_, name, type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    const char* text = value.c_str();
    check(made.ok() && H5Awrite(made, type, &text) >= 0);
  }

  std::string path_;
  Id file_;
};

}  // namespace

Problem read_problem_hdf5(const std::string& path, const LoadOptions& options) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw_file_error(path, 0, {}, "is a directory, not a problem file");
  if (!std::filesystem::exists(path, error)) throw_file_error(path, 0, {}, "No such file or directory");
  const QuietErrors quiet;
  ReadContext context{path, options, options.memory_limit_bytes};
  if (context.memory_limit == 0) context.memory_limit = physical_memory();
  Problem problem = Hdf5Reader(path, context).read();
  if (problem.name.empty()) problem.name = std::filesystem::path(path).filename().string();
  problem.source = path;
  problem.sha256 = sha256_of_file(path);
  return problem;
}

void write_problem_hdf5(const Problem& problem, const std::string& path) {
  const QuietErrors quiet;
  write_atomically(path, [&](const std::string& temporary) { Hdf5Writer(temporary, path).write(problem); });
}

}  // namespace opoloop
