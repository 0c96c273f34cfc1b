#include "hamiltonian/problem_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <new>

#include "core/error.h"
#include "core/sha256.h"
#include "hamiltonian/formats/biqmac.h"
#include "hamiltonian/formats/compression.h"
#include "hamiltonian/formats/detect.h"
#include "hamiltonian/formats/dimacs.h"
#include "hamiltonian/formats/dimod_coo.h"
#include "hamiltonian/formats/dimod_json.h"
#include "hamiltonian/formats/file_bytes.h"
#include "hamiltonian/formats/kaiwu_csv.h"
#include "hamiltonian/formats/matrix_market.h"
#include "hamiltonian/formats/npy.h"
#include "hamiltonian/formats/npz.h"
#include "hamiltonian/formats/qplib.h"
#include "hamiltonian/formats/rudy.h"

namespace opoloop {

namespace {

/// What a format is and can hold.
struct FormatEntry {
  ProblemFormat format;
  const char* name;
  bool text;    ///< may be gzip-compressed
  bool field;   ///< holds h
  bool offset;  ///< holds a constant
  Problem (*read)(std::string_view, const ReadContext&);
  std::string (*write)(const Problem&);
};

constexpr std::array<FormatEntry, 11> kFormats{{
    {ProblemFormat::rudy, "rudy", true, false, false, read_rudy, write_rudy},
    {ProblemFormat::biqmac, "biqmac", true, true, true, read_biqmac, write_biqmac},
    {ProblemFormat::dimacs, "dimacs", true, true, true, read_dimacs, nullptr},
    {ProblemFormat::dimod_coo, "dimod-coo", true, true, true, read_dimod_coo, write_dimod_coo},
    {ProblemFormat::dimod_json, "dimod-json", true, true, true, read_dimod_json, write_dimod_json},
    {ProblemFormat::matrix_market, "matrix-market", true, false, false, read_matrix_market,
     write_matrix_market},
    {ProblemFormat::qplib, "qplib", true, true, true, read_qplib, nullptr},
    {ProblemFormat::kaiwu_csv, "kaiwu-csv", true, false, false, read_kaiwu_csv, write_kaiwu_csv},
    {ProblemFormat::npy, "npy", false, false, false, read_npy, write_npy},
    {ProblemFormat::npz, "npz", false, true, true, read_npz, write_npz},
    {ProblemFormat::hdf5, "hdf5", false, true, true, nullptr, nullptr},
}};

const FormatEntry& entry_of(ProblemFormat format) {
  return kFormats[static_cast<std::size_t>(format)];
}

// The text in memory, its couplings, and what a solver adds: a file may take a quarter of the machine.
constexpr std::uint64_t kFileShare = 4;

ReadContext make_context(const std::string& name, const LoadOptions& options) {
  return {name, options, options.memory_limit_bytes != 0 ? options.memory_limit_bytes : physical_memory()};
}

std::string short_name(const std::string& path) {
  std::string name = std::filesystem::path(path).filename().string();
  if (name.size() > 3 && name.ends_with(".gz")) name.resize(name.size() - 3);
  return name;
}

bool ends_in_gz(const std::string& path) {
  return path.size() > 3 && path.ends_with(".gz");
}

// The problem as `format` can hold it, or an error naming what it cannot.
Problem fitted(const Problem& problem, const FormatEntry& entry, const SaveOptions& options) {
  Problem out = problem;
  const bool adds_ancilla = options.add_ancilla || entry.format == ProblemFormat::kaiwu_csv;
  if (!entry.field && out.ising.has_field()) {
    if (!adds_ancilla) {
      throw InputError(
          fmt::format("the format {} has no linear term, and this problem has one: write biqmac, "
                      "dimod-json, npz or hdf5, or add an ancilla spin",
                      entry.name));
    }
    out.ising = with_ancilla(out.ising);
  }
  if (!entry.offset && out.ising.offset() != 0) {
    if (!options.drop_offset) {
      throw InputError(
          fmt::format("the format {} has no constant, and this problem's offset is {}: write biqmac, "
                      "dimod-json, npz or hdf5, or drop the offset (energies then differ by it)",
                      entry.name, out.ising.offset()));
    }
    out.ising =
        IsingModel(out.ising.size(), out.ising.edges(), {out.ising.field().begin(), out.ising.field().end()});
  }
  return out;
}

}  // namespace

const std::vector<ProblemFormat>& all_problem_formats() {
  static const std::vector<ProblemFormat> all = [] {
    std::vector<ProblemFormat> formats;
    for (const FormatEntry& entry : kFormats) formats.push_back(entry.format);
    return formats;
  }();
  return all;
}

std::string format_name(ProblemFormat format) {
  return entry_of(format).name;
}

bool format_holds_field(ProblemFormat format) {
  return entry_of(format).field;
}

bool format_holds_offset(ProblemFormat format) {
  return entry_of(format).offset;
}

ProblemFormat parse_problem_format(const std::string& name) {
  std::string names;
  for (const FormatEntry& entry : kFormats) {
    if (name == entry.name) return entry.format;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", entry.name);
  }
  throw InputError(fmt::format("unknown problem format '{}': expected one of {}", name, names));
}

Problem load_problem_from_bytes(std::string_view bytes, const std::string& name, const LoadOptions& options) {
  const ReadContext context = make_context(name, options);
  std::string inflated;
  if (is_gzip(bytes)) {
    inflated = gunzip(bytes, name, context.memory_limit / kFileShare);
    bytes = inflated;
  }
  if (bytes.empty()) throw_file_error(name, 0, {}, "the file is empty");
  const ProblemFormat format = options.format ? *options.format : detect_format(bytes, name);
  const FormatEntry& entry = entry_of(format);
  if (entry.read == nullptr)
    throw_file_error(name, 0, {}, "HDF5 cannot be read here, from memory or compressed");
  if (entry.text) require_text(bytes, name);
  Problem problem;
  try {
    problem = entry.read(bytes, context);
  } catch (const InputError& error) {
    // The model's own checks (a sum that overflows, say) do not know the file.
    const std::string message = error.what();
    if (message.rfind(name, 0) == 0) throw;
    throw InputError(name + ": " + message);
  } catch (const std::bad_alloc&) {
    throw_file_error(name, 0, {}, "does not fit into memory");
  }
  problem.name = short_name(name);
  problem.source = name;
  Sha256 hash;
  hash.update(bytes.data(), bytes.size());
  problem.sha256 = hash.hex_digest();
  return problem;
}

Problem load_problem(const std::string& path, const LoadOptions& options) {
  const ReadContext context = make_context(path, options);
  return load_problem_from_bytes(read_file_bytes(path, context.memory_limit / kFileShare), path, options);
}

std::string problem_to_bytes(const Problem& problem, ProblemFormat format, const SaveOptions& options) {
  const FormatEntry& entry = entry_of(format);
  if (entry.write == nullptr)
    throw InputError(fmt::format("problems cannot be written as {} here", entry.name));
  const Problem fit = fitted(problem, entry, options);
  const bool dense = format == ProblemFormat::kaiwu_csv || format == ProblemFormat::npy;
  if (dense) {
    // The matrix and its text.
    const double side = fit.ising.size();
    const ReadContext context = make_context(entry.name, {});
    context.require_memory(24 * side * side,
                           fmt::format("writing a dense {0} x {0} matrix", fit.ising.size()));
  }
  return entry.write(fit);
}

void save_problem(const Problem& problem, const std::string& path, ProblemFormat format,
                  const SaveOptions& options) {
  std::string bytes = problem_to_bytes(problem, format, options);
  if (ends_in_gz(path)) {
    if (!entry_of(format).text) {
      throw InputError(
          fmt::format("{}: {} files are not gzip-compressed; drop the .gz", path, format_name(format)));
    }
    bytes = gzip(bytes);
  }
  write_file_bytes(path, bytes);
}

}  // namespace opoloop
