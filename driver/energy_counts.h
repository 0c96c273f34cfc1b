#pragma once

#include <string>
#include <utility>
#include <vector>

#include "driver/device.h"

namespace opoloop {

/// Energies and how many runs had them, ascending.
using EnergyCounts = std::vector<std::pair<double, double>>;

/// The best energies of runs as text, "-734*12;-730*52"; diverged runs are left out. Numbers read back as the
/// same doubles.
std::string energies_text(const std::vector<Sample>& samples);

/// The inverse; throws InputError that quotes what is wrong.
EnergyCounts parse_energies(const std::string& text);

}  // namespace opoloop
