#include "hamiltonian/spectra/machine_modes.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace opoloop {
namespace {

/// −(diag(d) + ξJ) from the rows of J's upper triangle: its lowest levels are the largest modes.
class NegatedMatrix final : public SymmetricOperator {
 public:
  NegatedMatrix(const IsingModel& model, double xi, std::vector<double> diagonal)
      : model_(model), xi_(xi), diagonal_(std::move(diagonal)) {
    // Gershgorin: no eigenvalue of the negated matrix above max_i (−d_i + |ξ| Σ_j |J_ij|).
    std::vector<double> sums(diagonal_.size(), 0.0);
    for (const IsingEdge& edge : model.edges()) {
      sums[static_cast<std::size_t>(edge.i)] += std::abs(xi * edge.J);
      sums[static_cast<std::size_t>(edge.j)] += std::abs(xi * edge.J);
    }
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] -= diagonal_[i];
    upper_bound_ = *std::max_element(sums.begin(), sums.end());
  }
  std::int64_t size() const override { return model_.size(); }
  double upper_bound() const override { return upper_bound_; }
  void apply(const double* x, double* y) const override {
    for (std::int32_t i = 0; i < model_.size(); ++i) y[i] = -diagonal_[static_cast<std::size_t>(i)] * x[i];
    for (std::int32_t i = 0; i < model_.size(); ++i) {
      const auto columns = model_.columns(i);
      const auto couplings = model_.couplings(i);
      double sum = 0;
      for (std::size_t e = 0; e < columns.size(); ++e) {
        sum += couplings[e] * x[columns[e]];
        y[columns[e]] -= xi_ * couplings[e] * x[i];
      }
      y[i] -= xi_ * sum;
    }
  }

 private:
  const IsingModel& model_;
  double xi_;
  std::vector<double> diagonal_;
  double upper_bound_;
};

Modes largest(const IsingModel& model, double xi, std::vector<double> diagonal, int count,
              const LevelOptions& options) {
  const Levels levels = lowest_levels(NegatedMatrix(model, xi, std::move(diagonal)), count, options);
  Modes modes;
  modes.vectors = levels.vectors;
  modes.converged = levels.converged;
  modes.products = levels.products;
  for (const double level : levels.values) modes.values.push_back(-level);
  return modes;
}

}  // namespace

Modes coupling_modes(const IsingModel& model, int count, const LevelOptions& options) {
  const IsingModel extended = model.has_field() ? with_ancilla(model) : model;
  // Lanczos' tolerances know the scale 1; J may come in units of 1e−24.
  const double scale = extended.largest_coupling() > 0 ? extended.largest_coupling() : 1;
  Modes modes = largest(extended, 1 / scale,
                        std::vector<double>(static_cast<std::size_t>(extended.size()), 0.0), count, options);
  for (double& value : modes.values) value *= scale;
  return modes;
}

Modes jacobian_modes(const IsingModel& model, double xi, double pump, std::span<const double> x, int count,
                     const LevelOptions& options) {
  const IsingModel extended = model.has_field() ? with_ancilla(model) : model;
  if (x.size() != static_cast<std::size_t>(extended.size())) {
    throw_parameter_error("amplitudes", static_cast<double>(x.size()), "one a spin, and the ancilla's");
  }
  std::vector<double> diagonal;
  for (const double amplitude : x) diagonal.push_back(-(1 - pump) - 3 * amplitude * amplitude);
  return largest(extended, xi, std::move(diagonal), count, options);
}

}  // namespace opoloop
