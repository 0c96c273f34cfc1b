#include "cli/command_report.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/output_place.h"
#include "core/error.h"
#include "driver/qama_run_file.h"
#include "driver/run_file.h"
#include "driver/sweep_file.h"
#include "experiments/csv.h"
#include "experiments/page.h"
#include "experiments/report.h"
#include "experiments/run_comparison.h"
#include "experiments/sweep_comparison.h"

namespace opoloop {
namespace {

struct ReportOptions {
  std::string run, out, csv;
  std::vector<std::string> compare;  ///< A and B
};

/// Where the page goes: for one run, beside it where nothing was asked.
std::string page_of(const ReportOptions& o) {
  if (!o.out.empty() || o.run.empty()) return o.out;
  return std::filesystem::path(o.run).replace_extension(".html").string();
}

void require_places(const ReportOptions& o) {
  FilePlaces places;
  places.reads(o.run, "the run file");
  for (const std::string& file : o.compare) places.reads(file, "a file that is compared");
  const bool beside_run = o.out.empty() && o.csv.empty() && std::filesystem::exists(o.run);
  places.writes(beside_run ? page_of(o) : o.out, "--out");
  places.writes(o.csv, "--csv");
}

void write_outputs(const ReportOptions& o, const std::string& page, const std::string& html,
                   const std::string& csv, const Streams& streams) {
  if (!html.empty()) {
    write_page(html, page);
    streams.out << "report: " << page << '\n';
  }
  if (!o.csv.empty()) {
    write_csv(csv, o.csv);
    streams.out << "table: " << o.csv << '\n';
  }
}

int report_of_run(const ReportOptions& o, const Streams& streams) {
  if (is_qama_run(o.run)) {
    throw InputError(o.run +
                     ": a batch of attention's problems, not one run; opoloop qama inspect --report "
                     "makes a page of its input, opoloop check looks at this file");
  }
  if (is_sweep_file(o.run)) {
    if (o.csv.empty() || !o.out.empty()) {
      throw InputError(
          o.run +
          ": points of an experiment: --csv OUT.csv writes them as a table; their page is made by "
          "the experiment itself (--resume FILE --report OUT.html)");
    }
    write_outputs(o, "", "", sweep_csv(read_sweep_file(o.run)), streams);
    return 0;
  }
  if (!o.csv.empty()) throw InputError("--csv is for experiment files and for --compare, not for one run");
  const std::string page = page_of(o);
  write_report(read_run_file(o.run), page);
  streams.out << "report: " << page << '\n';
  return 0;
}

int compare_files(const ReportOptions& o, const std::string& command_line, const Streams& streams) {
  const std::string& a = o.compare[0];
  const std::string& b = o.compare[1];
  if (is_sweep_file(a) != is_sweep_file(b))
    throw InputError(a + " and " + b + ": one is a run, the other an experiment");
  if (is_sweep_file(a)) {
    const SweepComparison c = compare_sweeps(read_sweep_file(a), a, read_sweep_file(b), b);
    streams.out << sweep_comparison_text(c);
    write_outputs(o, o.out, o.out.empty() ? "" : sweep_comparison_html(c, command_line),
                  sweep_comparison_csv(c), streams);
    return 0;
  }
  // Results, not amplitudes: those may be larger than memory, and are not compared.
  const RunFileReadLimits limits{1, 1};
  const RunComparison c = compare_runs(read_run_file(a, limits), read_run_file(b, limits));
  streams.out << run_comparison_text(c);
  write_outputs(o, o.out, o.out.empty() ? "" : run_comparison_html(c, command_line), run_comparison_csv(c),
                streams);
  return 0;
}

}  // namespace

Verb add_report(CLI::App& program, const std::string& command_line) {
  CLI::App* app = program.add_subcommand(
      "report", "Make one self-contained HTML page of a run file, or compare two runs or two experiments");
  auto options = std::make_shared<ReportOptions>();
  app->add_option("RUN", options->run,
                  "Run file (HDF5) of solve --out; or an experiment file, for its --csv");
  app->add_option("--compare", options->compare,
                  "Two run files of one problem, or two files of one experiment: do they differ?")
      ->expected(2)
      ->type_name("A.h5 B.h5");
  app->add_option("--out", options->out,
                  "The page; RUN with the ending .html where left out, none for a comparison")
      ->type_name("OUT.html");
  app->add_option("--csv", options->csv, "The rows of an experiment, or the table of a comparison")
      ->type_name("OUT.csv");
  return {app, [options, command_line](const Streams& streams) {
            if (options->run.empty() == options->compare.empty())
              throw InputError("report: give either RUN or --compare A.h5 B.h5");
            require_places(*options);
            return options->run.empty() ? compare_files(*options, command_line, streams)
                                        : report_of_run(*options, streams);
          }};
}

}  // namespace opoloop
