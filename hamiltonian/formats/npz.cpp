#include "hamiltonian/formats/npz.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "hamiltonian/formats/symmetric_matrix.h"

namespace opoloop {

namespace {

constexpr std::int32_t kAlwaysDense = 64;

// Reads one array at a time.
class Member : public NpzMember {
 public:
  Member(ZipArchive& archive, const std::string& name, const ReadContext& context)
      : NpzMember(archive, name, context.file) {}
};

std::vector<double> vector_of(const NpyArray& array) {
  if (array.shape.size() != 1) throw_file_error(array.where, 0, {}, "must be a one-dimensional array");
  return array.numbers();
}

std::vector<std::int64_t> integers_of(const NpyArray& array) {
  if (array.shape.size() != 1) throw_file_error(array.where, 0, {}, "must be a one-dimensional array");
  return array.integers();
}

Problem read_csr(ZipArchive& archive, const std::string& prefix, const ReadContext& context) {
  if (archive.contains("format.npy") && prefix.empty()) {
    const Member format(archive, "format", context);
    const std::string name = format.array().text();
    // The columns of a symmetric matrix are its rows, so csc reads the same.
    if (name != "csr" && name != "csc")
      throw_file_error(format.array().where, 0, name, "only csr and csc are read");
  }
  CsrMatrix csr;
  double tolerance = kAsymmetryTolerance;
  csr.indptr = integers_of(Member(archive, prefix + "indptr", context).array());
  csr.indices = integers_of(Member(archive, prefix + "indices", context).array());
  {
    const Member data(archive, prefix + "data", context);
    csr.data = vector_of(data.array());
    if (data.array().is_float32()) tolerance = kAsymmetryToleranceFloat32;
  }
  if (archive.contains("shape.npy") && prefix.empty()) {
    const auto shape = integers_of(Member(archive, "shape", context).array());
    const auto n = static_cast<std::int64_t>(csr.indptr.size()) - 1;
    if (shape != std::vector<std::int64_t>{n, n})
      throw_file_error(context.file, 0, "shape", "must be n x n, as indptr");
  }
  return problem_from_csr(csr, tolerance, context);
}

}  // namespace

ProblemKind parse_kind(const std::string& name, const std::string& file) {
  for (const ProblemKind kind : {ProblemKind::ising, ProblemKind::qubo, ProblemKind::max_cut}) {
    if (name == kind_name(kind)) return kind;
  }
  throw_file_error(file, 0, name, "kind must be ising, qubo or max_cut");
}

Problem assemble_problem(const Problem& couplings, std::vector<double> h, double offset, ProblemKind kind,
                         const ReadContext& context) {
  const std::int32_t n = couplings.ising.size();
  if (!h.empty() && h.size() != static_cast<std::size_t>(n)) {
    throw_file_error(context.file, 0, "h", fmt::format("has {} entries for {} spins", h.size(), n));
  }
  Problem problem;
  problem.kind = couplings.kind == ProblemKind::max_cut ? ProblemKind::max_cut : kind;
  problem.ising = IsingModel(n, couplings.ising.edges(), std::move(h), couplings.ising.offset() + offset);
  if (problem.kind == ProblemKind::max_cut && (problem.ising.has_field() || problem.ising.offset() != 0)) {
    throw_file_error(context.file, 0, {}, "a max-cut problem has neither fields nor an offset");
  }
  return problem;
}

Problem problem_from_csr(const CsrMatrix& csr, double tolerance, const ReadContext& context) {
  const auto bad = [&context](const char* array, std::size_t at, const std::string& what) {
    throw_file_error(context.file, 0, fmt::format("{}[{}]", array, at), what);
  };
  if (csr.indptr.empty()) throw_file_error(context.file, 0, "indptr", "must have n + 1 entries");
  const std::int32_t n = context.checked_spins(static_cast<std::int64_t>(csr.indptr.size()) - 1);
  const std::size_t count = csr.indices.size();
  if (csr.data.size() != count) {
    throw_file_error(context.file, 0, "data",
                     fmt::format("has {} entries, indices {}", csr.data.size(), count));
  }
  if (csr.indptr.front() != 0) bad("indptr", 0, "must be 0");
  if (csr.indptr.back() != static_cast<std::int64_t>(count)) {
    bad("indptr", csr.indptr.size() - 1,
        fmt::format("is {}, but {} entries are stored", csr.indptr.back(), count));
  }
  for (std::size_t i = 1; i < csr.indptr.size(); ++i) {
    if (csr.indptr[i] < csr.indptr[i - 1]) bad("indptr", i, "must not decrease");
  }
  context.require_memory(64.0 * static_cast<double>(count), "this sparse matrix");
  std::vector<MatrixEntry> entries;
  entries.reserve(count);
  for (std::int32_t i = 0; i < n; ++i) {
    for (auto k = csr.indptr[static_cast<std::size_t>(i)]; k < csr.indptr[static_cast<std::size_t>(i) + 1];
         ++k) {
      const std::int64_t j = csr.indices[static_cast<std::size_t>(k)];
      if (j < 0 || j >= n)
        bad("indices", static_cast<std::size_t>(k), fmt::format("{} is out of range for {} spins", j, n));
      entries.push_back({i, static_cast<std::int32_t>(j), csr.data[static_cast<std::size_t>(k)], k});
    }
  }
  return problem_from_entries(std::move(entries), n, true, meaning_of_options(context.options), tolerance,
                              context, 0, false);
}

CsrMatrix csr_of(const IsingModel& ising) {
  CsrMatrix csr;
  const auto n = static_cast<std::size_t>(ising.size());
  const std::vector<IsingEdge> edges = ising.edges();
  csr.indptr.assign(n + 1, 0);
  for (const IsingEdge& edge : edges) {
    ++csr.indptr[static_cast<std::size_t>(edge.i) + 1];
    ++csr.indptr[static_cast<std::size_t>(edge.j) + 1];
  }
  for (std::size_t i = 0; i < n; ++i) csr.indptr[i + 1] += csr.indptr[i];
  csr.indices.resize(2 * edges.size());
  csr.data.resize(2 * edges.size());
  std::vector<std::int64_t> next(csr.indptr.begin(), csr.indptr.end() - 1);
  const auto put = [&](std::int32_t row, std::int32_t column, double J) {
    const auto at = static_cast<std::size_t>(next[static_cast<std::size_t>(row)]++);
    csr.indices[at] = column;
    csr.data[at] = J;
  };
  // Edges come sorted by (i, j): first the columns below each row's diagonal, then those above, so that every
  // row's columns increase.
  for (const IsingEdge& edge : edges) put(edge.j, edge.i, edge.J);
  for (const IsingEdge& edge : edges) put(edge.i, edge.j, edge.J);
  return csr;
}

bool store_dense(const IsingModel& ising) {
  return ising.size() <= kAlwaysDense || ising.density() > 0.5;
}

Problem read_npz(std::string_view bytes, const ReadContext& context) {
  // An item of one byte becomes a double, and the couplings follow.
  ZipArchive archive(bytes, context.file, context.memory_limit / 16);
  Problem couplings;
  const std::vector<std::string> names = archive.names();
  if (!context.options.array.empty()) {
    // One matrix of a collection; h, offset and kind would be somebody else's.
    if (!archive.contains(context.options.array + ".npy")) {
      throw_file_error(context.file, 0, context.options.array, "the archive has no such array");
    }
    return problem_from_npy_matrix(Member(archive, context.options.array, context).array(), context);
  }
  if (archive.contains("J.npy")) {
    couplings = problem_from_npy_matrix(Member(archive, "J", context).array(), context);
  } else if (archive.contains("J_indptr.npy") && archive.contains("J_indices.npy") &&
             archive.contains("J_data.npy")) {
    couplings = read_csr(archive, "J_", context);
  } else if (archive.contains("indptr.npy") && archive.contains("indices.npy") &&
             archive.contains("data.npy")) {
    couplings = read_csr(archive, "", context);
  } else if (names == std::vector<std::string>{"arr_0.npy"}) {
    couplings = problem_from_npy_matrix(Member(archive, "arr_0", context).array(), context);
  } else if (archive.contains("X.npy") ||
             (archive.contains("Q.npy") && archive.contains("K.npy") && archive.contains("V.npy"))) {
    throw_file_error(context.file, 0, {},
                     "holds inputs of attention, a batch of problems: opoloop qama inspect, solve and export "
                     "read it, and opoloop spectrum --problem");
  } else {
    throw_file_error(context.file, 0, {}, "the archive has neither J nor J_indptr, J_indices, J_data");
  }
  std::vector<double> h;
  if (archive.contains("h.npy")) {
    h = vector_of(Member(archive, "h", context).array());
    if (h.empty())
      throw_file_error(context.file, 0, "h",
                       fmt::format("has 0 entries for {} spins", couplings.ising.size()));
  }
  double offset = 0;
  if (archive.contains("offset.npy")) {
    const Member member(archive, "offset", context);
    if (member.array().count() != 1) throw_file_error(member.array().where, 0, {}, "must be a single number");
    offset = member.array().numbers().front();
  }
  ProblemKind kind = ProblemKind::ising;
  if (archive.contains("kind.npy")) {
    kind = parse_kind(Member(archive, "kind", context).array().text(), context.file);
  }
  return assemble_problem(couplings, std::move(h), offset, kind, context);
}

std::string write_npz(const Problem& problem) {
  const IsingModel& ising = problem.ising;
  const std::int64_t n = ising.size();
  std::vector<std::pair<std::string, std::string>> members;
  if (store_dense(ising)) {
    members.emplace_back("J.npy", npy_of_numbers(dense_couplings(ising), {n, n}));
  } else {
    const CsrMatrix csr = csr_of(ising);
    const auto bytes = [](const std::vector<std::int64_t>& v) {
      return std::string_view(reinterpret_cast<const char*>(v.data()), v.size() * sizeof(std::int64_t));
    };
    const auto count = static_cast<std::int64_t>(csr.data.size());
    members.emplace_back("J_indptr.npy", npy_bytes("<i8", {n + 1}, bytes(csr.indptr)));
    members.emplace_back("J_indices.npy", npy_bytes("<i8", {count}, bytes(csr.indices)));
    members.emplace_back("J_data.npy", npy_of_numbers(csr.data, {count}));
  }
  members.emplace_back("h.npy", npy_of_numbers({ising.field().begin(), ising.field().end()}, {n}));
  members.emplace_back("offset.npy", npy_of_numbers({ising.offset()}, {}));
  const std::string kind = kind_name(problem.kind);
  members.emplace_back("kind.npy", npy_bytes(fmt::format("|S{}", kind.size()), {}, kind));
  return zip_of(members);
}

}  // namespace opoloop
