#include "driver/server/device_sheets.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>

#include "cim_model/presets.h"
#include "driver/uri.h"

namespace opoloop {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
void add_row(Json& rows, const char* name, const char* unit, const std::optional<Sourced<T>>& field) {
  Json value;
  if (field) {
    if constexpr (std::is_same_v<T, Schedule>) {
      value = field->value.text();
    } else {
      value = field->value;
    }
  }
  rows.push_back({{"name", name},
                  {"value", value},
                  {"unit", unit},
                  {"source", field ? Json(field->source) : Json(nullptr)}});
}

}  // namespace

Json device_sheet(const std::string& text) {
  const DeviceUri uri = parse_device_uri(text);
  const auto& machines = machine_presets();
  const auto machine =
      std::find_if(machines.begin(), machines.end(), [&](const auto& m) { return m.name == uri.rest; });
  if (uri.scheme != "emulator" || machine == machines.end()) return nullptr;
  Json rows = Json::array();
  add_row(rows, "usable pulses", "", machine->pulses_usable);
  add_row(rows, "pulses in the ring", "", machine->pulses_in_ring);
  add_row(rows, "repetition rate", "Hz", machine->repetition_rate_hz);
  add_row(rows, "fibre length", "m", machine->fibre_length_m);
  add_row(rows, "round-trip time", "s", machine->round_trip_time_s);
  add_row(rows, "round trips of a run", "", machine->round_trips);
  add_row(rows, "round trip that is read", "", machine->read_round_trip);
  add_row(rows, "upload", "s", machine->upload_s);
  add_row(rows, "read-out", "s", machine->read_out_s);
  add_row(rows, "measurement", "bit", machine->adc_bits);
  add_row(rows, "smallest coupling", "", machine->coupling_min);
  add_row(rows, "largest coupling", "", machine->coupling_max);
  add_row(rows, "pump over threshold", "", machine->pump);
  return {{"name", machine->name}, {"title", machine->title}, {"rows", rows}};
}

Json loop_settings() {
  Json list = Json::array();
  for (const LoopPreset& preset : loop_presets()) {
    list.push_back({{"name", preset.name}, {"summary", preset.summary}, {"source", preset.source}});
  }
  return list;
}

}  // namespace opoloop
