#include "cli/command_experiment.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "cli/config_file.h"
#include "cli/experiment_options.h"
#include "core/error.h"

namespace opoloop {

namespace {

int run_experiment(const ExperimentOptions& o, const std::string& command_line, const Streams& streams) {
  const bool published = o.name == "published", gap = o.name == "gap-tts", sparsity = o.name == "sparsity";
  if (!published && !gap && !sparsity) {
    throw InputError(
        fmt::format("experiment '{}': unknown; the experiments are published, gap-tts, sparsity", o.name));
  }
  const auto refuse = [&](bool given, const char* option) {
    if (given) throw InputError(fmt::format("experiment {}: {} is not an option of it", o.name, option));
  };
  refuse(!o.only.empty() && sparsity, "--only");
  refuse(o.instances && published, "--instances");
  refuse(!o.spins.empty() && !gap, "--spins");
  refuse(!o.device.empty() && !sparsity, "--device");
  if (published) return run_published(o, command_line, streams);
  return gap ? run_gap_tts(o, command_line, streams) : run_sparsity(o, command_line, streams);
}

}  // namespace

Verb add_experiment(CLI::App& program, const std::string& command_line) {
  CLI::App* app = program.add_subcommand(
      "experiment", "Run an experiment: published, gap-tts or sparsity; one file, one report");
  auto options = std::make_shared<ExperimentOptions>();
  ExperimentOptions& o = *options;
  app->add_option("NAME", o.name,
                  "published: results of other groups, reproduced and compared; gap-tts: does a spectral gap "
                  "predict the time to solution; sparsity: which tokens the heads of a QAMA layer select")
      ->required();
  app->add_flag("--quick", o.quick, "A subset that takes about a minute on two cores, or less");
  app->add_option("--only", o.only,
                  "published: sections, of moebius, gset, k2000, saturation, scaling; gap-tts: families, of "
                  "qama, qama-random, sk, wishart, tile2d, mis")
      ->type_name("NAME,...")
      ->delimiter(',');
  app->add_option("--instances", o.instances,
                  "gap-tts: instances of each family and size; sparsity: images. In place of the plan's")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  app->add_option("--spins", o.spins, "gap-tts: sizes in place of the plan's, 4 to 16")
      ->type_name("N,...")
      ->delimiter(',');
  app->add_option("--device", o.device, "sparsity: what solves the Hamiltonian (default annealing:)")
      ->type_name("URI");
  app->add_option("--threads", o.threads,
                  "Threads; all of this computer's where left out. Never changes a result")
      ->type_name("T")
      ->check(CLI::PositiveNumber);
  app->add_option("--seed", o.seed, "Seed of all randomness, instances included")
      ->type_name("S")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app->add_option("--out", o.out, "Write every measured point to this experiment file (docs/experiments.md)")
      ->type_name("EXP.h5");
  app->add_option(
         "--resume", o.resume,
         "Go on with this experiment file, measuring only what it lacks; also the output unless --out")
      ->type_name("EXP.h5");
  app->add_option("--report", o.report, "Write an HTML page: the answer and tables, then the pictures")
      ->type_name("OUT.html");
  app->add_flag("--json", o.json,
                "Print exactly one JSON object on standard output, all else on standard error");
  add_config_option(*app);
  return {app, [options, command_line](const Streams& streams) {
            return run_experiment(*options, command_line, streams);
          }};
}

}  // namespace opoloop
