#pragma once

#include <Eigen/Dense>

namespace opoloop {

/// Central differences of residuals, for functors of Eigen's Levenberg–Marquardt: column p of `jacobian` is
/// ∂ residual/∂ theta_p. Parameters are scaled so that 1e-4 is small for each of them.
template <class Functor>
void numerical_jacobian(const Functor& residuals, const Eigen::VectorXd& theta, Eigen::MatrixXd& jacobian) {
  constexpr double kStep = 1e-4;
  Eigen::VectorXd up(jacobian.rows()), down(jacobian.rows());
  for (Eigen::Index p = 0; p < theta.size(); ++p) {
    Eigen::VectorXd moved = theta;
    moved[p] = theta[p] + kStep;
    residuals(moved, up);
    moved[p] = theta[p] - kStep;
    residuals(moved, down);
    jacobian.col(p) = (up - down) / (2 * kStep);
  }
}

}  // namespace opoloop
