#include "cli/command_report.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "core/error.h"
#include "driver/qama_run_file.h"
#include "driver/run_file.h"
#include "experiments/report.h"

namespace opoloop {

Verb add_report(CLI::App& program) {
  struct Options {
    std::string run, out;
  };
  CLI::App* app = program.add_subcommand("report", "Make one self-contained HTML page of a run file");
  auto options = std::make_shared<Options>();
  app->add_option("RUN", options->run, "Run file (HDF5) of solve --out")->required();
  app->add_option("--out", options->out, "The page; RUN with the ending .html where left out")
      ->type_name("OUT.html");
  return {
      app, [options](const Streams& streams) {
        if (is_qama_run(options->run)) {
          throw InputError(options->run +
                           ": a batch of attention's problems, not one run; opoloop qama inspect --report "
                           "makes a page of its input, opoloop check looks at this file");
        }
        std::string out = options->out;
        if (out.empty()) out = std::filesystem::path(options->run).replace_extension(".html").string();
        write_report(read_run_file(options->run), out);
        streams.out << "report: " << out << '\n';
        return 0;
      }};
}

}  // namespace opoloop
