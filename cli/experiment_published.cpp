#include <ostream>

#include "cli/experiment_options.h"
#include "core/public_data.h"
#include "experiments/page.h"
#include "experiments/published.h"
#include "experiments/published_table.h"

namespace opoloop {

int run_published(const ExperimentOptions& o, const std::string& command_line, const Streams& streams) {
  ExperimentRun run(o, streams);
  PublishedOptions options;
  if (o.quick) options.sizes = PublishedSizes::quick();
  options.threads = run.threads();
  options.seed = o.seed;
  options.only = o.only;
  options.data = public_data_folder();
  published_tasks(options);  // throws on an unknown section before anything is opened
  std::vector<PublishedPoint> points;
  if (!o.resume.empty()) points = load_published(o.resume, options);

  run.begin([&](bool complete) { save_published(run.file(), points, options, command_line, complete); });
  const bool complete = measure_published(
      options, points,
      [&](const std::string& task, std::size_t at, std::size_t of) { run.progress(at + 1, of, task); },
      [&] { run.save_now_and_then(); });
  const int code = run.end(complete, points.size());

  const std::vector<PublishedRow> rows = published_table(points, o.seed);
  if (!o.report.empty()) write_page(published_html(points, o.seed, command_line), o.report);
  if (o.json) {
    print_published_json(rows, options, complete, streams.out);
  } else {
    print_published_table(rows, streams.out);
    run.print_files();
  }
  return code;
}

}  // namespace opoloop
