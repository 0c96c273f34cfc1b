#include <ostream>

#include "cli/experiment_options.h"
#include "driver/device.h"
#include "experiments/inference_report.h"
#include "experiments/page.h"

namespace opoloop {

int run_inference_time(const ExperimentOptions& o, const std::string& command_line, const Streams& streams) {
  ExperimentRun run(o, streams);
  InferenceOptions options;
  if (o.quick) options.plan = InferencePlan::quick();
  if (!o.devices.empty()) options.device = o.devices.front();
  options.threads = run.threads();
  options.seed = o.seed;
  if (!options.device.empty()) make_device(options.device);  // throws before anything is opened
  std::vector<InferenceRow> rows;
  if (!o.resume.empty()) rows = load_inference(o.resume, options);

  run.begin([&](bool complete) { save_inference(run.file(), rows, options, command_line, complete); });
  const bool complete = measure_inference(options, rows, [&](std::size_t done, std::size_t of) {
    run.progress(done, of, "sizes");
    run.save_now_and_then();
  });
  const int code = run.end(complete, rows.size());

  const InferenceAnswer answer = inference_answer(rows);
  if (!o.report.empty()) write_page(inference_html(answer, rows, options, command_line), o.report);
  if (o.json) {
    print_inference_json(answer, rows, options, complete, streams.out);
  } else {
    print_inference(answer, rows, streams.out);
    run.print_files();
  }
  return code;
}

}  // namespace opoloop
