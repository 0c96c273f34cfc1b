#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace opoloop {

/// A real symmetric matrix known by what it does to a vector.
class SymmetricOperator {
 public:
  virtual ~SymmetricOperator() = default;
  virtual std::int64_t size() const = 0;
  /// No eigenvalue is larger.
  virtual double upper_bound() const = 0;
  /// y ← A x; both of length size(), not overlapping. Called from one thread at a time.
  virtual void apply(const double* x, double* y) const = 0;
};

struct LevelOptions {
  /// Residual at which a level counts as found, about in units of upper_bound − lowest level (and checked to
  /// be no more than 100 times that). A level's error is at most its residual, and about residual²/(distance
  /// to the next level) where that is smaller.
  double tolerance = 1e-9;
  std::int64_t max_products = 20000;  ///< products A x after which the search gives up
  std::function<bool()> stop;         ///< asked every few products; may be empty
};

/// The lowest eigenvalues of an operator, equal ones as often as they occur.
struct Levels {
  std::vector<double> values;                ///< increasing; shorter than asked where it did not converge
  std::vector<std::vector<double>> vectors;  ///< orthonormal, one a value
  std::vector<double> residuals;             ///< |A v − λ v|
  std::int64_t products = 0;                 ///< products A x spent
  bool converged = false;
  bool interrupted = false;  ///< `stop` said so
};

/// The `count` lowest levels on the complement of the orthonormal vectors in `known` (each of them has to be
/// an eigenvector). count is reduced to the dimension. Non-convergence is a status, not an error.
///
/// Lanczos (Spectra's SymEigsSolver) on a Chebyshev polynomial of A instead of A itself (H.-r. Fang, Y. Saad,
/// SIAM J. Sci. Comput. 34, A2220 (2012), doi 10.1137/110836535): the polynomial is small where the unwanted
/// levels lie and grows steeply below, so that few basis vectors suffice and the time goes into products with
/// A instead of orthogonalisation. Where to put its edge is known from a few steps of plain Lanczos, whose
/// Ritz values bound the levels from above (Courant–Fischer).
/// Lanczos sees one vector of every eigenspace. So the search is repeated on the complement of what was found
/// until that has nothing as low: multiplicities are right, not a matter of rounding.
/// Up to 64 dimensions the matrix is diagonalised instead.
Levels lowest_levels(const SymmetricOperator& op, int count, const LevelOptions& options = {},
                     const std::vector<std::vector<double>>& known = {});

}  // namespace opoloop
