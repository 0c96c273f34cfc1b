#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cli/experiment_options.h"
#include "experiments/points/point_plan.h"

namespace opoloop {

/// What a report is made from: the merged file, read with read_sweep_file(). Its columns are those of the
/// plan plus point, point_name, point_failure and point_wall_s (experiments/points/point_merge.h); rows are
/// in the order of the plan, failed ones included (NaN and empty words, the reason in point_failure).
struct PointResults {
  std::string file;            ///< there while the report is made, even where the user asked for none
  std::uint64_t points = 0;    ///< of the plan
  std::uint64_t finished = 0;  ///< rows
  std::uint64_t failed = 0;    ///< rows with a reason in place of values
  bool complete() const { return finished == points; }
};

/// Prints the answer (or, with --json, exactly one JSON object) and writes the page of --report.
using PointReport = std::function<void(const PointResults&)>;

/// The whole of `opoloop experiment NAME` for an experiment that is a plan of points: measures what is
/// missing in the share of this process (mpirun, srun, --array), with progress on a terminal, Ctrl-C, --out,
/// --resume and --retry-failed, merges and reports. A typical experiment:
///
///     int run_tts(const ExperimentOptions& o, const std::string& command_line, const Streams& streams) {
///       const TtsPlan plan(options_of(o));  // throws InputError on bad options
///       return run_point_experiment(plan, o, command_line, streams, [&](const PointResults& results) {
///         const Sweep sweep = read_sweep_file(results.file);
///         …; if (!o.report.empty()) write_page(…, o.report); if (o.json) …; else …;
///       });
///     }
///
/// and a row in cli/command_experiment.cpp. `report` is called in one process only: the last to finish; for
/// a single process also after Ctrl-C. It need not name files or failed points: this does.
///
/// Uses of `o`: threads, out, resume, array, retry_failed, report, json. Returns the exit code: 0, 1 where
/// points failed (in the process that reports only: a launcher ends all ranks when one exits otherwise),
/// 128 + signal after an interruption. Throws InputError.
int run_point_experiment(const PointPlan& plan, const ExperimentOptions& o, const std::string& command_line,
                         const Streams& streams, const PointReport& report);

/// `opoloop experiment merge OUT.h5`: makes the experiment file from the shards beside it, also of an
/// incomplete run.
int run_merge(const ExperimentOptions& o, const std::string& command_line, const Streams& streams);

}  // namespace opoloop
