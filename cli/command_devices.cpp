#include "cli/command_devices.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "cim_model/feedback_law.h"
#include "cim_model/presets.h"
#include "cli/text_format.h"
#include "core/error.h"
#include "driver/annealing_device.h"
#include "driver/bifurcation_device.h"
#include "driver/device.h"
#include "driver/device_file.h"
#include "driver/emulator_parameters.h"
#include "driver/kaiwu_device.h"
#include "driver/quanfluence_device.h"
#include "driver/spool_device.h"
#include "hamiltonian/ising_model.h"

namespace opoloop {
namespace {

struct Scheme {
  const char* uri;
  const char* what;
};

constexpr Scheme kSchemes[] = {
    {"emulator:", "the simulated coherent Ising machine in this process (default)"},
    {"emulator:MACHINE", "the same with a machine's data sheet, for its own seconds: emulator:ntt-2016"},
    {"emulator:FILE.toml", "the same with the imperfections of your machine (docs/devices.md)"},
    {"emulator:?law=cac&dt=0.1", "the same with parameters in the address, as --set gives them"},
    {"annealing:", "Metropolis simulated annealing, a baseline"},
    {"dsb:", "discrete simulated bifurcation, a baseline"},
    {"bsb:", "ballistic simulated bifurcation, a baseline"},
    {"exact:", "every state by Gray code, up to 24 spins: proves its optimum"},
    {"opoloop://HOST:PORT", "the default device of an opoloop serve elsewhere, or /DEVICE of it"},
    {"quanfluence://HOST/device/ID",
     "a machine behind Quanfluence's REST interface; also quanfluence+https://"},
    {"kaiwu:CPQC-550", "a machine of QBoson, through the vendor's Python SDK"},
    {"spool:FOLDER", "a machine that is not on the network: matrices out, solutions in, by hand"},
};

/// Three columns. A value too long for its own moves the text behind it and never touches it.
void print_row(std::ostream& out, const std::string& label, const std::string& value,
               const std::string& text) {
  out << fmt::format("  {:<26}{:<20}  {}\n", label, value, text);
}

template <class T>
void sheet_row(std::ostream& out, const char* label, const std::optional<Sourced<T>>& field,
               const std::string& unit) {
  if (!field) {
    out << fmt::format("  {:<26}not published\n", label);
    return;
  }
  std::string value;
  if constexpr (std::is_same_v<T, Schedule>) {
    value = field->value.text();
  } else {
    value = short_number(static_cast<double>(field->value), 6);
  }
  print_row(out, label, unit.empty() ? value : value + " " + unit, field->source);
}

void print_machine(std::ostream& out, const MachinePreset& machine) {
  out << machine.name << ": " << machine.title << '\n';
  sheet_row(out, "usable pulses", machine.pulses_usable, "");
  sheet_row(out, "pulses in the ring", machine.pulses_in_ring, "");
  sheet_row(out, "repetition rate", machine.repetition_rate_hz, "Hz");
  sheet_row(out, "fibre length", machine.fibre_length_m, "m");
  sheet_row(out, "round-trip time", machine.round_trip_time_s, "s");
  sheet_row(out, "round trips of a run", machine.round_trips, "");
  sheet_row(out, "round trip that is read", machine.read_round_trip, "");
  sheet_row(out, "upload", machine.upload_s, "s");
  sheet_row(out, "read-out", machine.read_out_s, "s");
  sheet_row(out, "measurement", machine.adc_bits, "bit");
  sheet_row(out, "smallest coupling", machine.coupling_min, "");
  sheet_row(out, "largest coupling", machine.coupling_max, "");
  sheet_row(out, "pump over threshold", machine.pump, "");
  if (machine.round_trips) {
    if (const auto seconds = machine.machine_time_s(machine.round_trips->value)) {
      print_row(out, "one run takes", short_seconds(*seconds), "from the values above");
    }
  }
}

/// The parameters that a loop of model mean-field with this law looks at, by their names in describe(), in
/// the order in which they are printed.
std::vector<std::string> names_in_use(const LoopParameters& p) {
  std::vector<std::string> names = {"model",      "law",  "stepper",  "field_mode",
                                    "read",       "dt",   "substeps", "pump",
                                    "saturation", "gain", "clamp",    "clamp_over_sqrt_alpha"};
  const auto add = [&](std::initializer_list<const char*> more) {
    names.insert(names.end(), more.begin(), more.end());
  };
  // A uniform start replaces the normal one.
  add({p.start_uniform_half_width > 0 ? "start_uniform_half_width" : "start_sd"});
  if (p.law == LawKind::clipped || p.law == LawKind::tanh) add({"limit"});
  if (!has_error_variable(p.law)) return names;
  if (p.law != LawKind::sfc) add({"alpha"});
  if (p.law != LawKind::cac_best) add({"beta"});
  if (p.law == LawKind::sfc) add({"sfc_c", "sfc_k"});
  if (p.law == LawKind::cac_best) add({"rho", "delta", "gamma", "tau", "best_energy.previous_energy"});
  add({"error_start", "error_min", "error_max", "error_substeps", "error_dt"});
  if (p.law != LawKind::sfc && p.law != LawKind::cfc) add({"error_uses_new_amplitude"});
  return names;
}

/// The whole setting as `solve --preset` runs it, but for the rows that depend on the problem: those say how.
void print_loop(std::ostream& out, const LoopPreset& preset) {
  out << fmt::format("{}: {}\n", preset.name, preset.summary);
  const auto row = [&](const std::string& label, const std::string& value) {
    out << fmt::format("  {:<29}{}\n", label, value);
  };
  row("source", preset.source);
  // The number of spins matters to the pump alone.
  const LoopParameters p = emulator_parameters({{"preset", preset.name}}, IsingModel(100, {}));
  std::map<std::string, ParameterValue> values = describe(p);
  if (!preset.pump_formula.empty()) {
    values["pump"].value = short_number(p.pump.first());
    values["pump"].unit += " for 100 spins; " + preset.pump_formula;
  }
  row("round trips (--steps)", grouped(p.rounds));
  row("xi", p.xi ? short_number(*p.xi) + " 1/energy" : "√(2N/ΣJ²) 1/energy, from the problem");
  for (const std::string& name : names_in_use(p)) {
    const ParameterValue& value = values.at(name);
    row(name, value.unit.empty() ? value.value : value.value + " " + value.unit);
  }
  out << "  Meanings: opoloop devices emulator:\n";
}

void list_all(std::ostream& out) {
  out << "Devices (--device URI)\n";
  for (const Scheme& scheme : kSchemes) out << fmt::format("  {:<31}{}\n", scheme.uri, scheme.what);
  out << "\nMachines (emulator:NAME; data sheet: opoloop devices --preset NAME)\n";
  for (const MachinePreset& machine : machine_presets())
    out << fmt::format("  {:<26}{}\n", machine.name, machine.title);
  out << "\nSettings of the loop (solve --preset NAME; values: opoloop devices --preset NAME)\n";
  for (const LoopPreset& preset : loop_presets())
    out << fmt::format("  {:<26}{}\n", preset.name, preset.summary);
}

void print_preset(std::ostream& out, const std::string& name) {
  bool found = false;
  std::string known;
  for (const MachinePreset& machine : machine_presets()) {
    if (machine.name == name) print_machine(out, machine);
    found |= machine.name == name;
    known += (known.empty() ? "" : ", ") + machine.name;
  }
  for (const LoopPreset& preset : loop_presets()) {
    if (preset.name == name) print_loop(out, preset);
    found |= preset.name == name;
    known += (known.empty() ? "" : ", ") + preset.name;
  }
  if (!found) throw InputError("--preset " + name + ": unknown; known are " + known);
}

/// A device file as it will be used: what it sets, with units, and whose clock it has.
void print_device_file(std::ostream& out, const std::string& path) {
  const DeviceFile file = read_device_file(path);
  out << file.path << (file.description.empty() ? "" : ": " + file.description) << '\n';
  for (const ParameterHelp& p : emulator_parameter_help()) {
    const auto found = file.parameters.find(p.name);
    if (found == file.parameters.end()) continue;
    print_row(out, p.name, p.unit.empty() ? found->second : found->second + " " + p.unit, p.help);
  }
  if (file.parameters.empty()) out << "  sets nothing\n";
  if (!file.machine.empty()) print_machine(out << '\n', machine_preset(file.machine));
}

/// What --set takes on a device: the part of a URI before the first '?' names it.
void print_parameters(std::ostream& out, const std::string& uri) {
  const std::string scheme = make_device(uri)->uri().substr(0, uri.find(':'));
  if (scheme == "opoloop") {
    out << "Parameters of opoloop: those of the server's device, by the names they have there\n";
    return;
  }
  std::span<const ParameterHelp> parameters;
  if (scheme == "emulator") parameters = emulator_parameter_help();
  if (scheme == "annealing") parameters = AnnealingDevice::parameters();
  if (scheme == "dsb" || scheme == "bsb") parameters = BifurcationDevice::parameters();
  if (scheme.starts_with("quanfluence")) parameters = RemoteQuanfluenceDevice::parameters();
  if (scheme == "kaiwu") parameters = KaiwuDevice::parameters();
  if (scheme == "spool") parameters = SpoolDevice::parameters();
  out << fmt::format("Parameters of {}: (--set NAME=VALUE, or {}:?NAME=VALUE)\n", scheme, scheme);
  if (parameters.empty()) out << "  none\n";
  for (const ParameterHelp& p : parameters) {
    std::string text = p.help;
    if (!p.unit.empty()) text += " [" + p.unit + "]";
    if (!p.default_value.empty()) text += " (default: " + p.default_value + ")";
    out << fmt::format("  {:<26}{}\n", p.name, text);
  }
}

}  // namespace

Verb add_devices(CLI::App& program) {
  CLI::App* app = program.add_subcommand("devices", "List devices, machines and published settings");
  struct Options {
    std::string uri, preset, file;
  };
  auto options = std::make_shared<Options>();
  app->add_option("URI", options->uri, "Print every parameter this device takes, such as emulator:");
  app->add_option("--preset", options->preset, "Print the data sheet of one machine or setting, with sources")
      ->type_name("NAME");
  app->add_option("--file", options->file, "Check a device file and print what it sets (docs/devices.md)")
      ->type_name("FILE.toml");
  return {app, [options](const Streams& streams) {
            if (!options->uri.empty()) print_parameters(streams.out, options->uri);
            if (!options->preset.empty()) print_preset(streams.out, options->preset);
            if (!options->file.empty()) print_device_file(streams.out, options->file);
            if (options->uri.empty() && options->preset.empty() && options->file.empty())
              list_all(streams.out);
            return 0;
          }};
}

}  // namespace opoloop
