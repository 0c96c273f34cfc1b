#include "cli/command_check.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "core/error.h"
#include "driver/problem_io.h"
#include "driver/qama_run_file.h"
#include "driver/run_file.h"
#include "driver/sweep_file.h"

namespace opoloop {
namespace {

/// What is not there, or is another kind of file, breaks no schema: the wrong file was named. An HDF5 file
/// that was cut short behind its first bytes does break it.
void require_hdf5(const std::string& path) {
  if (!std::filesystem::exists(path)) throw InputError(path + ": no such file");
  if (!std::filesystem::is_regular_file(path)) throw InputError(path + ": not a regular file");
  if (!std::ifstream(path, std::ios::binary)) throw InputError(path + ": cannot be read");
  if (!is_hdf5_file(path)) throw InputError(path + ": not an HDF5 file");
}

}  // namespace

Verb add_check(CLI::App& program) {
  CLI::App* app =
      program.add_subcommand("check", "Say whether a run file keeps its schema, and what it holds");
  auto path = std::make_shared<std::string>();
  app->add_option("RUN", *path, "Run file (HDF5) of solve --out or qama solve --out, or an experiment file")
      ->required();
  return {app, [path](const Streams& streams) {
            require_hdf5(*path);
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
