#include "cli/command_experiment.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/config_file.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/public_data.h"
#include "core/threads.h"
#include "experiments/page.h"
#include "experiments/published.h"
#include "experiments/published_table.h"

namespace opoloop {

namespace {

struct ExperimentOptions {
  std::string name;
  bool quick = false;
  std::optional<int> threads;
  std::uint64_t seed = 1;
  std::vector<std::string> only;
  std::string out, resume, report;
  bool json = false;
};

/// Rows are saved at the latest this long after they were measured.
constexpr std::chrono::seconds kSaveEvery{2};

void require_folder(const std::string& path, const char* option) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder)) {
    throw InputError(fmt::format("{} {}: no such folder: {}", option, path, folder.string()));
  }
}

int run_published(const ExperimentOptions& o, const std::string& command_line, const Streams& streams) {
  PublishedOptions options;
  if (o.quick) options.sizes = PublishedSizes::quick();
  options.threads = o.threads.value_or(available_threads());
  options.seed = o.seed;
  options.only = o.only;
  options.data = public_data_folder();
  published_tasks(options);  // throws on an unknown section before anything is opened

  const std::string file = o.out.empty() ? o.resume : o.out;
  if (!file.empty()) require_folder(file, "--out");
  if (!o.report.empty()) require_folder(o.report, "--report");
  std::vector<PublishedPoint> points;
  if (!o.resume.empty()) points = load_published(o.resume, options);

  const auto start = std::chrono::steady_clock::now();
  auto saved = start;
  const auto save = [&](bool complete) {
    if (!file.empty()) save_published(file, points, options, command_line, complete);
    saved = std::chrono::steady_clock::now();
  };
  catch_interrupts();
  if (!file.empty()) save(false);
  const bool complete = measure_published(
      options, points,
      [&](const std::string& task, std::size_t at, std::size_t of) {
        if (!streams.live) return;
        const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        streams.err << fmt::format("\r\033[K{}/{}  {:.0f} s  {}", at + 1, of, seconds, task) << std::flush;
      },
      [&] {
        if (std::chrono::steady_clock::now() - saved >= kSaveEvery) save(false);
      });
  save(complete);
  if (streams.live) streams.err << "\r\033[K";

  const std::vector<PublishedRow> rows = published_table(points, o.seed);
  if (!o.report.empty()) write_page(published_html(points, o.seed, command_line), o.report);
  if (!complete) {
    streams.err << fmt::format("interrupted: {} points measured{}\n", points.size(),
                               file.empty() ? "" : ", saved in " + file + " (go on with --resume)");
  }
  if (o.json) {
    print_published_json(rows, options, complete, streams.out);
  } else {
    print_published_table(rows, streams.out);
    if (!file.empty()) streams.out << "points: " << file << '\n';
    if (!o.report.empty()) streams.out << "report: " << o.report << '\n';
  }
  return complete ? 0 : 128 + interrupt_signal();
}

}  // namespace

Verb add_experiment(CLI::App& program, const std::string& command_line) {
  CLI::App* app =
      program.add_subcommand("experiment", "Run an experiment: published (others' results, measured again)");
  auto options = std::make_shared<ExperimentOptions>();
  ExperimentOptions& o = *options;
  app->add_option("NAME", o.name, "published: results of other groups, reproduced and compared")->required();
  app->add_flag("--quick", o.quick, "A subset that takes about a minute on two cores");
  app->add_option("--only", o.only, "Sections, of moebius, gset, k2000, saturation, scaling")
      ->type_name("NAME,...")
      ->delimiter(',');
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
  app->add_option("--report", o.report, "Write an HTML page: the table, then the pictures")
      ->type_name("OUT.html");
  app->add_flag("--json", o.json,
                "Print exactly one JSON object on standard output, all else on standard error");
  add_config_option(*app);
  return {app, [options, command_line](const Streams& streams) {
            if (options->name != "published") {
              throw InputError(
                  fmt::format("experiment '{}': unknown; the experiments are published", options->name));
            }
            return run_published(*options, command_line, streams);
          }};
}

}  // namespace opoloop
