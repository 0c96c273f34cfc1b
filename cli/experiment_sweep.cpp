#include <filesystem>
#include <ostream>

#include "cli/output_place.h"
#include "cli/point_experiment.h"
#include "core/error.h"
#include "driver/sweep_file.h"
#include "experiments/csv.h"
#include "experiments/page.h"
#include "experiments/sweep/sweep_report.h"

namespace opoloop {
namespace {

/// Neither output may be a file that the configuration names.
void require_not_inputs(const SweepConfig& config, const ExperimentOptions& o) {
  FilePlaces places;
  for (const SweepInstances& group : config.instances) {
    for (const std::string& file : group.files) places.reads(file, "a problem file of the sweep");
  }
  for (const SweepSetting& setting : config.settings) places.reads_device(setting.uri);
  places.writes(o.out, "--out");
  places.writes(o.report, "--report");
}

}  // namespace

int run_sweep(const ExperimentOptions& o, const std::string& command_line, const Streams& streams) {
  if (o.file.empty()) throw InputError("experiment sweep: CONFIG.toml is missing (docs/sweeps.md)");
  const SweepConfig config = read_sweep_config(o.file, o.seed);
  require_not_inputs(config, o);
  const SweepPlan plan(config, o.seed);
  return run_point_experiment(plan, o, command_line, streams, [&](const PointResults& results) {
    const Sweep sweep = read_sweep_file(results.file);
    const SweepSummary summary = summarise(plan, sweep);
    if (!o.report.empty()) {
      write_page(sweep_html(summary, plan, command_line), o.report);
      const std::filesystem::path page(o.report);
      write_csv(sweep_summary_csv(summary), std::filesystem::path(page).replace_extension(".csv"));
      write_csv(sweep_csv(sweep), std::filesystem::path(page).replace_extension(".points.csv"));
    }
    if (o.json) {
      print_sweep_json(summary, plan, o.out.empty() ? o.resume : o.out, streams.out);
    } else {
      print_sweep(summary, streams.out);
    }
  });
}

}  // namespace opoloop
