#include "cli/problem_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>

#include "cli/text_format.h"
#include "core/error.h"
#include "hamiltonian/formats/compression.h"
#include "hamiltonian/formats/detect.h"
#include "hamiltonian/formats/file_bytes.h"
#include "hamiltonian/formats/read_context.h"

namespace opoloop {

namespace {

/// The format that the file will be read in.
ProblemFormat format_in_force(const ProblemOptions& o) {
  if (!o.format.empty()) return parse_problem_format(o.format);
  const std::uint64_t most = physical_memory() / 4;  // as much as its reader takes
  const std::string bytes = read_file_bytes(o.file, most);
  return detect_format(is_gzip(bytes) ? gunzip(bytes, o.file, most) : bytes, o.file);
}

/// A flag that the file's format does not know would be passed over in silence.
void require_concerned(const ProblemOptions& o) {
  if (!o.weights && !o.last_is_ancilla) return;
  if (o.format.empty() && !std::filesystem::is_regular_file(o.file)) return;  // a pipe is read once
  const ProblemFormat format = format_in_force(o);
  if (o.last_is_ancilla && format != ProblemFormat::kaiwu_csv) {
    throw InputError(
        fmt::format("--last-is-ancilla: is for kaiwu-csv, and {} is {}", o.file, format_name(format)));
  }
  constexpr std::array kMatrices = {ProblemFormat::matrix_market, ProblemFormat::npy, ProblemFormat::npz,
                                    ProblemFormat::hdf5};
  if (o.weights && std::find(kMatrices.begin(), kMatrices.end(), format) == kMatrices.end()) {
    throw InputError(fmt::format("--weights: is for matrix-market, npy, npz and hdf5, and {} is {}", o.file,
                                 format_name(format)));
  }
}

}  // namespace

LoadOptions ProblemOptions::load_options() const {
  require_concerned(*this);
  LoadOptions options;
  if (!format.empty()) options.format = parse_problem_format(format);
  options.kaiwu_last_is_ancilla = last_is_ancilla;
  options.matrix_is_weights = weights;
  return options;
}

std::shared_ptr<ProblemOptions> add_problem_options(CLI::App& verb, const std::string& name, bool required) {
  auto options = std::make_shared<ProblemOptions>();
  verb.add_option(name, options->file, "Problem file; its format is found from the content, gzip is undone")
      ->required(required);
  const char* group = "Reading the file";
  verb.add_option("--format", options->format,
                  "Format, where the content does not say: " + problem_format_names())
      ->type_name("NAME")
      ->group(group);
  verb.add_flag("--last-is-ancilla", options->last_is_ancilla,
                "kaiwu-csv: the last row and column hold the linear term")
      ->group(group);
  verb.add_flag("--weights", options->weights,
                "Matrix formats: the entries are weights of a max-cut (J = -w), not J")
      ->group(group);
  return options;
}

std::string problem_format_names() {
  std::string names;
  for (const ProblemFormat format : all_problem_formats())
    names += (names.empty() ? "" : ", ") + format_name(format);
  return names;
}

std::string written_line(const Problem& problem, const std::string& path, ProblemFormat format) {
  const auto line = [&](const IsingModel& written, const char* more) {
    return fmt::format("{}: {}, {} spins, {} couplings{}\n", path, format_name(format),
                       grouped(written.size()), grouped(written.edge_count()), more);
  };
  if (format_holds_field(format) || !problem.ising.has_field()) return line(problem.ising, "");
  return line(with_ancilla(problem.ising), ", the last spin an ancilla");
}

}  // namespace opoloop
