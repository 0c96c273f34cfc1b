#include <filesystem>
#include <ostream>
#include <utility>

#include <fmt/format.h>

#include "cli/experiment_options.h"
#include "cli/output_place.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/threads.h"
#include "driver/uri.h"

namespace opoloop {
namespace {

/// Rows are saved at the latest this long after they were measured.
constexpr std::chrono::seconds kSaveEvery{2};

}  // namespace

void require_output_places(const ExperimentOptions& o) {
  FilePlaces places;
  places.reads(o.file, "the file of the sweep");
  places.reads(o.config, "the file of --config");
  for (const std::string& problem : o.tts.files) places.reads(problem, "a problem file");
  for (const std::string& device : o.devices) places.reads_device(split_named_uri(device).uri);
  for (const std::string& device : o.accuracy.infer) places.reads_device(split_named_uri(device).uri);
  // What --resume names is gone on with in its place, or read for the file of --out.
  if (!o.out.empty() && o.out != o.resume) places.reads(o.resume, "the file of --resume");
  places.writes(o.out.empty() ? o.resume : o.out, o.out.empty() ? "--resume" : "--out");
  places.writes(o.report, "--report");
}

ExperimentRun::ExperimentRun(const ExperimentOptions& options, const Streams& streams)
    : options_(options),
      streams_(streams),
      threads_(options.threads.value_or(available_threads())),
      file_(options.out.empty() ? options.resume : options.out),
      start_(Clock::now()),
      saved_(start_) {
  if (!options.out.empty() && options.out != options.resume) require_no_measurements(options.out, "--out");
}

void ExperimentRun::begin(std::function<void(bool complete)> save) {
  save_ = std::move(save);
  catch_interrupts();
  if (!file_.empty()) save_(false);
}

void ExperimentRun::progress(std::size_t done, std::size_t of, const std::string& what) const {
  if (!streams_.live) return;
  const auto seconds = seconds_since(start_);
  streams_.err << fmt::format("\r\033[K{}/{}  {:.0f} s  {}", done, of, seconds, what) << std::flush;
}

void ExperimentRun::save_now_and_then() {
  if (file_.empty() || Clock::now() - saved_ < kSaveEvery) return;
  save_(false);
  saved_ = Clock::now();
}

int ExperimentRun::end(bool complete, std::size_t rows) {
  if (!file_.empty()) save_(complete);
  if (streams_.live) streams_.err << "\r\033[K";
  if (complete) return 0;
  streams_.err << fmt::format("interrupted: {} points measured{}\n", rows,
                              file_.empty() ? "" : ", saved in " + file_ + " (go on with --resume)");
  return 128 + interrupt_signal();
}

void ExperimentRun::print_files() const {
  if (!file_.empty()) streams_.out << "points: " << file_ << '\n';
  if (!options_.report.empty()) streams_.out << "report: " << options_.report << '\n';
}

}  // namespace opoloop
