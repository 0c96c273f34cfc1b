#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace opoloop {

/// One coupling of an Ising model, i < j (0-based).
struct IsingEdge {
  std::int32_t i;
  std::int32_t j;
  double J;
};

/// An Ising problem, the one convention inside the program:
///
///     E(σ) = −½ Σ_ij J_ij σ_i σ_j − Σ_i h_i σ_i + offset,   σ_i ∈ {−1,+1},  J symmetric, J_ii = 0 (minimise)
///
/// so each unordered pair counts once: E = −Σ_{i<j} J_ij σ_i σ_j − Σ h_i σ_i + offset. J > 0 is
/// ferromagnetic. Couplings are kept exactly, in double, as the rows of the strictly upper triangle.
class IsingModel {
 public:
  IsingModel() = default;

  /// size n ≥ 1; edges in any order, i ≠ j, each unordered pair at most once; h empty or of length n.
  /// Zero couplings are dropped. Throws InputError on a pair out of range, repeated or not finite.
  IsingModel(std::int32_t n, std::vector<IsingEdge> edges, std::vector<double> h = {}, double offset = 0);

  std::int32_t size() const { return n_; }
  std::int64_t edge_count() const { return static_cast<std::int64_t>(column_.size()); }
  /// Columns j > i of row i in increasing order, and their couplings J_ij.
  std::span<const std::int32_t> columns(std::int32_t i) const;
  std::span<const double> couplings(std::int32_t i) const;
  /// All edges, row by row.
  std::vector<IsingEdge> edges() const;
  /// Length n; all zero where the problem has no linear term.
  std::span<const double> field() const { return h_; }
  bool has_field() const;
  double offset() const { return offset_; }

  /// E(σ) in double; spins has length n and holds ±1.
  double energy(std::span<const std::int8_t> spins) const;

  /// Σ_ij J_ij² over ordered pairs.
  double sum_of_squares() const;
  /// max |J_ij|; 0 without couplings.
  double largest_coupling() const;
  /// max over |J_ij| and |h_i|: the size of one term of the energy, what rounding is measured by.
  double largest_term() const;
  /// True where every coupling is an integer with |J| ≤ bound.
  bool integer_couplings(double bound) const;
  /// edge_count / (n(n−1)/2); 0 for n = 1.
  double density() const;

 private:
  std::int32_t n_ = 0;
  std::vector<std::int64_t> row_start_;  // n + 1
  std::vector<std::int32_t> column_;
  std::vector<double> coupling_;
  std::vector<double> h_;
  double offset_ = 0;
};

/// The same problem with a linear term moved into one more spin (index n, the ancilla, J_in = h_i): flipping
/// all spins leaves E unchanged, so a solution is read relative to the ancilla. For devices without fields.
IsingModel with_ancilla(const IsingModel& model);

/// Undoes with_ancilla on a sample: multiplies the first n spins by the last one.
std::vector<std::int8_t> drop_ancilla(std::span<const std::int8_t> spins);

}  // namespace opoloop
