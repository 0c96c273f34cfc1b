#include "hamiltonian/tile_energies.h"

#include <array>

namespace opoloop {

std::vector<double> tile_energies(const IsingModel& model,
                                  const std::vector<const std::vector<std::int8_t>*>& spins) {
  constexpr std::size_t kLanes = 16;
  using Row = std::array<double, kLanes>;
  const auto n = static_cast<std::size_t>(model.size());
  std::vector<Row> sigma(n, Row{});
  for (std::size_t lane = 0; lane < spins.size(); ++lane) {
    for (std::size_t i = 0; i < n; ++i) sigma[i][lane] = (*spins[lane])[i];
  }
  Row pairs{};
  Row linear{};
  for (std::size_t i = 0; i < n; ++i) {
    const auto columns = model.columns(static_cast<std::int32_t>(i));
    const auto couplings = model.couplings(static_cast<std::int32_t>(i));
    Row row{};
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const Row& other = sigma[static_cast<std::size_t>(columns[k])];
      for (std::size_t lane = 0; lane < kLanes; ++lane) row[lane] += couplings[k] * other[lane];
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      pairs[lane] += row[lane] * sigma[i][lane];
      linear[lane] += model.field()[i] * sigma[i][lane];
    }
  }
  std::vector<double> energy;
  for (std::size_t lane = 0; lane < spins.size(); ++lane) {
    energy.push_back(-pairs[lane] - linear[lane] + model.offset());
  }
  return energy;
}

}  // namespace opoloop
