#include "cli/command_convert.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/output_place.h"
#include "cli/problem_options.h"
#include "core/error.h"
#include "driver/problem_io.h"

namespace opoloop {

namespace {

/// The flags that let a format hold this problem, for whoever is told that it cannot; empty where none is
/// missing.
std::string missing_flags(const Problem& problem, ProblemFormat format, const SaveOptions& save) {
  std::string flags;
  const bool takes_ancilla = save.add_ancilla || format == ProblemFormat::kaiwu_csv;
  if (!format_holds_field(format) && problem.ising.has_field() && !takes_ancilla) flags = "--add-ancilla";
  if (!format_holds_offset(format) && problem.ising.offset() != 0 && !save.drop_offset)
    flags += flags.empty() ? "--drop-offset" : " and --drop-offset";
  return flags;
}

void write(const Problem& problem, const std::string& path, ProblemFormat format, const SaveOptions& save) {
  try {
    write_problem(problem, path, format, save);
  } catch (const InputError& error) {
    const std::string flags = missing_flags(problem, format, save);
    if (flags.empty()) throw;
    throw InputError(fmt::format("{}: {}: {}", path, error.what(), flags));
  }
}

}  // namespace

Verb add_convert(CLI::App& program) {
  struct Options {
    std::string out, to;
    SaveOptions save;
  };
  CLI::App* app =
      program.add_subcommand("convert", "Write a problem in another file format, energies unchanged");
  auto input = add_problem_options(*app, "IN", true);
  auto options = std::make_shared<Options>();
  app->add_option("OUT", options->out, "File to write; .gz compresses a text format")->required();
  const char* group = "Writing";
  app->add_option("--to", options->to,
                  "Format of OUT where its ending does not say: " + problem_format_names())
      ->type_name("NAME")
      ->group(group);
  app->add_flag("--add-ancilla", options->save.add_ancilla,
                "A format without linear term gets it as couplings to one more, last spin")
      ->group(group);
  app->add_flag("--drop-offset", options->save.drop_offset,
                "A format without constant loses it: energies read back differ by it")
      ->group(group);
  return {app, [input, options](const Streams& streams) {
            FilePlaces places;
            places.reads(input->file, "the problem file");
            places.writes(options->out, "OUT");
            const auto format = options->to.empty() ? format_of_extension(options->out)
                                                    : std::optional(parse_problem_format(options->to));
            if (!format) {
              throw InputError(fmt::format("{}: the ending names no format, give --to; known are {}",
                                           options->out, problem_format_names()));
            }
            const Problem problem = open_problem(input->file, input->load_options());
            write(problem, options->out, *format, options->save);
            streams.out << written_line(problem, options->out, *format);
            return 0;
          }};
}

}  // namespace opoloop
