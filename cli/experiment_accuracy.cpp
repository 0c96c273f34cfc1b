#include "cli/experiment_accuracy.h"

#include <unistd.h>

#include <filesystem>
#include <ostream>
#include <utility>

#include <fmt/format.h>

#include "cli/accuracy_options.h"
#include "cli/experiment_options.h"
#include "cli/output_place.h"
#include "cli/point_experiment.h"
#include "core/error.h"
#include "experiments/accuracy/accuracy_plan.h"
#include "experiments/accuracy/accuracy_report.h"
#include "experiments/page.h"
#include "hamiltonian/formats/file_bytes.h"

namespace opoloop {
namespace {

Trainer& trainer() {
  static Trainer trainer;
  return trainer;
}

/// Replaces this process by opoloop-accuracy, with its own arguments; returns only by throwing.
[[noreturn]] void start_program() {
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  const std::filesystem::path program = self.parent_path() / "opoloop-accuracy";
  if (std::filesystem::exists(program)) {
    std::string bytes = read_file_bytes("/proc/self/cmdline", std::uint64_t{1} << 24U);
    std::vector<char*> arguments;
    for (std::size_t at = 0; at < bytes.size(); at = bytes.find('\0', at) + 1)
      arguments.push_back(&bytes[at]);
    arguments.push_back(nullptr);
    ::execv(program.c_str(), arguments.data());
  }
  throw Error(
      fmt::format("experiment accuracy: trains with LibTorch, which this build has not: install libtorch-dev "
                  "python3-torch "
                  "libopenblas0-pthread, configure again, build opoloop-accuracy (it belongs at {})",
                  program.string()));
}

std::string table_file(const std::string& report) {
  return std::filesystem::path(report).replace_extension(".csv").string();
}

/// "runs/accuracy.html" → "runs/accuracy-moved.csv".
std::string moved_file(const std::string& report) {
  return std::filesystem::path(report).replace_extension().string() + "-moved.csv";
}

/// The tables beside the page must not replace the user's own sets, which are often .csv, too.
void require_table_places(const ExperimentOptions& o) {
  if (o.report.empty()) return;
  FilePlaces places;
  for (const std::string& data : o.accuracy.data) {
    const std::size_t equals = data.find('=');
    if (equals != std::string::npos) places.reads(data.substr(equals + 1), "a file of --data");
  }
  for (const std::string& file : {o.report, table_file(o.report), moved_file(o.report)})
    places.writes(file, "--report");
}

}  // namespace

void set_accuracy_trainer(Trainer given) {
  trainer() = std::move(given);
}

int run_accuracy(const ExperimentOptions& o, const std::string& command_line, const Streams& streams) {
  require_table_places(o);
  const AccuracyPlan plan(
      accuracy_options(o.accuracy, o.quick, o.devices.empty() ? std::string() : o.devices.front(), o.seed),
      trainer());
  if (!trainer()) start_program();
  return run_point_experiment(plan, o, command_line, streams, [&](const PointResults& results) {
    const AccuracyAnswer answer =
        accuracy_answer(read_sweep_file(results.file), plan.options().inference_devices);
    const AccuracyRun run{command_line, budget_in_words(plan.options().budget), o.seed, results.complete()};
    if (!o.report.empty()) {
      write_page(accuracy_html(answer, run), o.report);
      write_file_bytes(table_file(o.report), accuracy_csv(answer));
      write_file_bytes(moved_file(o.report), moved_csv(answer));
    }
    if (o.json) {
      print_accuracy_json(answer, run, streams.out);
    } else {
      print_accuracy(answer, run, streams.out);
    }
  });
}

}  // namespace opoloop
