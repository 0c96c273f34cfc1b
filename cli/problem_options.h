#pragma once

#include <memory>
#include <string>

#include "hamiltonian/problem_file.h"

namespace CLI {
class App;
}

namespace opoloop {

/// The options every verb that opens a problem file shares: how to read it where its content does not say.
struct ProblemOptions {
  std::string file;
  std::string format;
  bool last_is_ancilla = false;
  bool weights = false;

  /// Throws InputError on an unknown format, and where a flag is for other formats than the file's.
  LoadOptions load_options() const;
};

/// Adds the positional `name` and --format, --last-is-ancilla, --weights to a verb. `required`: the command
/// line must give the file (a verb with --config may find it there).
std::shared_ptr<ProblemOptions> add_problem_options(CLI::App& verb, const std::string& name, bool required);

/// Names of all problem formats, for help and messages.
std::string problem_format_names();

/// "g.txt: rudy, 17 spins, 40 couplings": what was written, with the ancilla that a format without linear
/// term got.
std::string written_line(const Problem& problem, const std::string& path, ProblemFormat format);

}  // namespace opoloop
