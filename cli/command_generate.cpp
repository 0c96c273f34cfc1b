#include "cli/command_generate.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "cli/inner_verb.h"
#include "cli/output_place.h"
#include "cli/problem_options.h"
#include "cli/text_format.h"
#include "core/error.h"
#include "driver/problem_io.h"
#include "hamiltonian/generators.h"

namespace opoloop {
namespace {

struct GenerateOptions {
  std::string out, to;
  /// Option texts by family; only those that were given reach the generator, which knows the defaults.
  std::map<std::string, std::map<std::string, std::optional<std::string>>> given;
};

/// The format of a new file: --to, or its ending; a graph with an ending nobody owns becomes rudy, which
/// every max-cut program reads.
ProblemFormat output_format(const GenerateOptions& options, const Problem& problem) {
  if (!options.to.empty()) return parse_problem_format(options.to);
  if (const auto format = format_of_extension(options.out)) return *format;
  if (problem.kind == ProblemKind::max_cut) return ProblemFormat::rudy;
  throw InputError(
      fmt::format("{}: this family holds J, not a graph, and the ending names no format: use .npz, .h5, "
                  ".mtx, .coo or .json, or give --to; "
                  "known are {}",
                  options.out, problem_format_names()));
}

int generate(const GenerateOptions& options, const std::string& family, const Streams& streams) {
  std::map<std::string, std::string> texts;
  for (const auto& [name, value] : options.given.at(family)) {
    if (value) texts[name] = *value;
  }
  FilePlaces().writes(options.out, "--out");
  const Problem problem = generate_problem(family, texts);
  write_problem(problem, options.out, output_format(options, problem));
  streams.out << fmt::format("{}: {}, {} spins, {} couplings\n", options.out, problem.name,
                             grouped(problem.ising.size()), grouped(problem.ising.edge_count()));
  if (!problem.best_known_energy) return 0;
  const double energy = *problem.best_known_energy;
  const std::string cut = problem.kind == ProblemKind::max_cut
                              ? fmt::format("cut {}, ", short_number(problem.cut_of_energy(energy), 10))
                              : "";
  streams.out << fmt::format("optimum: {}energy {} ({})\n", cut, short_number(energy, 10),
                             problem.best_known_source);
  return 0;
}

}  // namespace

Verb add_generate(CLI::App& program) {
  CLI::App* app = program.add_subcommand("generate", "Make a seeded problem of a known family");
  auto options = std::make_shared<GenerateOptions>();
  app->require_subcommand(0, 1);
  app->allow_extras();  // so that a family nobody knows is answered with the names of those there are
  for (const GeneratorFamily& family : generator_families()) {
    CLI::App* sub = app->add_subcommand(family.name, family.help);
    auto& given = options->given[family.name];
    for (const GeneratorOption& option : family.options) {
      CLI::Option* added =
          sub->add_option("--" + option.name, given[option.name], option.help)->type_name("");
      // What must be given only the generator knows: p or m of a random graph, but not both.
      if (!option.default_value.empty()) added->default_str(option.default_value);
    }
    sub->add_option("--out", options->out, "File to write; .gz compresses a text format")
        ->type_name("FILE")
        ->required();
    sub->add_option("--to", options->to, "Format where the ending does not say: " + problem_format_names())
        ->type_name("NAME");
  }
  return {app, [app, options](const Streams& streams) {
            return generate(*options, chosen_family(*app).get_name(), streams);
          }};
}

}  // namespace opoloop
