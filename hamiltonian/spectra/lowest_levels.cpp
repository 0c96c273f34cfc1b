#include "hamiltonian/spectra/lowest_levels.h"

#include <Spectra/SymEigsSolver.h>
#include <Eigen/Dense>

#include <algorithm>
#include <cmath>

namespace opoloop {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr Index kDenseSize = 64;
/// Largest value of the filter on the wanted levels: beyond it the upper ones of them drown in rounding.
constexpr double kFilterTop = 1e4;
/// Beyond this the products cost more than the orthogonalisation they save (measured at 2^14 … 2^17 states).
constexpr int kFilterMaxDegree = 12;
/// The filter's tolerance is relative to its own values; on A it comes out a little larger or smaller.
constexpr double kResidualSlack = 100;
/// Start vectors of different searches come from seeds far apart.
constexpr unsigned long kSeedStep = 15485863;

/// Leaves Spectra's loops; never leaves this file.
enum class Ended { stopped, exhausted };

/// Counts products and ends the search where its limits say so.
class Products {
 public:
  Products(const SymmetricOperator& op, const LevelOptions& options) : op_(op), options_(options) {}
  void apply(const double* x, double* y) {
    if (options_.stop && options_.stop()) throw Ended::stopped;
    if (count_ >= options_.max_products) throw Ended::exhausted;
    ++count_;
    op_.apply(x, y);
  }
  std::int64_t count() const { return count_; }
  Index size() const { return static_cast<Index>(op_.size()); }
  double upper_bound() const { return op_.upper_bound(); }

 private:
  const SymmetricOperator& op_;
  const LevelOptions& options_;
  std::int64_t count_ = 0;
};

/// P p(A) P in Spectra's operator contract: p(A) = T_m((A − centre)/half) with m even, or top − A for m = 1;
/// P projects the columns of `out` away. Either way what is wanted has the largest eigenvalues, and what is
/// projected away has 0, below them all.
class FilteredOperator {
 public:
  using Scalar = double;
  FilteredOperator(Products& products, const MatrixXd& out) : products_(products), out_(out) {}

  void set_filter(double edge, double top, int degree) {
    centre_ = (edge + top) / 2;
    half_ = (top - edge) / 2;
    top_ = top;
    degree_ = degree;
  }

  Index rows() const { return products_.size(); }
  Index cols() const { return products_.size(); }

  void perform_op(const double* x, double* y) const {
    const Index n = rows();
    Eigen::Map<VectorXd> result(y, n);
    older_ = Eigen::Map<const VectorXd>(x, n);
    project(older_);
    newer_.resize(n);
    products_.apply(older_.data(), newer_.data());
    if (degree_ == 1) {
      newer_ = top_ * older_ - newer_;
    } else {
      newer_ = (newer_ - centre_ * older_) / half_;
      for (int k = 1; k < degree_; ++k) {
        product_.resize(n);
        products_.apply(newer_.data(), product_.data());
        // T_{k+1} = 2 z T_k − T_{k−1}, over the older of the two.
        older_ = (2 / half_) * (product_ - centre_ * newer_) - older_;
        older_.swap(newer_);
      }
    }
    result = newer_;
    project(result);
  }

 private:
  template <class Vector>
  void project(Vector&& v) const {
    if (out_.cols() == 0) return;
    const VectorXd overlap = out_.transpose() * v;
    v -= out_ * overlap;
  }

  Products& products_;
  const MatrixXd& out_;
  double centre_ = 0, half_ = 1, top_ = 0;
  int degree_ = 1;
  mutable VectorXd older_, newer_, product_;
};

class Solver : public Spectra::SymEigsSolver<FilteredOperator> {
 public:
  using Spectra::SymEigsSolver<FilteredOperator>::SymEigsSolver;
  /// Ritz values, converged or not, as compute() sorted them.
  VectorXd ritz_values() const { return m_ritz_val.head(m_nev); }
};

MatrixXd as_matrix(const std::vector<std::vector<double>>& columns, Index rows) {
  MatrixXd matrix(rows, static_cast<Index>(columns.size()));
  for (Index k = 0; k < matrix.cols(); ++k) {
    matrix.col(k) = Eigen::Map<const VectorXd>(columns[static_cast<std::size_t>(k)].data(), rows);
  }
  return matrix;
}

MatrixXd beside(const MatrixXd& left, const MatrixXd& right) {
  MatrixXd both(left.rows(), left.cols() + right.cols());
  both << left, right;
  return both;
}

MatrixXd times(Products& products, const MatrixXd& vectors) {
  MatrixXd result(vectors.rows(), vectors.cols());
  for (Index k = 0; k < vectors.cols(); ++k) products.apply(vectors.col(k).data(), result.col(k).data());
  return result;
}

/// Found vectors with their levels, turned into the best approximation within their span (Rayleigh–Ritz).
struct Found {
  MatrixXd vectors;
  VectorXd values;
  VectorXd residuals;
};

Found rayleigh_ritz(Products& products, const MatrixXd& span, Index keep) {
  const MatrixXd basis =
      Eigen::HouseholderQR<MatrixXd>(span).householderQ() * MatrixXd::Identity(span.rows(), span.cols());
  const MatrixXd image = times(products, basis);
  const MatrixXd inner = basis.transpose() * image;
  const Eigen::SelfAdjointEigenSolver<MatrixXd> small((inner + inner.transpose()) / 2);
  const Index count = std::min(keep, basis.cols());
  Found found;
  found.values = small.eigenvalues().head(count);
  found.vectors = basis * small.eigenvectors().leftCols(count);
  found.residuals = (image * small.eigenvectors().leftCols(count) - found.vectors * found.values.asDiagonal())
                        .colwise()
                        .norm();
  return found;
}

Levels to_levels(const Found& found, const Products& products, bool converged) {
  Levels levels;
  levels.converged = converged;
  levels.products = products.count();
  for (Index k = 0; k < found.values.size(); ++k) {
    levels.values.push_back(found.values[k]);
    levels.residuals.push_back(found.residuals[k]);
    levels.vectors.emplace_back(found.vectors.col(k).data(),
                                found.vectors.col(k).data() + found.vectors.rows());
  }
  return levels;
}

/// Small enough to diagonalise, on the complement of `known`.
Levels dense_levels(Products& products, Index count, const MatrixXd& known) {
  const Index n = products.size();
  const MatrixXd full = times(products, MatrixXd::Identity(n, n));
  MatrixXd complement = MatrixXd::Identity(n, n);
  if (known.cols() > 0) {
    const MatrixXd q = Eigen::HouseholderQR<MatrixXd>(known).householderQ();
    complement = q.rightCols(n - known.cols()).eval();
  }
  const MatrixXd inner = complement.transpose() * full * complement;
  const Eigen::SelfAdjointEigenSolver<MatrixXd> small((inner + inner.transpose()) / 2);
  Found found;
  found.values = small.eigenvalues().head(count);
  found.vectors = complement * small.eigenvectors().leftCols(count);
  found.residuals = (full * found.vectors - found.vectors * found.values.asDiagonal()).colwise().norm();
  return to_levels(found, products, true);
}

class Search {
 public:
  Search(const SymmetricOperator& op, Index count, const LevelOptions& options, MatrixXd known)
      : products_(op, options),
        options_(options),
        count_(count),
        known_(std::move(known)),
        out_(known_),
        filtered_(products_, out_) {}

  Levels run() {
    try {
      const Index free = products_.size() - known_.cols();
      if (products_.size() <= kDenseSize || 4 * (count_ + 2) > free) {
        return dense_levels(products_, count_, known_);
      }
      place_filter();
      const bool converged = first_pass() && complement_passes() && residuals_small();
      return to_levels(found_, products_, converged);
    } catch (const Ended why) {
      Levels levels = to_levels(found_, products_, false);
      levels.interrupted = why == Ended::stopped;
      return levels;
    }
  }

 private:
  Index basis_size(Index wanted) const {
    return std::min<Index>(std::max<Index>(2 * wanted + 6, 12), products_.size() - known_.cols() - 1);
  }

  /// A few steps of plain Lanczos: Ritz values bound the levels from above, so that everything wanted lies
  /// below the edge of the filter whatever the spectrum is like.
  void place_filter() {
    const double top = products_.upper_bound();
    filtered_.set_filter(0, top, 1);
    Solver lanczos(filtered_, count_, basis_size(count_));
    lanczos.init();
    lanczos.compute(Spectra::SortRule::LargestAlge, 2, 1e-3, Spectra::SortRule::LargestAlge);
    const double lowest = top - lanczos.ritz_values().maxCoeff();
    const double highest = top - lanczos.ritz_values().minCoeff();
    const double width = top - lowest;
    const double edge = highest + 0.5 * (highest - lowest) + 0.05 * width;
    if (edge > top - 0.25 * width) return;  // what is wanted fills the spectrum: nothing to filter
    const double z = (top + edge - 2 * lowest) / (top - edge);  // > 1: where the lowest level lies
    const int degree = 2 * static_cast<int>(std::acosh(kFilterTop) / std::acosh(z) / 2);
    filtered_.set_filter(edge, top, std::clamp(degree, 2, kFilterMaxDegree));
  }

  /// Eigenvectors of the `wanted` largest eigenvalues of the filtered operator, as many as converged. Starts
  /// from a vector of its own each time: what one search cannot see is orthogonal to where it started.
  MatrixXd solve(Index wanted, double tolerance) {
    const VectorXd start =
        Spectra::SimpleRandom<double>(kSeedStep * ++searches_).random_vec(products_.size());
    Solver lanczos(filtered_, wanted, basis_size(wanted));
    lanczos.init(start.data());
    lanczos.compute(Spectra::SortRule::LargestAlge, 100000, tolerance, Spectra::SortRule::LargestAlge);
    return lanczos.eigenvectors();
  }

  bool first_pass() {
    found_ = rayleigh_ritz(products_, solve(count_, options_.tolerance), count_);
    return found_.values.size() == count_;
  }

  /// Looks for levels that the first pass could not see, until the lowest that is left lies above.
  bool complement_passes() {
    for (Index pass = 0; pass <= count_ + 2; ++pass) {
      out_ = beside(known_, found_.vectors);
      const Found rest = rayleigh_ritz(products_, solve(1, 1e-3), 1);
      if (rest.values.size() == 0) return false;
      const double last = found_.values[count_ - 1];
      // Loosely converged: clearly above is enough, else look again closely.
      if (rest.values[0] - rest.residuals[0] > last) return true;
      const Found close = rayleigh_ritz(products_, solve(1, options_.tolerance), 1);
      if (close.values.size() == 0) return false;
      if (close.values[0] >= last) return true;
      found_ = rayleigh_ritz(products_, beside(found_.vectors, close.vectors), count_);
    }
    return true;
  }

  /// What Lanczos estimated, checked on A itself.
  bool residuals_small() const {
    const double width = products_.upper_bound() - found_.values[0];
    return found_.residuals.maxCoeff() <= kResidualSlack * options_.tolerance * width;
  }

  Products products_;
  const LevelOptions& options_;
  Index count_;
  MatrixXd known_;
  MatrixXd out_;
  FilteredOperator filtered_;
  Found found_;
  unsigned long searches_ = 0;
};

}  // namespace

Levels lowest_levels(const SymmetricOperator& op, int count, const LevelOptions& options,
                     const std::vector<std::vector<double>>& known) {
  const auto size = static_cast<Index>(op.size());
  const Index free = size - static_cast<Index>(known.size());
  const Index wanted = std::min<Index>(count, free);
  if (wanted < 1) {
    Levels none;
    none.converged = true;
    return none;
  }
  return Search(op, wanted, options, as_matrix(known, size)).run();
}

}  // namespace opoloop
