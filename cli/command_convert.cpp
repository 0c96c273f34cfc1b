#include "cli/command_convert.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/problem_options.h"
#include "cli/text_format.h"
#include "core/error.h"
#include "driver/problem_io.h"

namespace opoloop {

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
            const auto format = options->to.empty() ? format_of_extension(options->out)
                                                    : std::optional(parse_problem_format(options->to));
            if (!format) {
              throw InputError(fmt::format("{}: the ending names no format, give --to; known are {}",
                                           options->out, problem_format_names()));
            }
            const Problem problem = open_problem(input->file, input->load_options());
            write_problem(problem, options->out, *format, options->save);
            streams.out << fmt::format("{}: {}, {} spins, {} couplings\n", options->out, format_name(*format),
                                       grouped(problem.ising.size()), grouped(problem.ising.edge_count()));
            return 0;
          }};
}

}  // namespace opoloop
