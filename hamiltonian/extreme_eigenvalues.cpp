#include "hamiltonian/extreme_eigenvalues.h"

#include <Spectra/SymEigsSolver.h>
#include <Eigen/Dense>

#include <algorithm>
#include <cmath>

namespace opoloop {
namespace {

/// y = J x in Spectra's operator contract, from the rows of the upper triangle.
class CouplingOperator {
 public:
  using Scalar = double;
  explicit CouplingOperator(const IsingModel& model) : model_(model) {}
  Eigen::Index rows() const { return model_.size(); }
  Eigen::Index cols() const { return model_.size(); }
  void perform_op(const double* x, double* y) const {
    std::fill(y, y + model_.size(), 0.0);
    for (std::int32_t i = 0; i < model_.size(); ++i) {
      const auto columns = model_.columns(i);
      const auto couplings = model_.couplings(i);
      double sum = 0;
      for (std::size_t e = 0; e < columns.size(); ++e) {
        sum += couplings[e] * x[columns[e]];
        y[columns[e]] += couplings[e] * x[i];
      }
      y[i] += sum;
    }
  }

 private:
  const IsingModel& model_;
};

}  // namespace

ExtremeEigenvalues extreme_eigenvalues(const IsingModel& model) {
  if (model.edge_count() == 0 && !model.has_field()) return {};
  const IsingModel extended = model.has_field() ? with_ancilla(model) : model;
  const CouplingOperator op(extended);
  const Eigen::Index n = op.rows();
  if (n <= 64) {
    Eigen::MatrixXd J(n, n);
    for (Eigen::Index i = 0; i < n; ++i)
      op.perform_op(Eigen::VectorXd::Unit(n, i).eval().data(), J.col(i).data());
    const Eigen::VectorXd values =
        Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(J, Eigen::EigenvaluesOnly).eigenvalues();
    return {values.minCoeff(), values.maxCoeff()};
  }
  Spectra::SymEigsSolver<CouplingOperator> solver(const_cast<CouplingOperator&>(op), 2, 24);
  solver.init();
  solver.compute(Spectra::SortRule::BothEnds, 100, 1e-2);
  const Eigen::VectorXd values = solver.eigenvalues();
  if (values.size() == 2) return {values.minCoeff(), values.maxCoeff()};
  // Not converged (a spectrum without ends worth the name): the norm bounds both.
  const double bound = std::sqrt(extended.sum_of_squares());
  return {-bound, bound};
}

}  // namespace opoloop
