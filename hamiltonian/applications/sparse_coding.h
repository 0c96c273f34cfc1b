#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hamiltonian/applications/application.h"

namespace opoloop {

/// Atoms of one length, as rows.
struct Atoms {
  int length = 0;
  std::vector<double> values;  ///< [atom][length]
  int count() const { return length == 0 ? 0 : static_cast<int>(values.size()) / length; }
  std::span<const double> atom(int a) const {
    return {values.data() + static_cast<std::ptrdiff_t>(a) * length, static_cast<std::size_t>(length)};
  }
};

/// Sparse coding of a signal over binary atoms (H. Y. Choong, S. Kumar, L. Van Gool, "Quantum annealing for
/// single image super-resolution", CVPRW 2023, arXiv:2304.08924, take the coefficients binary; here each atom
/// comes in copies of a few fixed amplitudes c, of which at most one is taken). x_{a,l}, at index a·L + l:
///
///     F(x) = |y − Σ_{a,l} c_l d_a x_{a,l}|² + λ Σ x,   a conflict for two copies of an atom
///
/// λ counts atoms: ℓ0, which is linear in bits. penalty bound: F(greedy) − 2λ, since an infeasible x costs at
/// least P + 2λ (docs/applications/penalties.md); at least 0.
class SparseCoding : public Application {
 public:
  /// y: length of the atoms. lambda > 0.
  SparseCoding(std::vector<double> y, Atoms atoms, double lambda,
               std::optional<double> penalty = std::nullopt);

  static const std::vector<double>& amplitudes();  ///< −1, −½, ½, 1

  const std::vector<double>& signal() const { return y_; }
  /// Σ of the taken amplitudes of each atom.
  std::vector<double> coefficients(std::span<const std::int8_t> x) const;
  /// Greedy pursuit: the copy that lowers F most, again and again (matching pursuit over fixed amplitudes).
  std::vector<std::int8_t> greedy() const;

  std::vector<std::string> describe(std::span<const std::int8_t> x) const override;
  /// Branch and bound over sets of atoms: with rest r and t more atoms, |r|² can fall by at most twice the
  /// sum of the t largest |d·r|, and not below 0. Proven unless more than kMostNodes sets are visited.
  Reference reference() const override;
  static constexpr std::int64_t kMostNodes = 50'000;

 protected:
  std::string conflict_text(const Conflict& conflict) const override;

 private:
  std::vector<double> y_;
  Atoms atoms_;
  double lambda_;
};

}  // namespace opoloop
