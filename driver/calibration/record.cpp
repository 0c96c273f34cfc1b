#include "driver/calibration/record.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "core/error.h"

namespace opoloop::calibration {
namespace {

constexpr std::array<std::pair<RecordKind, const char*>, 7> kNames = {{
    {RecordKind::below, "below"},
    {RecordKind::above, "above"},
    {RecordKind::ring_down, "ring-down"},
    {RecordKind::pairs, "pairs"},
    {RecordKind::ladder, "ladder"},
    {RecordKind::drift, "drift"},
    {RecordKind::clip, "clip"},
}};

}  // namespace

std::string name_of(RecordKind kind) {
  for (const auto& [known, name] : kNames) {
    if (known == kind) return name;
  }
  return "unknown";
}

RecordKind parse_kind_of_record(const std::string& text) {
  std::string names;
  for (const auto& [kind, name] : kNames) {
    if (text == name) return kind;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  throw InputError(fmt::format("kind of record '{}': expected one of {}", text, names));
}

void CalibrationRecord::validate() const {
  const auto require = [&](bool holds, const std::string& what) {
    if (!holds) throw InputError(fmt::format("record '{}': {}", name, what));
  };
  require(runs >= 1 && pulses >= 1 && rounds >= 1, "has no runs, no pulses or no round trips");
  require(samples.size() == static_cast<std::size_t>(runs) * static_cast<std::size_t>(rows()) *
                                static_cast<std::size_t>(pulses),
          fmt::format("{} samples do not fill {} runs × {} rows × {} pulses", samples.size(), runs, rows(),
                      pulses));
  require(settled >= 0 && settled < rows(),
          fmt::format("settled = {}: expected a row, 0 to {}", settled, rounds));
  require(!pump.empty(), "has no pump setting");
  const bool coupled = kind == RecordKind::pairs || kind == RecordKind::ladder;
  require(kind == RecordKind::clip || coupled == !couplings.empty(),
          coupled ? "has no couplings" : "has couplings, which its kind has not");
  std::vector<int> partners(static_cast<std::size_t>(pulses), 0);
  for (const IsingEdge& edge : couplings) {
    require(edge.i >= 0 && edge.j >= 0 && edge.i < pulses && edge.j < pulses && edge.i != edge.j,
            fmt::format("couples pulses {} and {} of {}", edge.i, edge.j, pulses));
    require(std::isfinite(edge.J) && edge.J != 0, "has a coupling that is 0 or no number");
    for (const std::int32_t end : {edge.i, edge.j})
      require(++partners[static_cast<std::size_t>(end)] == 1, fmt::format("pulse {} has two partners", end));
  }
  if (kind == RecordKind::ring_down) {
    switch_off_round(*this);
  } else {
    require(pump.first() == pump.last(), "its pump is not constant");
  }
  for (const float sample : samples) require(std::isfinite(sample), "has a sample that is no number");
}

std::int64_t switch_off_round(const CalibrationRecord& record) {
  const double high = record.pump_at(0);
  for (std::int64_t k = 1; k < record.rounds; ++k) {
    if (record.pump_at(k) == high) continue;
    if (record.pump_at(k) != 0 || record.pump.last() != 0) break;
    return k;
  }
  throw InputError(fmt::format(
      "record '{}': a ring-down has a constant pump, then 0 from one round trip to the next", record.name));
}

}  // namespace opoloop::calibration
