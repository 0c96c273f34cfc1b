#include "attention/layer_norm.h"

#include <cmath>

namespace opoloop {

template <class Scalar>
RowMatrix<Scalar> LayerNorm<Scalar>::forward(const RowMatrix<Scalar>& x, Saved& saved) const {
  constexpr double kFloor = 1e-5;
  saved.normal = x.colwise() - x.rowwise().mean();
  saved.inverse_sd = (saved.normal.rowwise().squaredNorm() / static_cast<Scalar>(x.cols())).array() +
                     static_cast<Scalar>(kFloor);
  saved.inverse_sd = saved.inverse_sd.array().rsqrt();
  saved.normal.array().colwise() *= saved.inverse_sd.array();
  RowMatrix<Scalar> y = saved.normal.array().rowwise() * gain.array();
  y.rowwise() += bias;
  return y;
}

template <class Scalar>
typename LayerNorm<Scalar>::Gradient LayerNorm<Scalar>::backward(
    const Saved& saved, const RowMatrix<Scalar>& output_gradient) const {
  Gradient g;
  g.bias = output_gradient.colwise().sum();
  g.gain = (output_gradient.array() * saved.normal.array()).colwise().sum();
  // With n the normalised row and δ = gain ∘ ∂L/∂y: ∂L/∂x = (δ − mean(δ) − n mean(δ∘n)) / sd.
  const RowMatrix<Scalar> delta = output_gradient.array().rowwise() * gain.array();
  const Eigen::Matrix<Scalar, Eigen::Dynamic, 1> mean = delta.rowwise().mean();
  const Eigen::Matrix<Scalar, Eigen::Dynamic, 1> along =
      (delta.array() * saved.normal.array()).rowwise().mean();
  g.x = delta.colwise() - mean;
  g.x.array() -= saved.normal.array().colwise() * along.array();
  g.x.array().colwise() *= saved.inverse_sd.array();
  return g;
}

template struct LayerNorm<float>;
template struct LayerNorm<double>;

}  // namespace opoloop
