#include "cli/command_calibrate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/calibration_options.h"
#include "cli/number_options.h"
#include "cli/output_place.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/threads.h"
#include "driver/calibration/acquisition.h"
#include "driver/calibration/calibration.h"
#include "driver/calibration/compare.h"
#include "driver/calibration/record_file.h"
#include "driver/calibration/sample_fit.h"
#include "driver/calibration/twin_file.h"
#include "experiments/calibration_report.h"
#include "experiments/page.h"
#include "hamiltonian/formats/file_bytes.h"

namespace opoloop {
namespace {

struct CalibrateOptions {
  std::optional<std::string> device, records, against;
  std::vector<std::string> settings;
  bool samples = false;
  calibration::AcquisitionPlan plan;
  calibration::CalibrationOptions fit;
  std::optional<double> round_trip_us;
  std::optional<int> threads;
  std::uint64_t seed = 1;
  int instances = 20, spins = 20, against_runs = 200;
  std::string out, acquire_to, report;
  bool json = false, quiet = false;
};

void check(const CalibrateOptions& o) {
  if (o.device.has_value() == o.records.has_value())
    throw InputError(
        "calibrate: give --device URI to measure a device, or --records FILE.toml to read what was measured");
  if (o.samples && !o.device) throw InputError("--samples: takes a --device");
  if (o.samples && !o.acquire_to.empty())
    throw InputError("--acquire-to: there are no records with --samples");
  if (o.samples && o.against)
    throw InputError(
        "--against: samples alone do not make a twin whose jobs could be compared; opoloop compare-devices "
        "compares any two devices");
  if (o.against && o.out.empty())
    throw InputError("--against: needs --out TWIN.toml, the twin that is compared");
  if (!o.out.empty() && !o.out.ends_with(".toml"))
    throw InputError("--out " + o.out + ": a device file ends in .toml");
  if (!o.acquire_to.empty() && !o.acquire_to.ends_with(".toml"))
    throw InputError("--acquire-to " + o.acquire_to + ": a description ends in .toml");
  if (o.fit.resamples < 100 || o.fit.resamples > 1000000)
    throw_parameter_error("--resamples", o.fit.resamples, "100 to 1000000");
  if (o.fit.largest_delay < 0)
    throw_parameter_error("--largest-delay", o.fit.largest_delay, "at least 0 [round trips]");
  if (o.round_trip_us && !(*o.round_trip_us > 0))
    throw_parameter_error("--round-trip-us", *o.round_trip_us, "above 0 [µs]");
  if (o.instances < 1) throw_parameter_error("--instances", o.instances, "at least 1");
  if (o.spins < 2) throw_parameter_error("--spins", o.spins, "at least 2");
  if (o.against_runs < 1) throw_parameter_error("--against-runs", o.against_runs, "at least 1");
  FilePlaces places;
  places.reads(o.records.value_or(""), "the file of records");
  places.reads_device(o.device.value_or(""));
  places.reads_device(o.against.value_or(""));
  places.writes(o.out, "--out");
  places.writes(o.acquire_to, "--acquire-to");
  places.writes(o.report, "--report");
}

void print_estimates(const std::vector<calibration::Estimate>& estimates, std::ostream& out) {
  out << fmt::format("{:20} {:>12} {:>27}  {}\n", "parameter", "value", "95% interval", "unit");
  for (const calibration::Estimate& e : estimates) {
    if (e.only_lower_bound) {
      out << fmt::format("{:20} {:>12} {:>27}  {}\n", e.name, fmt::format("> {:.5g}", e.low), "not reached",
                         e.unit);
    } else {
      out << fmt::format("{:20} {:>12.6g} {:>27}  {}\n", e.name, e.value,
                         fmt::format("{:.6g} to {:.6g}", e.low, e.high), e.unit);
    }
  }
}

class Progress {
 public:
  Progress(const Streams& streams, bool quiet) : streams_(streams), on_(streams.live && !quiet) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(const std::string& what) const {
    if (on_) streams_.err << "\r\033[K" << what << std::flush;
  }
  void clear() const {
    if (on_) streams_.err << "\r\033[K";
  }

 private:
  const Streams& streams_;
  bool on_;
};

int from_samples(const CalibrateOptions& o, const std::string& command_line, const Streams& streams) {
  const auto device = make_device(*o.device);
  const Progress progress(streams, o.quiet);
  const auto result = calibration::calibrate_from_samples(
      *device, o.plan, [&](const std::string& what) { progress.show(what); });
  progress.clear();
  if (!o.out.empty()) write_file_bytes(o.out, calibration::sample_twin_file(result, device->uri()));
  if (!o.report.empty()) write_page(sample_calibration_html(result, device->uri(), command_line), o.report);
  if (o.json) {
    streams.out << sample_calibration_json(result, device->uri(), command_line);
    return 0;
  }
  print_estimates(result.estimates, streams.out);
  for (const std::string& note : result.notes) streams.out << "note: " << note << '\n';
  if (!o.out.empty()) streams.out << "twin: emulator:" << o.out << '\n';
  if (!o.report.empty()) streams.out << "report: " << o.report << '\n';
  return 0;
}

int calibrate(CalibrateOptions o, const std::string& command_line, const Streams& streams) {
  check(o);
  o.plan.settings = parse_settings(o.settings);
  o.plan.threads = o.threads.value_or(available_threads());
  o.plan.seed = o.seed;
  o.fit.seed = o.seed;
  if (o.round_trip_us) o.plan.round_trip_time_s = *o.round_trip_us * 1e-6;
  catch_interrupts();
  if (o.samples) return from_samples(o, command_line, streams);

  calibration::RecordSet records;
  {
    const Progress progress(streams, o.quiet);
    if (o.device) {
      const auto device = make_device(*o.device);
      records = calibration::acquire(*device, o.plan,
                                     [&](const std::string& what) { progress.show("measuring: " + what); });
    } else {
      records = calibration::read_records(*o.records);
      if (o.plan.round_trip_time_s) records.round_trip_time_s = o.plan.round_trip_time_s;
    }
  }
  if (!o.acquire_to.empty()) calibration::write_records(records, o.acquire_to, command_line);
  const calibration::Calibration result = calibration::calibrate(records, o.fit);
  if (!o.out.empty()) write_file_bytes(o.out, calibration::twin_file(result));

  std::optional<calibration::DeviceComparison> comparison;
  if (o.against) {
    const auto machine = make_device(*o.against);
    const auto twin = make_device("emulator:" + o.out);
    const Progress progress(streams, o.quiet);
    // Seeds that no record was taken with.
    comparison = calibration::compare_devices(
        *machine, *twin, calibration::unseen_problems(o.instances, o.spins, o.seed + 1000),
        calibration::unseen_settings(result, o.against_runs, o.plan.threads), o.seed + 500,
        [&](const std::string& what) { progress.show("comparing: " + what); });
  }
  const calibration::DeviceComparison* compared = comparison ? &*comparison : nullptr;
  if (!o.report.empty()) write_page(calibration_html(result, compared, command_line), o.report);
  if (o.json) {
    streams.out << calibration_json(result, compared, command_line);
    return 0;
  }
  print_estimates(result.estimates, streams.out);
  const std::vector<std::int32_t>& dead = result.dead_pulses;
  double spread = 0;
  int live = 0;
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(result.gain_map.size()); ++i) {
    if (std::find(dead.begin(), dead.end(), i) != dead.end()) continue;
    const double deviation = result.gain_map[static_cast<std::size_t>(i)].value;
    spread += deviation * deviation;
    ++live;
  }
  if (live > 0) {
    streams.out << fmt::format("gain map of {} pulses, standard deviation {:.4g} of the pump\n", live,
                               std::sqrt(spread / live));
  }
  if (!dead.empty()) streams.out << fmt::format("dead pulses: {}\n", fmt::join(dead, ", "));
  for (const std::string& note : result.notes) streams.out << "note: " << note << '\n';
  if (compared != nullptr) {
    streams.out << '\n';
    print_comparison(*compared, streams.out);
  }
  if (!o.acquire_to.empty()) streams.out << "records: " << o.acquire_to << '\n';
  if (!o.out.empty()) streams.out << "twin: emulator:" << o.out << '\n';
  if (!o.report.empty()) streams.out << "report: " << o.report << '\n';
  return 0;
}

}  // namespace

Verb add_calibrate(CLI::App& program, const std::string& command_line) {
  CLI::App* app = program.add_subcommand(
      "calibrate", "Estimate a machine's parameters from its amplitudes and make the emulator its twin");
  auto o = std::make_shared<CalibrateOptions>();
  app->add_option("--device", o->device,
                  "Measure this device: one that returns amplitudes, or any with --samples")
      ->type_name("URI");
  app->add_option("--records", o->records, "Read bench records instead (docs/calibration.md)")
      ->type_name("FILE.toml");
  app->add_flag("--samples", o->samples,
                "Use samples only, no amplitudes: fewer parameters, wider intervals");
  app->add_option("--out", o->out, "Write the twin: a device file for emulator:TWIN.toml")
      ->type_name("TWIN.toml");
  app->add_option("--acquire-to", o->acquire_to,
                  "Keep what was measured, as bench records: FILE.toml and FILE.h5")
      ->type_name("FILE.toml");
  app->add_option("--report", o->report, "Write a page with residuals")->type_name("OUT.html");
  app->add_option("--against", o->against, "Then run unseen jobs on this device and on the twin, and compare")
      ->type_name("URI");
  app->add_option("--instances", o->instances, "Unseen SK instances of --against")
      ->capture_default_str()
      ->transform(any_integer(o->instances));
  app->add_option("--spins", o->spins, "Their spins")
      ->capture_default_str()
      ->transform(any_integer(o->spins));
  app->add_option("--against-runs", o->against_runs, "Runs of each on each device")
      ->capture_default_str()
      ->transform(any_integer(o->against_runs));
  app->add_option("--pulses", o->plan.pulses, "Pulses used: even")
      ->capture_default_str()
      ->transform(any_integer(o->plan.pulses));
  app->add_option("--runs", o->plan.runs, "Runs of each setting")
      ->capture_default_str()
      ->transform(any_integer(o->plan.runs));
  app->add_option("--pump-max", o->plan.largest_pump,
                  "Largest pump setting that may be sent; 2.5 thresholds at least, more to see where the "
                  "converter ends")
      ->capture_default_str()
      ->transform(any_number());
  app->add_option("--round-trip-us", o->round_trip_us, "Time of a round trip, for the lifetime in seconds")
      ->transform(any_number());
  app->add_option("--set", o->settings, "NAME=VALUE: sent with every job");
  app->add_option("--resamples", o->fit.resamples, "Of the bootstrap")
      ->capture_default_str()
      ->transform(any_integer(o->fit.resamples));
  app->add_option("--largest-delay", o->fit.largest_delay, "Delays looked at, 0 to this many round trips")
      ->capture_default_str()
      ->transform(any_integer(o->fit.largest_delay));
  app->add_option("--seed", o->seed, "Of jobs and bootstrap")
      ->capture_default_str()
      ->transform(nonnegative_integer(o->seed));
  app->add_option("--threads", o->threads, "All where left out")->transform(any_integer(o->threads));
  app->add_flag("--json", o->json, "Print JSON");
  app->add_flag("--quiet", o->quiet, "No progress");
  return {app, [o, command_line](const Streams& streams) { return calibrate(*o, command_line, streams); }};
}

}  // namespace opoloop
