#include <filesystem>
#include <fstream>
#include <ostream>

#include <fmt/format.h>

#include "cli/output_place.h"
#include "cli/point_experiment.h"
#include "core/error.h"
#include "core/public_data.h"
#include "driver/sweep_file.h"
#include "experiments/applications/application_pictures.h"
#include "experiments/applications/applications_report.h"
#include "experiments/page.h"

namespace opoloop {
namespace {

/// One SVG file an application, made with the folder.
void write_pictures(const std::vector<ApplicationRow>& rows, const std::filesystem::path& data,
                    const std::string& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw Error(fmt::format("{}: {}", folder, failure.message()));
  for (const ApplicationPicture& picture : application_pictures(rows, data)) {
    write_page(picture.svg + "\n", folder + "/" + picture.application + ".svg");
  }
}

}  // namespace

int run_applications(const ExperimentOptions& o, const std::string& command_line, const Streams& streams) {
  ApplicationsOptions options;
  options.quick = o.quick;
  options.seed = o.seed;
  options.only = o.only;
  options.instances = o.instances;
  options.data = public_data_folder();
  options.devices = o.devices;
  const ApplicationsPlan plan(options);
  return run_point_experiment(plan, o, command_line, streams, [&](const PointResults& results) {
    const std::vector<ApplicationRow> rows = application_rows(read_sweep_file(results.file));
    if (!o.report.empty()) {
      write_page(applications_html(rows, plan.missing(), options.data, command_line), o.report);
    }
    if (!o.pictures.empty()) write_pictures(rows, options.data, o.pictures);
    if (o.json) {
      print_applications_json(rows, plan.missing(), results.complete(), streams.out);
    } else {
      print_applications(rows, plan.missing(), streams.out);
    }
  });
}

}  // namespace opoloop
