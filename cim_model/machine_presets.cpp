#include <fmt/format.h>

#include "cim_model/presets.h"
#include "core/error.h"

namespace opoloop {
namespace {

// Every value below is one a publication prints, or is computed from such values where the source says so.
// What a publication does not give stays unset: machine time then counts it as 0 and says no more.

MachinePreset stanford_2016() {
  const std::string source = "McMahon et al., Science 354, 614 (2016), doi 10.1126/science.aah5178";
  MachinePreset m;
  m.name = "stanford-2016";
  m.title = "Stanford 100-spin machine (2016)";
  m.pulses_usable = {100, source};
  m.pulses_in_ring = {160, source};
  m.round_trip_time_s = {1.6e-6, source};
  return m;
}

MachinePreset ntt_2016() {
  const std::string source = "Inagaki et al., Science 354, 603 (2016), doi 10.1126/science.aah4243";
  MachinePreset m;
  m.name = "ntt-2016";
  m.title = "NTT 2048-spin machine (2016)";
  m.pulses_usable = {2048, source};
  m.pulses_in_ring = {5082, source};
  m.repetition_rate_hz = {1e9, source};
  m.fibre_length_m = {1000, source};
  m.round_trip_time_s = {5.082e-6, source + "; 5082 pulses at 1 GHz (printed rounded, 5 us)"};
  m.round_trips = {1000, source + "; a run of 5 ms"};
  m.coupling_min = {-1, source};
  m.coupling_max = {1, source};
  return m;
}

MachinePreset ntt_2021() {
  const std::string source = "Honjo et al., Science Advances 7, eabh0952 (2021), doi 10.1126/sciadv.abh0952";
  MachinePreset m;
  m.name = "ntt-2021";
  m.title = "NTT 100,000-spin machine (2021)";
  m.pulses_usable = {100512, source};
  m.pulses_in_ring = {123572, source};
  m.repetition_rate_hz = {5e9, source};
  m.fibre_length_m = {5000, source};
  m.round_trip_time_s = {24.7e-6, source};
  m.round_trips = {900, source};
  m.read_round_trip = {890, source + "; about 22 ms after the start"};
  m.adc_bits = {14, source + "; width of the measured samples"};
  m.coupling_min = {-1, source};
  m.coupling_max = {1, source};
  return m;
}

MachinePreset ntt_2025() {
  const std::string source = "NTT machine as described in 2025 (8-bit couplings, 512 header pulses)";
  MachinePreset m;
  m.name = "ntt-2025";
  m.title = "NTT 50,000-spin machine with 8-bit couplings (2025)";
  m.pulses_usable = {49744, source + "; 50,256 pulses less 512 of header"};
  m.fibre_length_m = {5000, source + "; the loop of the 2021 machine"};
  m.round_trip_time_s = {24.7e-6, source + "; the loop of the 2021 machine"};
  m.round_trips = {900, source};
  m.read_round_trip = {750, source};
  m.coupling_min = {-127, source};
  m.coupling_max = {127, source};
  m.pump = {Schedule::ramp(0.7, 1.0, 800.0 / 900.0),
            source + "; 0.7 to 1.0 of threshold over 800 of 900 trips"};
  return m;
}

MachinePreset qboson_550() {
  const std::string source = "QBoson, CPQC-550 as offered through the Kaiwu SDK (kaiwu-sdk-docs.qboson.com)";
  MachinePreset m;
  m.name = "qboson-550";
  m.title = "QBoson CPQC-550";
  m.pulses_usable = {550, source};
  m.coupling_min = {-128, source + "; signed 8-bit integers"};
  m.coupling_max = {127, source + "; signed 8-bit integers"};
  return m;
}

}  // namespace

std::optional<double> MachinePreset::machine_time_s(std::int64_t trips) const {
  if (!round_trip_time_s) return std::nullopt;
  return (upload_s ? upload_s->value : 0) + static_cast<double>(trips) * round_trip_time_s->value +
         (read_out_s ? read_out_s->value : 0);
}

const std::vector<MachinePreset>& machine_presets() {
  static const std::vector<MachinePreset> presets = {stanford_2016(), ntt_2016(), ntt_2021(), ntt_2025(),
                                                     qboson_550()};
  return presets;
}

const MachinePreset& machine_preset(const std::string& name) {
  std::string known;
  for (const MachinePreset& preset : machine_presets()) {
    if (preset.name == name) return preset;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", preset.name);
  }
  throw InputError(fmt::format("machine = '{}': must be one of {}", name, known));
}

}  // namespace opoloop
