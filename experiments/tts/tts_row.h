#pragma once

#include <limits>
#include <string>
#include <vector>

#include "driver/energy_counts.h"
#include "driver/sweep_file.h"
#include "experiments/points/point_plan.h"

namespace opoloop {

/// One point of `experiment tts`: runs of one device on one instance at one length. What every run found is
/// kept, not whether that was enough: the answer to any target energy follows from the rows, and the least
/// energy that anybody found is known only when all points are.
struct TtsRow {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  std::string family;
  std::string group;     ///< the class
  std::string instance;  ///< name
  std::string source;    ///< file, or the command that generates it
  std::string device;    ///< its name in the study
  std::string uri;
  std::string role;          ///< kRoleStudy or kRoleReference
  std::string energies;      ///< energies_text() of the best energies of the runs
  std::string known_source;  ///< of known_energy
  double spins = kNone;
  double length = kNone;             ///< steps of a run; NaN: the device's own choice (references)
  double trials = kNone;             ///< runs, diverged ones included
  double diverged = kNone;           ///< runs without an energy
  double products_per_step = kNone;  ///< matrix–vector products; 0: the device makes none
  double run_s = kNone;              ///< wall seconds of a run, one thread
  double machine_s = kNone;          ///< of a run on the machine preset
  double known_energy = kNone;       ///< best known
  double zero_energy = kNone;        ///< energy_zero()
  double term = kNone;               ///< largest |J| or |h|: energies are compared to 1e−9 of it
};
inline constexpr const char* kRoleStudy = "study";
inline constexpr const char* kRoleReference = "reference";

const std::vector<PointColumn>& tts_columns();
/// In the order of the columns.
PointValues tts_values(const TtsRow& row);
/// Throws InputError where there are other columns than tts_columns().
TtsRow tts_row(const PointValues& values);
/// The measured points of an experiment file; failed ones are left out and told, "name: reason".
std::vector<TtsRow> tts_rows(const Sweep& sweep, std::vector<std::string>* failed = nullptr);

}  // namespace opoloop
