#pragma once

#include <cstdint>
#include <vector>

#include "hamiltonian/spectra/lowest_levels.h"
#include "hamiltonian/spectra/state_space.h"

namespace opoloop {

/// H = −Γ Σ_i σˣ_i + D on a state space, D diagonal in the states:
///
///     (H v)(x) = d(x) v(x) − Γ Σ_i v(x with spin i flipped)
///
/// d is held once, 2^n doubles; nothing else is stored. Every element of the result is summed by one thread
/// in a fixed order, so that it does not depend on the number of threads.
class TransverseFieldOperator final : public SymmetricOperator {
 public:
  /// energy: [space.size()], outlives the operator; d = scale · energy. gamma ≥ 0.
  TransverseFieldOperator(const StateSpace& space, const std::vector<double>& energy, double scale,
                          double gamma, int threads = 1);

  std::int64_t size() const override { return space_.size(); }
  double upper_bound() const override { return upper_bound_; }
  void apply(const double* x, double* y) const override;

 private:
  StateSpace space_;
  const std::vector<double>& energy_;
  double scale_;
  double gamma_;
  int threads_;
  double upper_bound_;
};

}  // namespace opoloop
