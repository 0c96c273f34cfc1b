#include "cli/problem_options.h"

#include <CLI/CLI.hpp>

namespace opoloop {

LoadOptions ProblemOptions::load_options() const {
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

}  // namespace opoloop
