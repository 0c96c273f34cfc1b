#include <ostream>

#include "cli/experiment_options.h"
#include "core/public_data.h"
#include "driver/device.h"
#include "experiments/page.h"
#include "experiments/sparsity_report.h"

namespace opoloop {

int run_sparsity(const ExperimentOptions& o, const std::string& command_line, const Streams& streams) {
  ExperimentRun run(o, streams);
  SparsityOptions options;
  if (o.quick) options.plan = SparsityPlan::quick();
  if (o.instances) options.plan.images = *o.instances;
  if (!o.devices.empty()) options.device = o.devices.front();
  options.threads = run.threads();
  options.seed = o.seed;
  options.data = public_data_folder();
  make_device(options.device);  // throws on an unknown one before anything is opened
  std::vector<SparsityRow> rows;
  if (!o.resume.empty()) rows = load_sparsity(o.resume, options);

  run.begin([&](bool complete) { save_sparsity(run.file(), rows, options, command_line, complete); });
  const bool complete = measure_sparsity(options, rows, [&](std::size_t done, std::size_t of) {
    run.progress(done, of, "settings");
    run.save_now_and_then();
  });
  const int code = run.end(complete, rows.size());

  const SparsityAnswer answer = sparsity_answer(rows, options);
  if (!o.report.empty()) write_page(sparsity_html(answer, rows, options, command_line), o.report);
  if (o.json) {
    print_sparsity_json(answer, options, complete, streams.out);
  } else {
    print_sparsity(answer, options, streams.out);
    run.print_files();
  }
  return code;
}

}  // namespace opoloop
