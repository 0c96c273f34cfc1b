#include "cli/command_experiment.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <initializer_list>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "cli/config_file.h"
#include "cli/experiment_options.h"
#include "cli/number_options.h"
#include "cli/point_experiment.h"
#include "core/error.h"

namespace opoloop {

namespace {

struct Experiment {
  const char* name;
  const char* what;
  int (*run)(const ExperimentOptions&, const std::string& command_line, const Streams&);
};
constexpr Experiment kExperiments[] = {
    {"published", "results of other groups, reproduced and compared", run_published},
    {"gap-tts", "does a spectral gap predict the time to solution", run_gap_tts},
    {"tts", "which device is fastest for which size, and how its time to solution scales", run_tts},
    {"sparsity", "which tokens the heads of a QAMA layer select", run_sparsity},
    {"inference-time", "what a forward pass costs, by softmax, by solvers and on machines",
     run_inference_time},
    {"accuracy", "do models with QAMA reach those with softmax attention (needs LibTorch)", run_accuracy},
    {"applications",
     "independent sets, tracking, super-resolution, design by surrogate and clustering as QUBOs",
     run_applications},
    {"sweep", "instances, devices, settings and seeds named in a TOML file", run_sweep},
    {"merge", "puts together the points that several processes measured", run_merge}};

/// "published: …; gap-tts: …"
std::string all_experiments() {
  std::string text;
  for (const Experiment& e : kExperiments) {
    if (!text.empty()) text += "; ";
    text += fmt::format("{}: {}", e.name, e.what);
  }
  return text;
}

/// Experiments made of points that any number of processes can share (docs/sweeps.md).
constexpr std::initializer_list<const char*> kMadeOfPoints = {"sweep", "tts", "gap-tts", "accuracy",
                                                              "applications"};

/// All but merge, which measures nothing.
constexpr std::initializer_list<const char*> kMeasuring = {
    "published", "gap-tts", "tts", "sparsity", "inference-time", "accuracy", "applications", "sweep"};

int run_experiment(const ExperimentOptions& o, const std::string& command_line, const Streams& streams) {
  std::string names;
  const Experiment* chosen = nullptr;
  for (const Experiment& experiment : kExperiments) {
    names += (names.empty() ? "" : ", ") + std::string(experiment.name);
    if (o.name == experiment.name) chosen = &experiment;
  }
  if (chosen == nullptr)
    throw InputError(fmt::format("experiment '{}': unknown; the experiments are {}", o.name, names));
  const auto only_for = [&](bool given, const char* option, std::initializer_list<const char*> takers) {
    if (given && std::find(takers.begin(), takers.end(), o.name) == takers.end())
      throw InputError(fmt::format("experiment {}: {} is not an option of it", o.name, option));
  };
  only_for(o.quick, "--quick",
           {"published", "gap-tts", "tts", "sparsity", "inference-time", "accuracy", "applications"});
  only_for(!o.only.empty(), "--only", {"published", "gap-tts", "tts", "applications"});
  only_for(o.instances.has_value(), "--instances", {"gap-tts", "sparsity", "tts", "applications"});
  only_for(!o.spins.empty(), "--spins", {"gap-tts", "tts"});
  only_for(!o.devices.empty(), "--device", {"sparsity", "inference-time", "tts", "accuracy", "applications"});
  const std::string accuracy = o.accuracy.given();
  only_for(!accuracy.empty(), accuracy.c_str(), {"accuracy"});
  only_for(o.devices.size() > 1, "more than one --device", {"tts", "applications"});
  only_for(!o.tts.files.empty(), "--problem", {"tts"});
  only_for(!o.tts.generators.empty(), "--generate", {"tts"});
  only_for(!o.tts.lengths.empty(), "--lengths", {"tts"});
  only_for(o.tts.runs.has_value(), "--runs", {"tts"});
  only_for(o.tts.share != TtsArguments().share, "--target", {"tts"});
  only_for(!o.pictures.empty(), "--pictures", {"applications"});
  only_for(!o.file.empty(), "FILE", {"sweep", "merge"});
  only_for(!o.resume.empty(), "--resume", kMeasuring);
  only_for(!o.report.empty(), "--report", kMeasuring);
  only_for(!o.array.empty(), "--array", kMadeOfPoints);
  only_for(o.retry_failed, "--retry-failed", kMadeOfPoints);
  if (o.name != "merge") require_output_places(o);  // merge writes over its own file
  return chosen->run(o, command_line, streams);
}

}  // namespace

Verb add_experiment(CLI::App& program, const std::string& command_line) {
  CLI::App* app =
      program.add_subcommand("experiment", "Run an experiment: one command, one file, one report");
  auto options = std::make_shared<ExperimentOptions>();
  ExperimentOptions& o = *options;
  app->add_option("NAME", o.name, all_experiments())->required();
  app->add_option("FILE", o.file,
                  "sweep: its TOML file (docs/sweeps.md); merge: the experiment file or its folder of parts");
  app->add_flag("--quick", o.quick, "A subset that takes about a minute on two cores, or less");
  app->add_option(
         "--only", o.only,
         "published: sections, of moebius, gset, k2000, saturation, scaling; gap-tts: families, of "
         "qama, qama-random, sk, wishart, tile2d, mis; tts: families, of sk, sk1, gset-800, gset-2000; "
         "applications: of independent-set, tracking, super-resolution, design, clustering")
      ->type_name("NAME,...")
      ->delimiter(',');
  app->add_option("--instances", o.instances,
                  "gap-tts, tts: instances of each family and size; sparsity: images; "
                  "applications: seeds of each instance. In place of the plan's")
      ->type_name("N")
      ->transform(positive_integer(o.instances));
  app->add_option("--spins", o.spins, "gap-tts, tts: sizes in place of the plan's; gap-tts: 4 to 16")
      ->type_name("N,...")
      ->delimiter(',')
      ->transform(any_integer(o.spins));
  app->add_option(
         "--device", o.devices,
         "sparsity, accuracy: what solves the Hamiltonian (default annealing:); inference-time: one more "
         "solver; tts: URI or NAME=URI, once for each device, usual for those it measures anyway; "
         "applications: what solves them, once for each device (default emulator:?dt=0.05)")
      ->type_name("URI");
  app->add_option("--problem", o.tts.files,
                  "tts: problem files in place of the usual instances; those of a folder with the same size "
                  "are a class")
      ->type_name("FILE");
  app->add_option("--generate", o.tts.generators,
                  "tts: generated instances in place of the usual ones: regular:n=60,d=3 (opoloop generate)")
      ->type_name("FAMILY:option=value,...");
  app->add_option("--lengths", o.tts.lengths, "tts: steps of a run: LOW:HIGH, LOW:HIGH:FACTOR or T,T,...")
      ->type_name("LENGTHS");
  app->add_option("--runs", o.tts.runs,
                  "tts: runs of a device on an instance at a length; half of them from 400 spins on, a "
                  "quarter from 1500")
      ->type_name("R")
      ->transform(positive_integer(o.tts.runs));
  app->add_option("--target", o.tts.share,
                  "tts: share of the best energy for the time to target (what is measured stays the same)")
      ->type_name("F")
      ->capture_default_str()
      ->transform(any_number());
  app->add_option("--threads", o.threads,
                  "Threads; all of this computer's where left out. Never changes a result")
      ->type_name("T")
      ->transform(positive_integer(o.threads));
  app->add_option("--seed", o.seed, "Seed of all randomness, instances included")
      ->type_name("S")
      ->capture_default_str()
      ->transform(nonnegative_integer(o.seed));
  app->add_option("--out", o.out, "Write every measured point to this experiment file (docs/experiments.md)")
      ->type_name("EXP.h5");
  app->add_option(
         "--resume", o.resume,
         "Go on with this experiment file, measuring only what it lacks; also the output unless --out")
      ->type_name("EXP.h5");
  app->add_option("--array", o.array,
                  "Measure share I of N of the points (I from 1), or slurm: this task's share of a Slurm job "
                  "array. Ranks of mpirun and srun find theirs without it. Of sweep, tts, gap-tts, accuracy, "
                  "applications")
      ->type_name("I/N");
  app->add_flag("--retry-failed", o.retry_failed, "With --resume: measure the points that failed again");
  app->add_option("--report", o.report, "Write an HTML page: the answer and tables, then the pictures")
      ->type_name("OUT.html");
  app->add_option("--pictures", o.pictures,
                  "applications: write each picture as an SVG file into this folder")
      ->type_name("FOLDER");
  app->add_flag("--json", o.json,
                "Print exactly one JSON object on standard output, all else on standard error");
  add_accuracy_flags(*app, o.accuracy);
  add_config_option(*app, o.config);
  return {app, [options, command_line](const Streams& streams) {
            return run_experiment(*options, command_line, streams);
          }};
}

}  // namespace opoloop
