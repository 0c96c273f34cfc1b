#pragma once

#include <Eigen/Dense>

#include <cmath>
#include <cstdint>
#include <vector>

#include "core/random.h"
#include "hamiltonian/ising_model.h"

namespace opoloop::test {

/// All pairs normal; fields normal or none.
inline IsingModel random_model(int n, bool field, std::uint64_t seed) {
  RandomSequence random(seed, Stream::generator);
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) edges.push_back({i, j, random.normal() / std::sqrt(n)});
  }
  std::vector<double> h;
  for (int i = 0; field && i < n; ++i) h.push_back(0.5 * random.normal());
  return IsingModel(n, edges, h, 3.25);
}

inline IsingModel ring_model(int n, double J) {
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) edges.push_back({std::min(i, (i + 1) % n), std::max(i, (i + 1) % n), J});
  return IsingModel(n, edges);
}

/// σ_i of state x: bit i set is −1.
inline int spin_of(std::int64_t x, int i) {
  return (x >> i & 1) != 0 ? -1 : 1;
}

/// E of a state without the offset, straight from the definition.
inline double plain_energy(const IsingModel& model, std::int64_t x) {
  std::vector<std::int8_t> spins;
  for (int i = 0; i < model.size(); ++i) spins.push_back(static_cast<std::int8_t>(spin_of(x, i)));
  return model.energy(spins) - model.offset();
}

/// Columns (|x⟩ ± |x̄⟩)/√2 over states whose last spin is +1.
inline Eigen::MatrixXd parity_basis(int n, int sign) {
  const Eigen::Index size = Eigen::Index{1} << n;
  Eigen::MatrixXd basis = Eigen::MatrixXd::Zero(size, size / 2);
  for (Eigen::Index x = 0; x < size / 2; ++x) {
    basis(x, x) = std::sqrt(0.5);
    basis(size - 1 - x, x) = sign * std::sqrt(0.5);
  }
  return basis;
}

inline std::vector<double> eigenvalues(const Eigen::MatrixXd& symmetric) {
  const Eigen::VectorXd values =
      Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(symmetric, Eigen::EigenvaluesOnly).eigenvalues();
  return {values.data(), values.data() + values.size()};
}

}  // namespace opoloop::test
