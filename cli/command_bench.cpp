#include "cli/command_bench.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/config_file.h"
#include "cli/number_options.h"
#include "core/interrupt.h"
#include "experiments/engine_bench.h"

namespace opoloop {

Verb add_bench(CLI::App& program) {
  struct Options {
    BenchOptions bench;
    std::string law = "cfc";
    std::string model = "mean-field";
    bool no_energies = false;
    std::string config;
    bool json = false;
  };
  CLI::App* app = program.add_subcommand("bench", "Measure this computer and the engine on it");
  auto options = std::make_shared<Options>();
  BenchOptions& b = options->bench;
  app->add_option("--sizes", b.sizes, "Numbers of spins")
      ->type_name("N,...")
      ->transform(any_integer(b.sizes))
      ->delimiter(',')
      ->capture_default_str();
  app->add_option("--batches", b.batches, "Numbers of trajectories run at once")
      ->type_name("R,...")
      ->transform(any_integer(b.batches))
      ->delimiter(',')
      ->capture_default_str();
  app->add_option("--storages", b.storages, "Forms of J: dense (float32), int8, sparse (20 couplings a spin)")
      ->type_name("J,...")
      ->delimiter(',')
      ->capture_default_str();
  app->add_option("--law", options->law, "Feedback law: cfc, cac, linear, ...")
      ->type_name("NAME")
      ->capture_default_str();
  app->add_option("--model", options->model, "Pulse model: mean-field, truncated-wigner, gaussian")
      ->type_name("NAME")
      ->capture_default_str();
  app->add_option("--threads", b.threads, "Threads of the engine")
      ->type_name("T")
      ->transform(positive_integer(b.threads))
      ->capture_default_str();
  app->add_flag("--no-energies", options->no_energies, "Do not follow the best energy every round trip");
  app->add_option("--seconds", b.seconds, "Time spent on each number")
      ->type_name("S")
      ->transform(positive_number())
      ->capture_default_str();
  app->add_flag("--json", options->json, "Print one JSON object");
  add_config_option(*app, options->config);
  return {app, [options](const Streams& streams) {
            options->bench.law = parse_law(options->law);
            options->bench.model = parse_model(options->model);
            options->bench.energies = !options->no_energies;
            catch_interrupts();
            const BenchResult result = run_engine_bench(options->bench, [&](const EngineSpeed& cell) {
              if (!streams.live) return;
              streams.err << fmt::format("\rN = {}, batch {}, {}          ", cell.n, cell.batch, cell.storage)
                          << std::flush;
            });
            if (streams.live) streams.err << '\r' << std::string(50, ' ') << '\r';
            if (options->json) {
              print_bench_json(result, streams.out);
            } else {
              print_bench_table(result, streams.out);
            }
            return interrupted() ? 128 + interrupt_signal() : 0;
          }};
}

}  // namespace opoloop
