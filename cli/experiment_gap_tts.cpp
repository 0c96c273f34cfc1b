#include <algorithm>
#include <ostream>
#include <vector>

#include "cli/experiment_options.h"
#include "cli/point_experiment.h"
#include "core/public_data.h"
#include "core/threads.h"
#include "driver/sweep_file.h"
#include "experiments/gap_tts_report.h"
#include "experiments/page.h"

namespace opoloop {

int run_gap_tts(const ExperimentOptions& o, const std::string& command_line, const Streams& streams) {
  GapTtsOptions options;
  if (o.quick) options.plan = GapTtsPlan::quick();
  if (o.instances) {
    options.plan.instances = *o.instances;
    options.plan.tile_instances = std::min(options.plan.tile_instances, *o.instances);
  }
  if (!o.spins.empty()) options.plan.spins = o.spins;
  options.threads = o.threads.value_or(available_threads());
  options.seed = o.seed;
  options.only = o.only;
  options.data = public_data_folder();
  const GapTtsPoints plan(options);
  return run_point_experiment(plan, o, command_line, streams, [&](const PointResults& results) {
    const std::vector<GapTtsRow> rows = gap_tts_rows(read_sweep_file(results.file));
    const GapTtsAnswer answer = gap_tts_answer(rows, options.plan.resamples, o.seed, options.threads);
    if (!o.report.empty())
      write_page(gap_tts_html(answer, rows, plan.missing(), options, command_line), o.report);
    if (o.json) {
      print_gap_tts_json(answer, plan.missing(), options, results.complete(), streams.out);
    } else {
      print_gap_tts(answer, plan.missing(), streams.out);
    }
  });
}

}  // namespace opoloop
