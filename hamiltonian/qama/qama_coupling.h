#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "hamiltonian/coupling.h"
#include "hamiltonian/kernels/matrix_kernels.h"
#include "hamiltonian/qama/qama_problem.h"

namespace opoloop {

/// The Ising couplings of a QAMA problem as an operator that never builds the (H N q)² matrix: bits are
/// contracted to m_i = Σ_b w_b σ_{i,b}, each head's M × M block is applied to m and expanded again, and the
/// head penalty is a sum over heads for every (i, b). Cost H M² + H M q a trajectory.
/// Sums run in another order than those of the dense matrix: they agree to rounding, not to the bit.
class QamaCoupling final : public Coupling {
 public:
  /// Throws InputError where every token is masked.
  explicit QamaCoupling(const QamaProblem& problem);

  int size() const override { return heads_ * rows_; }
  std::string storage() const override { return "qama"; }
  std::int64_t stored_couplings() const override;
  bool exact_energies() const override { return false; }
  void apply(const float* x, float* field, int tiles) const override;
  void energies(const float* x, double* energy, int tiles) const override;
  void apply_one(const float* x, float* field, double* energy) const override;

 private:
  const float* panels(int head) const {
    return panels_.data() + static_cast<std::size_t>(head) * panel_size_;
  }
  /// Row width 16 (a tile) or 1 (one trajectory).
  void contract(const float* x, int width, float* m) const;
  void expand(const float* product, const float* x, int head, int width, float* field) const;

  int heads_;
  int live_;
  int bits_;
  int rows_;  // spins of a head, live · bits
  float penalty_;
  std::vector<float> weight_;            // w_b
  std::vector<float> self_;              // ½ A_ii, [H][M]: what m_i of a token holds of itself
  std::size_t panel_size_;               // floats of one head
  kernels::AlignedArray<float> panels_;  // ½ A by heads; diagonal 0 where q = 1
};

/// A batch of different problems: one state a problem, one after the other, each [tile][spins][16].
class QamaBatch {
 public:
  /// Problems without spins (all tokens masked) take no room.
  explicit QamaBatch(std::span<const QamaProblem> problems);

  std::size_t size() const { return start_.size() - 1; }
  /// Floats of the state of the whole batch for one tile of 16 trajectories a problem.
  std::size_t state_size() const { return start_.back(); }
  /// Where the state of a problem starts, for one tile a problem.
  std::size_t start(std::size_t problem) const { return start_[problem]; }
  /// The coupling of a problem, or null where it has no spins.
  const QamaCoupling* coupling(std::size_t problem) const;

  /// field ← J x for every problem, one tile each, on so many threads; the bits do not depend on them.
  void apply(const float* x, float* field, int threads) const;

 private:
  std::vector<QamaCoupling> couplings_;
  std::vector<std::ptrdiff_t> index_;  // of the coupling of a problem, −1 for none
  std::vector<std::size_t> start_;
};

}  // namespace opoloop
