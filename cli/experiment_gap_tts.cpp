#include <algorithm>
#include <ostream>

#include "cli/experiment_options.h"
#include "core/public_data.h"
#include "experiments/gap_tts_report.h"
#include "experiments/page.h"

namespace opoloop {

int run_gap_tts(const ExperimentOptions& o, const std::string& command_line, const Streams& streams) {
  ExperimentRun run(o, streams);
  GapTtsOptions options;
  if (o.quick) options.plan = GapTtsPlan::quick();
  if (o.instances) {
    options.plan.instances = *o.instances;
    options.plan.tile_instances = std::min(options.plan.tile_instances, *o.instances);
  }
  if (!o.spins.empty()) options.plan.spins = o.spins;
  options.threads = run.threads();
  options.seed = o.seed;
  options.only = o.only;
  options.data = public_data_folder();
  std::string missing;
  gap_tts_items(options, &missing);  // throws on an unknown family before anything is opened
  std::vector<GapTtsRow> rows;
  if (!o.resume.empty()) rows = load_gap_tts(o.resume, options);

  run.begin([&](bool complete) { save_gap_tts(run.file(), rows, options, command_line, complete); });
  const bool complete = measure_gap_tts(options, rows, [&](std::size_t done, std::size_t of) {
    run.progress(done, of, "instances");
    run.save_now_and_then();
  });
  const int code = run.end(complete, rows.size());

  const GapTtsAnswer answer = gap_tts_answer(rows, options.plan.resamples, o.seed, options.threads);
  if (!o.report.empty()) write_page(gap_tts_html(answer, rows, missing, options, command_line), o.report);
  if (o.json) {
    print_gap_tts_json(answer, missing, options, complete, streams.out);
  } else {
    print_gap_tts(answer, missing, streams.out);
    run.print_files();
  }
  return code;
}

}  // namespace opoloop
