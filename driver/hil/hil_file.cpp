#include "driver/hil/hil_file.h"

#include <mutex>

#include "driver/hdf5_handle.h"

namespace opoloop::hil {
namespace {

const char* name_of(MissPolicy policy) {
  return policy == MissPolicy::hold ? "hold" : policy == MissPolicy::zero ? "zero" : "stall";
}

/// Bins that hold something, as three columns.
void write_histogram(std::int64_t group, const std::string& name, const LatencyHistogram& histogram,
                     const std::string& what) {
  const auto bins = histogram.bins();
  std::vector<std::int64_t> rows;
  for (const auto& bin : bins) {
    rows.push_back(static_cast<std::int64_t>(bin.low_ns));
    rows.push_back(static_cast<std::int64_t>(bin.high_ns));
    rows.push_back(bin.count);
  }
  const auto dataset = hdf5::write_dataset<std::int64_t>(
      group, name, {bins.size(), 3}, rows.data(), {"ns", what + ": lowest, highest, count of each bin"});
  if (histogram.count() == 0) return;
  hdf5::write_attribute(dataset, "mean", histogram.mean_ns());
  hdf5::write_attribute(dataset, "p50", static_cast<std::int64_t>(histogram.percentile_ns(0.5)));
  hdf5::write_attribute(dataset, "p90", static_cast<std::int64_t>(histogram.percentile_ns(0.9)));
  hdf5::write_attribute(dataset, "p99", static_cast<std::int64_t>(histogram.percentile_ns(0.99)));
  hdf5::write_attribute(dataset, "p99.9", static_cast<std::int64_t>(histogram.percentile_ns(0.999)));
  hdf5::write_attribute(dataset, "max", static_cast<std::int64_t>(histogram.max_ns()));
}

}  // namespace

void write_hil_group(const std::string& path, const HilSummary& summary) {
  const std::lock_guard lock(hdf5_mutex());
  const PlantReport& report = summary.report;
  Hdf5Handle file = hdf5::open_file(path, true);
  {
    const Hdf5Handle group = hdf5::create_group(file, "hil");
    const auto text = [&](const char* name, const std::string& value) {
      hdf5::write_attribute(group, name, value);
    };
    const auto count = [&](const char* name, std::int64_t value) {
      hdf5::write_attribute(group, name, value);
    };
    text("carrier", summary.carrier);
    text("clock", summary.settings.clock == ClockMode::lock_step ? "lock-step" : "free-run");
    text("on_miss", name_of(summary.settings.on_miss));
    text("scheduling", report.scheduling);
    text("measurement_format", hil::name_of(summary.settings.wire.measurement.format));
    text("feedback_format", hil::name_of(summary.settings.wire.feedback.format));
    count("delay", summary.parameters.imperfections.feedback_delay);
    count("rounds", report.rounds.rounds);
    count("misses", report.rounds.misses);
    count("longest_miss_burst", report.rounds.longest_burst);
    count("answers_that_never_came", report.never_came());
    count("measurement_saturations", report.rounds.saturations.measurement);
    count("saturated_answers", report.rounds.saturations.feedback);
    count("datagrams_sent", report.link.sent);
    count("datagrams_received", report.link.received);
    count("messages_repeated", report.link.repeats);
    count("messages_incomplete", report.link.lost);
    count("duplicates", report.link.duplicates);
    count("reordered", report.link.reordered);
    count("crc_bad", report.link.crc_bad);
    count("malformed", report.link.malformed);
    count("other_version", report.link.other_version);
    count("other_session", report.link.other_session);
    if (report.faults) {
      const Faults& asked = summary.settings.faults;
      hdf5::write_attribute(group, "injected_loss", asked.loss);
      hdf5::write_attribute(group, "injected_duplication", asked.duplication);
      hdf5::write_attribute(group, "injected_reordering", asked.reordering);
      hdf5::write_attribute(group, "injected_corruption", asked.corruption);
      count("injected_losses", report.faults->lost);
      count("injected_duplicates", report.faults->duplicated);
      count("injected_reorderings", report.faults->reordered);
      count("injected_corruptions", report.faults->corrupted);
    }
    hdf5::write_attribute(group, "round_trip_s", summary.settings.round_trip_s);
    hdf5::write_attribute(group, "wall_s", report.wall_s);
    if (report.real_time_factor) hdf5::write_attribute(group, "real_time_factor", *report.real_time_factor);
    write_histogram(group, "turnaround", report.rounds.turnaround, "from measurement sent to answer read");
    write_histogram(group, "late_by", report.rounds.late_by,
                    "missed answers that came, after their deadline");
    write_histogram(group, "plant", report.rounds.plant, "simulated optics between answer and measurement");
  }
  file.close(path);
}

}  // namespace opoloop::hil
