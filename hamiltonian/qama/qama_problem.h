#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hamiltonian/ising_model.h"
#include "hamiltonian/qama/qama_spec.h"
#include "hamiltonian/qubo_model.h"

namespace opoloop {

/// One sample's QAMA problem, kept by its structure: H blocks of M × M couplings and a penalty between heads,
/// M the tokens that are not masked. The (H M q)² matrix is never built unless to_dense() is asked for.
///
/// Spins are ordered (head t, live token i, bit b), b fastest, x = (1+σ)/2. In the project's convention
/// E(σ) = −½ Σ Jσσ − Σ hσ + offset, with w_b = 2^b/(2^q−1), Σ_b w_b = 1, and A^t = c_q sym(J^t) + λ|i−j|/N −
/// μ/N, l = C_l h + 2μs (hamiltonian/qama/qama_spec.h):
///
///     same head            J_{(i,b),(j,b')} = ½ w_b w_b' A_ij   (i = j, b ≠ b' included)
///     same (i, b)          J_{t,t'} = −P/2
///     field                h_{t,i,b} = w_b (l_i + Σ_j A_ij)/2 − P(H−1)/2
///     offset               Σ_t [−½ Σ l − ¼ Σ_ij A_ij − ¼ Σ_b w_b² Σ_i A_ii + μ s² N] + P M q H(H−1)/4
///
/// so that E(σ) and the QUBO energy of x are the same number.
class QamaProblem {
 public:
  QamaProblem() = default;

  /// J [H, N, N] (symmetrised here; its diagonal counts as given), h [H, N], row-major; `removed` [N], true
  /// where a token is masked, or empty. Throws InputError on sizes that do not match, H or N below 1, numbers
  /// that are not finite. A problem whose tokens are all masked has no spins.
  QamaProblem(const QamaSpec& spec, int heads, int tokens, std::span<const float> J, std::span<const float> h,
              std::span<const std::uint8_t> removed = {});

  const QamaSpec& spec() const { return spec_; }
  int heads() const { return heads_; }
  int tokens() const { return tokens_; }  ///< N of the input, masked ones included
  int live() const { return static_cast<int>(live_.size()); }
  int bits() const { return spec_.bits; }
  int spins() const { return heads_ * live() * spec_.bits; }
  /// Places of the live tokens among the N, increasing.
  std::span<const int> live_tokens() const { return live_; }

  /// A^t_ij and l_{t,i} above, i and j counting live tokens.
  double block(int head, int i, int j) const {
    const double distance = static_cast<double>(live_[at(i)] > live_[at(j)] ? live_[at(i)] - live_[at(j)]
                                                                            : live_[at(j)] - live_[at(i)]);
    return spec_.c_q * static_cast<double>(J_[(at(head) * live_.size() + at(i)) * live_.size() + at(j)]) +
           distance_factor_ * distance - sparsity_factor_;
  }
  double linear(int head, int i) const {
    return linear_factor_ * static_cast<double>(h_[at(head) * live_.size() + at(i)]) +
           2 * spec_.sparsity * spec_.sparsity_target;
  }
  double head_penalty() const { return penalty_; }
  /// w_b = 2^b / (2^q − 1).
  double bit_weight(int bit) const {
    return static_cast<double>(1 << bit) / static_cast<double>((1 << spec_.bits) - 1);
  }

  /// E(x) in QUBO form, summed in double straight from the formula; x holds spins() values 0 or 1.
  double qubo_energy(std::span<const std::int8_t> x) const;
  /// The same from spins ±1, in O(H M²).
  double energy(std::span<const std::int8_t> sigma) const;

  /// h and offset of the Ising form.
  std::vector<double> field() const;
  double offset() const;
  /// All of it as a matrix, and as a QUBO with the same order of variables. Throw InputError without spins.
  IsingModel to_dense() const;
  QuboModel to_qubo() const;

 private:
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }

  QamaSpec spec_;
  int heads_ = 0;
  int tokens_ = 0;
  std::vector<int> live_;
  std::vector<float> J_;  // [H][M][M], symmetric
  std::vector<float> h_;  // [H][M]
  double linear_factor_ = 0;
  double penalty_ = 0;
  double distance_factor_ = 0;
  double sparsity_factor_ = 0;
};

}  // namespace opoloop
