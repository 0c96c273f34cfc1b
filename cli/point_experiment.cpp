#include "cli/point_experiment.h"

#include <stdlib.h>  // NOLINT: mkdtemp is POSIX

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <ostream>
#include <vector>

#include <fmt/format.h>

#include "cli/output_place.h"
#include "cli/text_format.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/threads.h"
#include "driver/sweep_file.h"
#include "experiments/points/run_points.h"

namespace opoloop {
namespace {

/// The place of points nobody asked to keep; vanishes with them.
class TemporaryPlace {
 public:
  TemporaryPlace() {
    std::string pattern = (std::filesystem::temp_directory_path() / "opoloop-points-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw Error(pattern + ": cannot make a temporary folder");
    folder_ = pattern;
  }
  ~TemporaryPlace() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  TemporaryPlace(const TemporaryPlace&) = delete;
  TemporaryPlace& operator=(const TemporaryPlace&) = delete;
  std::string file() const { return folder_ + "/points.h5"; }

 private:
  std::string folder_;
};

/// One line, redrawn at most five times a second.
class ProgressLine {
 public:
  explicit ProgressLine(const Streams& streams) : streams_(streams) {}

  void draw(const PointProgress& progress) {
    const auto now = std::chrono::steady_clock::now();
    if (!streams_.live || now - drawn_ < std::chrono::milliseconds(200)) return;
    drawn_ = now;
    const double left = progress.seconds_left();
    streams_.err << fmt::format("\r\033[K{}/{}{}{}  {:.60}", progress.finished, progress.points,
                                progress.part > 0 ? fmt::format(" + {:.0f}%", 100 * progress.part) : "",
                                left < 0 ? "" : "  about " + duration_text(left) + " left", progress.what)
                 << std::flush;
  }
  void clear() const {
    if (streams_.live) streams_.err << "\r\033[K" << std::flush;
  }

 private:
  static std::string duration_text(double seconds) {
    if (seconds < 100) return fmt::format("{:.0f} s", seconds);
    if (seconds < 6000) return fmt::format("{:.0f} min", seconds / 60);
    return fmt::format("{:.1f} h", seconds / 3600);
  }

  const Streams& streams_;
  std::chrono::steady_clock::time_point drawn_;
};

PointStart start_of(const ExperimentOptions& o) {
  if (o.resume.empty()) return PointStart::anew;
  if (o.out.empty()) return PointStart::resume;
  if (o.out == o.resume) return PointStart::either;
  throw InputError(
      fmt::format("--out {}: points are gone on with in their own file: leave --out away, or name "
                  "{} in both to start where there is nothing yet",
                  o.out, o.resume));
}

void tell_failures(const PointOutcome& outcome, const std::string& file, const Streams& streams) {
  if (outcome.failed == 0) return;
  streams.err << fmt::format(
      "{} of {} points failed{}:\n", grouped(static_cast<std::int64_t>(outcome.failed)),
      grouped(static_cast<std::int64_t>(outcome.points)),
      file.empty() ? "" : fmt::format(" (--resume {} --retry-failed tries them again)", file));
  for (const std::string& failure : outcome.failures) streams.err << "  " << failure << '\n';
  if (outcome.failed > outcome.failures.size()) streams.err << "  …\n";
}

}  // namespace

int run_point_experiment(const PointPlan& plan, const ExperimentOptions& o, const std::string& command_line,
                         const Streams& streams, const PointReport& report) {
  const std::string asked = o.out.empty() ? o.resume : o.out;

  PointRunOptions options;
  options.share = point_share(o.array);
  options.start = start_of(o);
  if (asked.empty() && options.share.size > 1) {
    throw InputError(
        fmt::format("{}: {} processes share the points: --out must say where they are put together", o.name,
                    options.share.size));
  }
  if (o.retry_failed && o.resume.empty()) throw InputError("--retry-failed: needs --resume");
  std::optional<TemporaryPlace> place;
  if (asked.empty()) place.emplace();
  options.file = place ? place->file() : asked;
  options.retry_failed = o.retry_failed;
  options.threads = o.threads.value_or(options.share.default_threads(available_threads()));
  options.command_line = command_line;
  options.stop = [] { return interrupted(); };
  ProgressLine line(streams);
  // The first share tells of all; it is the one whose terminal a launcher passes on.
  if (options.share.rank == 0) options.progress = [&](const PointProgress& progress) { line.draw(progress); };

  const std::string who = fmt::format("share {} of {}", options.share.rank + 1, options.share.size);
  if (options.share.size > 1) {
    streams.err << fmt::format("{} ({}): {} thread{}\n", who, options.share.source, options.threads,
                               options.threads == 1 ? "" : "s");
  }
  if (!options.share.note.empty()) streams.err << options.share.note << '\n';

  catch_interrupts();
  const PointOutcome outcome = run_points(plan, options);
  line.clear();

  const auto counts = fmt::format("{} of {} points", grouped(static_cast<std::int64_t>(outcome.finished)),
                                  grouped(static_cast<std::int64_t>(outcome.points)));
  if (outcome.stopped) {
    streams.err << fmt::format("interrupted: {} finished{}\n", counts,
                               asked.empty() ? "" : fmt::format(" (go on with --resume {})", asked));
  } else if (!outcome.ours_to_report && !outcome.complete()) {
    streams.err << fmt::format("{}: done; {} of all shares are finished\n", who, counts);
  }
  if (outcome.ours_to_report) {
    report({options.file, outcome.points, outcome.finished, outcome.failed});
    tell_failures(outcome, asked, streams);
    if (!o.json) {
      if (!asked.empty()) streams.out << "points: " << asked << '\n';
      if (!o.report.empty()) streams.out << "report: " << o.report << '\n';
    }
  }
  if (outcome.stopped) return 128 + interrupt_signal();
  return outcome.ours_to_report && outcome.failed > 0 ? 1 : 0;
}

int run_merge(const ExperimentOptions& o, const std::string&, const Streams& streams) {
  if (o.file.empty()) throw InputError("experiment merge: which? Give OUT.h5 or its folder OUT.h5.parts");
  std::string folder = o.file;
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  constexpr std::string_view kEnding = ".parts";
  if (!folder.ends_with(kEnding)) folder = parts_folder(folder);
  const std::string file = o.out.empty() ? folder.substr(0, folder.size() - kEnding.size()) : o.out;
  FilePlaces().writes(file, o.out.empty() ? "FILE" : "--out");
  // A merge may be repeated over its own file, but over no other.
  if (std::filesystem::exists(file) && !is_sweep_file(file))
    throw InputError(fmt::format("{}: is there already, and is no experiment file", file));
  const MergedPoints merged = merge_by_hand(folder, file);
  const auto count = [](std::uint64_t value) { return grouped(static_cast<std::int64_t>(value)); };
  if (o.json) {
    streams.out << fmt::format("{{\"points\": {}, \"finished\": {}, \"failed\": {}, \"complete\": {}}}\n",
                               merged.points, merged.finished, merged.failed, merged.complete());
  } else {
    streams.out << fmt::format("{}: {} of {} points, {}{}\n", file, count(merged.finished),
                               count(merged.points), merged.complete() ? "complete" : "not complete",
                               merged.failed > 0 ? fmt::format(", {} failed", count(merged.failed)) : "");
  }
  return 0;
}

}  // namespace opoloop
