#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cim_model/parameters.h"
#include "hamiltonian/ising_model.h"

namespace opoloop {

/// A published or tuned setting of the loop.
struct LoopPreset {
  std::string name;     ///< "sk-cac", "sk-cfc", …
  std::string source;   ///< paper and table, or "tuned here (docs/tuning.md)"
  std::string summary;  ///< one line for `opoloop devices`
  LoopParameters parameters;
  /// The pump where it follows from the size of the problem; parameters then have that of N = 100.
  std::string pump_formula = {};
};

const std::vector<LoopPreset>& loop_presets();
/// Parameters of a preset fitted to a problem (some depend on N). Throws InputError listing the known names.
LoopParameters loop_preset(const std::string& name, const IsingModel& model);
/// Law cac-best where nobody asks for a preset: leleu-sk with its strength of 0.25 and its δ of 10 in units
/// of the couplings' root mean square over all pairs (1 for J = ±1), so that J and cJ run alike, and with the
/// pump of 100 spins for smaller problems.
LoopParameters cac_best_parameters(const IsingModel& model);
/// How a linear term enters with this law unless told otherwise (docs/physics.md).
FieldMode usual_field_mode(LawKind law);
/// What `solve FILE` uses when nothing is said: chosen from size, density and field of the problem.
/// look_at_spectrum = false leaves dt as it would be without outlying eigenvalues: for checks that must be
/// quick.
LoopParameters automatic_parameters(const IsingModel& model, bool look_at_spectrum = true);

/// A value of a machine's data sheet with where it comes from. Unknown values are left out, never guessed.
template <class T>
struct Sourced {
  T value;
  std::string source;
};

/// A real coherent Ising machine as published.
struct MachinePreset {
  std::string name;  ///< "ntt-2016", …
  std::string title;
  std::optional<Sourced<std::int64_t>> pulses_usable;
  std::optional<Sourced<std::int64_t>> pulses_in_ring;
  std::optional<Sourced<double>> repetition_rate_hz;
  std::optional<Sourced<double>> fibre_length_m;
  std::optional<Sourced<double>> round_trip_time_s;
  std::optional<Sourced<std::int64_t>> round_trips;      ///< of one run
  std::optional<Sourced<std::int64_t>> read_round_trip;  ///< the round trip whose record is the answer
  std::optional<Sourced<double>> upload_s;
  std::optional<Sourced<double>> read_out_s;
  std::optional<Sourced<int>> adc_bits;
  std::optional<Sourced<std::int64_t>> coupling_min;  ///< integer couplings the electronics take
  std::optional<Sourced<std::int64_t>> coupling_max;
  std::optional<Sourced<Schedule>> pump;  ///< relative to threshold

  /// T = upload + trips · T_rt + read-out, unknown parts counted as 0; empty without a round-trip time.
  std::optional<double> machine_time_s(std::int64_t trips) const;
};

const std::vector<MachinePreset>& machine_presets();
const MachinePreset& machine_preset(const std::string& name);

}  // namespace opoloop
