#include "hamiltonian/spectra/state_space.h"

#include <fmt/format.h>

#include <cmath>
#include <cstddef>

#include "core/error.h"

namespace opoloop {

void require_spectrum_size(const IsingModel& model) {
  if (model.size() <= kSpectrumMaxSpins) return;
  throw InputError(
      fmt::format("spins = {}: spectra over all states need at most {} spins; the machine's own "
                  "modes work for any number (--only machine)",
                  model.size(), kSpectrumMaxSpins));
}

std::vector<double> state_energies(const IsingModel& model, const StateSpace& space) {
  require_spectrum_size(model);
  if (space.half() && model.has_field()) {
    throw InputError("a problem with a linear term has no even and odd states");
  }
  const int n = model.size();
  const auto size = static_cast<std::size_t>(space.size());
  std::vector<double> energy(size, 0.0);
  std::vector<double> field(size);
  // Spin by spin: the states of the first k spins double into those of k + 1, E ∓ f_k, where f_k = h_k +
  // Σ_{j<k} J_jk σ_j is itself doubled spin by spin.
  std::vector<double> row(static_cast<std::size_t>(n));
  for (int k = 0; k < n; ++k) {
    for (int j = 0; j < k; ++j) {
      row[static_cast<std::size_t>(j)] = 0;
      const auto columns = model.columns(j);
      for (std::size_t e = 0; e < columns.size(); ++e) {
        if (columns[e] == k) row[static_cast<std::size_t>(j)] = model.couplings(j)[e];
      }
    }
    field[0] = model.field()[static_cast<std::size_t>(k)];
    for (int j = 0; j < k; ++j) {
      const double J = row[static_cast<std::size_t>(j)];
      const std::size_t half = std::size_t{1} << j;
      for (std::size_t x = 0; x < half; ++x) {
        field[half + x] = field[x] - J;
        field[x] += J;
      }
    }
    const std::size_t known = std::size_t{1} << k;
    const bool both = known < size;  // in a half space the last spin stays +1
    for (std::size_t x = 0; x < known; ++x) {
      if (both) energy[known + x] = energy[x] + field[x];
      energy[x] -= field[x];
    }
  }
  return energy;
}

double energy_tie(const IsingModel& model) {
  double sum = 0;
  for (std::int32_t i = 0; i < model.size(); ++i) {
    for (const double J : model.couplings(i)) sum += std::abs(J);
    sum += std::abs(model.field()[static_cast<std::size_t>(i)]);
  }
  return 1e-10 * sum;
}

}  // namespace opoloop
