#include "cli/command_check.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "driver/qama_run_file.h"
#include "driver/run_file.h"
#include "driver/sweep_file.h"

namespace opoloop {

Verb add_check(CLI::App& program) {
  CLI::App* app =
      program.add_subcommand("check", "Say whether a run file keeps its schema, and what it holds");
  auto path = std::make_shared<std::string>();
  app->add_option("RUN", *path, "Run file (HDF5) of solve --out or qama solve --out, or an experiment file")
      ->required();
  return {app, [path](const Streams& streams) {
            const RunFileCheck found = is_qama_run(*path)     ? check_qama_run(*path)
                                       : is_sweep_file(*path) ? check_sweep_file(*path)
                                                              : check_run_file(*path);
            for (const std::string& line : found.lines) streams.out << line << '\n';
            streams.out << *path
                        << (found.ok ? found.complete ? ": valid and complete\n"
                                                      : ": valid, but the run did not finish\n"
                                     : ": breaks the schema\n");
            return found.ok ? 0 : 1;
          }};
}

}  // namespace opoloop
