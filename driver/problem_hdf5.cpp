#include "driver/problem_hdf5.h"

#include <fmt/format.h>
#include <hdf5.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/sha256.h"
#include "driver/hdf5_handle.h"
#include "hamiltonian/formats/file_bytes.h"
#include "hamiltonian/formats/npy.h"
#include "hamiltonian/formats/npz.h"
#include "hamiltonian/formats/symmetric_matrix.h"

namespace opoloop {

namespace {

constexpr const char* kOurSigns = "E = -1/2 sum J s s - sum h s";
constexpr const char* kOppositeSigns = "E = +1/2 sum J s s + sum h s";

/// Keeps HDF5 from printing its error stack while this file asks for things that may be missing.
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

class Hdf5Reader {
 public:
  Hdf5Reader(const std::string& path, const ReadContext& context)
      : context_(context), file_(hdf5::open_file(path, false)) {
    if (!has("/J") && !has("/J_indptr") && hdf5::exists(file_, "problem")) prefix_ = "/problem";
  }

  Problem read() {
    Problem couplings;
    if (has("/J")) {
      couplings = read_dense();
    } else if (has("/J_indptr")) {
      CsrMatrix csr;
      csr.indptr = integers("/J_indptr");
      csr.indices = integers("/J_indices");
      Array data = numbers("/J_data", 1);
      csr.data = std::move(data.values);
      couplings = problem_from_csr(csr, tolerance_of(data), context_);
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
    const double offset = offset_of_file();
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
  /// How far the two entries of a pair may be apart, for an array as it is stored.
  static double tolerance_of(const Array& array) {
    return array.float32 ? kAsymmetryToleranceFloat32 : kAsymmetryTolerance;
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
    if (!has(name)) fail(where, "missing");
    const Hdf5Handle set = hdf5::open_dataset(file_, where);
    // Such a dataset makes the library read any file that it names.
    const Hdf5Handle made(H5Dget_create_plist(set), H5Pclose, where);
    if (H5Pget_external_count(made) != 0 || H5Pget_layout(made) == H5D_VIRTUAL) {
      fail(where, "must be in this file: external and virtual storage are not read");
    }
    const Hdf5Handle type(H5Dget_type(set), H5Tclose, where);
    const H5T_class_t kind = H5Tget_class(type);
    if (kind != H5T_FLOAT && kind != H5T_INTEGER) fail(where, "must hold numbers");
    const Hdf5Handle space(H5Dget_space(set), H5Sclose, where);
    if (H5Sget_simple_extent_ndims(space) != dimensions)
      fail(where, fmt::format("must have {} dimension{}", dimensions, dimensions == 1 ? "" : "s"));
    Array array;
    array.shape.resize(static_cast<std::size_t>(dimensions));
    H5Sget_simple_extent_dims(space, array.shape.data(), nullptr);
    array.float32 = kind == H5T_FLOAT && H5Tget_size(type) <= 4;
    double items = 1;
    for (const hsize_t side : array.shape) items *= static_cast<double>(side);
    context_.require_memory(22 * items, where, 0, {});
    array.values.resize(static_cast<std::size_t>(items));
    if (!array.values.empty()) {
      hdf5_check(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.values.data()), where);
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
    return problem_from_dense(array.values, n, meaning_of_options(context_.options), tolerance_of(array),
                              context_, 0, [](std::int32_t, std::int32_t) { return std::int64_t{0}; });
  }

  // Attributes stand at the group that holds the datasets.
  std::string attribute_object() const { return prefix_.empty() ? "/" : prefix_; }

  struct Attribute {
    Hdf5Handle attribute, type, space;
  };

  std::optional<Attribute> open_attribute(const char* name) const {
    const std::string object = attribute_object();
    if (H5Aexists_by_name(file_, object.c_str(), name, H5P_DEFAULT) <= 0) return std::nullopt;
    Attribute found;
    found.attribute =
        Hdf5Handle(H5Aopen_by_name(file_, object.c_str(), name, H5P_DEFAULT, H5P_DEFAULT), H5Aclose, name);
    found.type = Hdf5Handle(H5Aget_type(found.attribute), H5Tclose, name);
    found.space = Hdf5Handle(H5Aget_space(found.attribute), H5Sclose, name);
    return found;
  }

  std::optional<double> number_attribute(const char* name) const {
    const auto found = open_attribute(name);
    if (!found) return std::nullopt;
    const auto& [attribute, type, space] = *found;
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

  // An attribute, or the scalar dataset of a run file.
  double offset_of_file() const {
    if (has("/offset")) return numbers("/offset", 0).values.front();
    return number_attribute("offset").value_or(0);
  }

  std::optional<std::string> text_attribute(const char* name) const {
    const auto found = open_attribute(name);
    if (!found) return std::nullopt;
    const auto& [attribute, type, space] = *found;
    if (H5Tget_class(type) != H5T_STRING || H5Sget_simple_extent_npoints(space) != 1) {
      fail(name, "this attribute must be a string");
    }
    std::string text;
    if (H5Tis_variable_str(type) > 0) {
      char* buffer = nullptr;
      const Hdf5Handle memory(H5Tcopy(H5T_C_S1), H5Tclose, name);
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
  Hdf5Handle file_;
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

void write_file(const Problem& problem, const std::string& temporary) {
  constexpr const char* kUnit = "problem energy";
  const IsingModel& ising = problem.ising;
  const auto n = static_cast<std::uint64_t>(ising.size());
  Hdf5Handle file = hdf5::create_file(temporary);
  const hdf5::Description coupling{kUnit, "J of E = -1/2 sum_ij J_ij s_i s_j - sum_i h_i s_i + offset."};
  if (store_dense(ising)) {
    hdf5::write_dataset<double>(file, "J", {n, n}, dense_couplings(ising).data(), coupling,
                                hdf5::Packing::packed);
  } else if (ising.edge_count() > 0) {
    const CsrMatrix csr = csr_of(ising);
    const std::uint64_t count = csr.data.size();
    const hdf5::Description index{"1", "Compressed rows of J, both triangles."};
    hdf5::write_dataset<std::int64_t>(file, "J_indptr", {n + 1}, csr.indptr.data(), index,
                                      hdf5::Packing::packed);
    hdf5::write_dataset<std::int64_t>(file, "J_indices", {count}, csr.indices.data(), index,
                                      hdf5::Packing::packed);
    hdf5::write_dataset<double>(file, "J_data", {count}, csr.data.data(), coupling, hdf5::Packing::packed);
  } else {
    // HDF5 has no chunks of nothing.
    const std::vector<std::int64_t> indptr(n + 1, 0);
    hdf5::write_dataset<std::int64_t>(file, "J_indptr", {n + 1}, indptr.data(), {"1", "No couplings."});
    hdf5::write_dataset<std::int64_t>(file, "J_indices", {0}, indptr.data(), {"1", "No couplings."});
    hdf5::write_dataset<double>(file, "J_data", {0}, ising.field().data(), coupling);
  }
  hdf5::write_dataset<double>(file, "h", {n}, ising.field().data(), {kUnit, "Linear term."});
  hdf5::write_attribute(file, "sign_convention", std::string(kOurSigns));
  hdf5::write_attribute(file, "kind", kind_name(problem.kind));
  hdf5::write_attribute(file, "name", problem.name);
  hdf5::write_attribute(file, "offset", ising.offset());
  if (problem.best_known_energy) hdf5::write_attribute(file, "best_known_energy", *problem.best_known_energy);
  file.close("closing the file");
}

}  // namespace

Problem read_problem_hdf5(const std::string& path, const LoadOptions& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    throw_file_error(path, 0, {}, "is a directory, not a problem file");
  if (!std::filesystem::exists(path, ignored)) throw_file_error(path, 0, {}, "No such file or directory");
  ReadContext context{path, options, options.memory_limit_bytes};
  if (context.memory_limit == 0) context.memory_limit = physical_memory();
  const std::lock_guard lock(hdf5_mutex());
  const QuietErrors quiet;
  Problem problem;
  try {
    problem = Hdf5Reader(path, context).read();
  } catch (const Error& error) {
    // HDF5's own reasons (not an HDF5 file, a damaged dataset) and the model's checks know no path.
    const std::string message = error.what();
    if (message.rfind(path + ":", 0) == 0) throw InputError(message);
    throw InputError(path + ": " + message);
  }
  if (problem.name.empty()) problem.name = std::filesystem::path(path).filename().string();
  problem.source = path;
  problem.sha256 = sha256_of_file(path);
  return problem;
}

void write_problem_hdf5(const Problem& problem, const std::string& path) {
  const std::lock_guard lock(hdf5_mutex());
  write_atomically(path, [&](const std::string& temporary) {
    try {
      write_file(problem, temporary);
    } catch (const Error& error) {
      throw Error(fmt::format("{}: cannot be written: {}", path, error.what()));
    }
  });
}

}  // namespace opoloop
