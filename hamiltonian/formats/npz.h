#pragma once

#include <string>
#include <string_view>

#include "hamiltonian/formats/npy.h"
#include "hamiltonian/formats/read_context.h"
#include "hamiltonian/formats/zip_archive.h"

namespace opoloop {

/// One array of an archive; its bytes live as long as the object. Throws InputError where the member is
/// damaged; it must be there.
class NpzMember {
 public:
  NpzMember(ZipArchive& archive, const std::string& name, const std::string& file)
      : bytes_(archive.read(name + ".npy")), array_(parse_npy(bytes_, file + "(" + name + ")")) {}
  NpzMember(const NpzMember&) = delete;
  NpzMember& operator=(const NpzMember&) = delete;
  const NpyArray& array() const { return array_; }

 private:
  std::string bytes_;
  NpyArray array_;
};

/// A NumPy archive (numpy.savez, savez_compressed, scipy.sparse.save_npz). Arrays: `J` dense, or CSR as
/// `J_indptr`, `J_indices`, `J_data` (scipy's `indptr`, `indices`, `data` too), both triangles; optional `h`
/// (length n), `offset` (a number), `kind` ("ising", "qubo", "max_cut"). An archive of the single array
/// `arr_0` is J. Other arrays are ignored.
Problem read_npz(std::string_view bytes, const ReadContext& context);

/// Any problem; J dense for small or dense problems, CSR otherwise.
std::string write_npz(const Problem& problem);

/// The inverse of kind_name(), for npz and HDF5 files; throws InputError naming the file.
ProblemKind parse_kind(const std::string& name, const std::string& file);

/// A model and its file's kind, as npz and HDF5 hold them, put together and checked: h may be empty; a graph
/// has neither fields nor offset.
Problem assemble_problem(const Problem& couplings, std::vector<double> h, double offset, ProblemKind kind,
                         const ReadContext& context);

/// Compressed rows of J, both triangles: entry k of row i is (indices[k], data[k]) for
/// indptr[i] ≤ k < indptr[i+1].
struct CsrMatrix {
  std::vector<std::int64_t> indptr;
  std::vector<std::int64_t> indices;
  std::vector<double> data;
};
/// Throws InputError where the three arrays do not describe a symmetric n × n matrix.
Problem problem_from_csr(const CsrMatrix& csr, double tolerance, const ReadContext& context);
CsrMatrix csr_of(const IsingModel& ising);
/// Where dense storage of J is at most about as large as CSR, or small.
bool store_dense(const IsingModel& ising);

}  // namespace opoloop
