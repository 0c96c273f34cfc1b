#include "cli/command_validate.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/config_file.h"
#include "cli/number_options.h"
#include "cli/output_place.h"
#include "core/interrupt.h"
#include "core/threads.h"
#include "experiments/page.h"
#include "experiments/validate.h"

namespace opoloop {

Verb add_validate(CLI::App& program) {
  struct Options {
    ValidationSettings settings;
    bool full = false;
    bool json = false;
    std::string config, report = "validate.html";
    bool no_report = false;
  };
  CLI::App* app =
      program.add_subcommand("validate", "Measure every closed form of the physics on this build");
  auto options = std::make_shared<Options>();
  options->settings.threads = available_threads();
  app->add_flag("--full", options->full, "Eight times the samples: errors a third as large");
  app->add_flag("--json", options->json, "Print one JSON object");
  app->add_option("--report", options->report, "HTML page with the table and the pictures")
      ->type_name("FILE")
      ->capture_default_str();
  app->add_flag("--no-report", options->no_report, "Write no page and draw no pictures");
  app->add_option("--seed", options->settings.seed, "Seed of the samples")
      ->type_name("S")
      ->capture_default_str()
      ->transform(any_integer(options->settings.seed));
  app->add_option("--threads", options->settings.threads, "Threads; the numbers do not depend on them")
      ->type_name("T")
      ->transform(positive_integer(options->settings.threads))
      ->default_str("all");
  add_config_option(*app, options->config);
  return {app, [options](const Streams& streams) {
            FilePlaces places;
            places.reads(options->config, "the file of --config");
            if (!options->no_report) places.writes(options->report, "--report");
            catch_interrupts();
            ValidationSettings& settings = options->settings;
            settings.replicas = options->full ? kFullReplicas : kQuickReplicas;
            settings.stop = interrupted;
            settings.progress = [&](const std::string& what) {
              if (streams.live) streams.err << fmt::format("\r{:<60}", what) << std::flush;
            };
            const Validation validation = validate_physics(settings);
            std::string html;
            if (!options->no_report && !validation.interrupted) {
              html = validation_html(validation, validation_figures(settings));
            }
            if (streams.live) streams.err << '\r' << std::string(60, ' ') << '\r';
            if (options->json) {
              print_validation_json(validation, streams.out);
            } else {
              print_validation(validation, streams.out);
            }
            if (!html.empty()) {
              write_page(html, options->report);
              if (!options->json) streams.out << "report: " << options->report << '\n';
            }
            if (interrupted()) return 128 + interrupt_signal();
            return validation.failed() > 0 ? 1 : 0;
          }};
}

}  // namespace opoloop
